import type { Ports } from '@zakenak/core';
import { sopsFailed } from '../errors.ts';
import { isRecord } from '../objects/json.ts';

type Values = Readonly<Record<string, unknown>>;

/** The ports that decrypting reaches. */
export type SopsPorts = Pick<Ports, 'process' | 'redactor'>;

/** True for a file that SOPS encrypted (https://getsops.io): its metadata lies under the key `sops`. */
export function isEncrypted({ sops }: Values): boolean {
  return isRecord(sops) && typeof sops['mac'] === 'string';
}

/** True where something that SOPS encrypted stands without the metadata that it is decrypted by: it would be deployed as it is. */
export function lostMetadata(values: unknown): boolean {
  if (typeof values === 'string') return /^ENC\[AES256_GCM,data:/.test(values);
  if (Array.isArray(values)) return values.some(lostMetadata);
  // One inside another's values is for whom it was encrypted.
  return isRecord(values) && !isEncrypted(values) && Object.values(values).some(lostMetadata);
}

/**
 * Decrypts by the sops program, which finds its keys as it does for a person: SOPS_AGE_KEY_FILE, GnuPG, a cloud's KMS. The text goes in and the values come out through pipes: nothing is
 * written, nothing is on a command line. What had been encrypted is made known to the redactor. Throws ZakenakError `rollout/sops-failed`, `tool/missing`.
 */
export async function decryptValues(
  { file, text, encrypted }: { readonly file: string; readonly text: string; readonly encrypted: Values },
  { process, redactor }: SopsPorts,
  signal?: AbortSignal,
): Promise<Values> {
  const type = file.endsWith('.json') ? 'json' : 'yaml';
  const args = ['decrypt', '--filename-override', file, '--input-type', type, '--output-type', 'json'];
  const result = await process.run({ program: 'sops', args, input: text, timeoutMs: 60_000 }, signal);
  if (result.exitCode !== 0) throw sopsFailed(file, redactor.redact(result.stderr));
  const values: unknown = JSON.parse(result.stdout);
  if (!isRecord(values)) throw sopsFailed(file, 'It holds no map of keys.');
  learn(encrypted, values, redactor);
  return values;
}

const cipher = /^ENC\[/;
// Shorter ones (`true`, `8080`, `memory`) are too common in ordinary text to be masked everywhere.
const shortestWord = 8;
const shortestOther = 6;

function isTelling(text: string): boolean {
  return text.length >= (/^\p{L}*$/u.test(text) ? shortestWord : shortestOther);
}

/** Walks both: what is a cipher text in the one is a secret in the other. */
function learn(encrypted: unknown, plain: unknown, redactor: SopsPorts['redactor']): void {
  if (typeof encrypted === 'string') {
    const secret = typeof plain === 'string' ? plain : JSON.stringify(plain ?? '');
    if (cipher.test(encrypted) && isTelling(secret)) redactor.add(secret);
  } else if (Array.isArray(encrypted) && Array.isArray(plain))
    for (const [index, part] of encrypted.entries()) learn(part, plain[index], redactor);
  else if (isRecord(encrypted) && isRecord(plain))
    for (const [key, part] of Object.entries(encrypted)) learn(part, plain[key], redactor);
}
