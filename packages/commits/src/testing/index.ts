import type { FuzzTarget } from './fuzz.ts';
import { attackTargets } from './fuzz-attacks.ts';
import { certificateTargets } from './fuzz-certificates.ts';
import { signedTargets } from './fuzz-commits.ts';
import { objectTargets } from './fuzz-objects.ts';
import { openPgpTargets } from './fuzz-openpgp.ts';
import { sshTargets } from './fuzz-ssh.ts';

export { type Keys, pemOf, sealMessage } from './certificate.ts';
export { fuzz } from './fuzz.ts';
export * as sigstore from './gitsign-message.ts';

/** Every parser that reads what strangers wrote, and the verdicts on what they signed. */
export const fuzzTargets: readonly FuzzTarget[] = [
  ...objectTargets,
  ...sshTargets,
  ...certificateTargets,
  ...attackTargets,
  ...openPgpTargets,
  ...signedTargets,
];
