import type { Ports } from '@zakenak/core';
import { noSigningKey, signingFailed } from './errors.ts';

/** git's gpg.format. */
export type SignatureFormat = 'openpgp' | 'ssh' | 'x509';

/** Makes one signature after the other by git's own settings. */
export interface Signer {
  readonly format: SignatureFormat;
  /** The armored signature over a commit's or tag's bytes. Throws `commits/signing-failed`. */
  sign(payload: Uint8Array): Promise<string>;
}

const programs = { openpgp: 'gpg', ssh: 'ssh-keygen', x509: 'gpgsm' } as const;
const armors = { openpgp: 'PGP SIGNATURE', ssh: 'SSH SIGNATURE', x509: 'SIGNED MESSAGE' } as const;

/**
 * The signer that `git commit -S` would use in this clone: gpg.format, user.signingKey (else the committer, but for SSH), and gpg.program, gpg.x509.program or
 * gpg.ssh.program. An SSH key has to be a file: the agent signs by a public key's. Throws `commits/no-signing-key`.
 */
export async function readSigner(
  committer: string,
  { git, process }: Pick<Ports, 'git' | 'process'>,
  signal?: AbortSignal,
): Promise<Signer> {
  const format = (await readSetting('gpg.format', git)) ?? 'openpgp';
  if (format !== 'openpgp' && format !== 'ssh' && format !== 'x509')
    throw noSigningKey(`gpg.format is ${JSON.stringify(format)}`);
  const key = await readSetting('user.signingKey', git);
  if (format === 'ssh' && (key === undefined || /^(key::|ssh-|ecdsa-|sk-)/.test(key)))
    throw noSigningKey(key === undefined ? 'user.signingKey is not set' : 'user.signingKey is no file');
  const program =
    (await readSetting(`gpg.${format}.program`, git)) ??
    (format === 'openpgp' ? await readSetting('gpg.program', git) : undefined) ??
    programs[format];
  const args =
    format === 'ssh'
      ? ['-Y', 'sign', '-n', 'git', '-f', (await readSetting('user.signingKey', git, '--path')) ?? '']
      : ['--status-fd=2', '-bsau', key ?? committer];
  return {
    format,
    async sign(payload) {
      const { exitCode, stdout, stderr } = await process.run({ program, args, input: payload }, signal);
      const made = format === 'ssh' || /^\[GNUPG:\] SIG_CREATED /m.test(stderr);
      const text = stdout.replaceAll('\r\n', '\n');
      if (exitCode !== 0 || !made || !text.startsWith(`-----BEGIN ${armors[format]}-----\n`))
        throw signingFailed(program, stderr);
      return text.trimEnd();
    },
  };
}

/** A setting of git as this clone sees it; undefined where it is not set or empty. `--path` puts the home folder in ~'s place. */
export async function readSetting(
  name: string,
  git: Ports['git'],
  ...options: readonly string[]
): Promise<string | undefined> {
  const { exitCode, stdout } = await git.run(['config', ...options, '--get', name], { allowFailure: true });
  return exitCode === 0 ? stdout.replace(/\n$/, '') || undefined : undefined;
}
