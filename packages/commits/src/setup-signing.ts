import { createReport, type Forge, type InputsOf, type Ports, type Report } from '@zakenak/core';
import { parseAllowedSigners } from './allowed-signers.ts';
import { noIdentity, noSigningKey } from './errors.ts';
import { readSetting } from './sign-payload.ts';
import type { signSpec } from './sign-spec.ts';
import { findSigningKey, placeKeyFile, type SigningKey } from './signing-key.ts';

type Request = InputsOf<typeof signSpec>;

/** What setting up asks besides: the forge, undefined where there is none. */
export interface SetupPorts extends Pick<Ports, 'git' | 'files' | 'process'> {
  readonly forge?: Forge | undefined;
}

/**
 * Sets gpg.format, user.signingKey, commit.gpgSign and tag.gpgSign of this clone (gpg.ssh.allowedSignersFile too for SSH), and puts the key where verify looks for it: a line of the
 * allowed signers, a file of the keyring, or the root of its certificate among the authorities. Running it again changes nothing. Says whether the forge demands signatures. Throws
 * `commits/no-signing-key`, `commits/bad-signing-key`, `commits/no-identity`, `files/not-found`, `tool/missing`.
 */
export async function setupSigning(request: Request, ports: SetupPorts): Promise<Report> {
  const { git, files } = ports;
  const { key: named } = request;
  if (named === undefined) throw noSigningKey('--key names none');
  const principal = request.principal ?? (await readSetting('user.email', git));
  if (!principal || /[\s,"*?!#]/.test(principal)) throw noIdentity();
  const format = request.format ?? (named.startsWith('/') || named.endsWith('.pub') ? 'ssh' : 'openpgp');
  const key = await findSigningKey(format, named, principal, ports);
  const signersPath = request['allowed-signers'];
  const wanted = {
    'gpg.format': format,
    'user.signingKey': key.setting,
    'commit.gpgSign': 'true',
    'tag.gpgSign': 'true',
    ...(format === 'ssh' ? { 'gpg.ssh.allowedSignersFile': await files.resolve(signersPath) } : {}),
  };
  const changed: string[] = [];
  for (const [name, value] of Object.entries(wanted)) {
    if ((await readSetting(name, git)) === value) continue;
    await git.run(['config', '--local', name, value]);
    changed.push(name);
  }
  const folder = format === 'openpgp' ? request.keyring : request['ca-certificates'];
  const placed = key.file
    ? await placeKeyFile(folder, key.file, ports)
    : await listSigner(signersPath, principal, key, ports);
  if (placed !== undefined) changed.push(placed);
  const protection = await readProtection(ports);
  return createReport({
    tool: 'sign',
    summary: `Commits of this clone are signed for ${principal}; merge ${key.file ? folder : signersPath} into the base branch for others to verify them.`,
    outputs: { signer: `${principal} ${key.fingerprint}`, changed, 'branch-protection': protection },
    caveats:
      protection === 'not-required'
        ? [
            'The forge takes commits without signatures on the default branch: turn “Require signed commits” on there.',
          ]
        : [],
  });
}

/** Adds the key's line unless it is there. */
async function listSigner(
  path: string,
  principal: string,
  { publicKey = '' }: SigningKey,
  { files }: SetupPorts,
): Promise<string | undefined> {
  const absolute = await files.resolve(path);
  const text = (await files.stat(absolute)) === undefined ? '' : await files.readText(absolute);
  const blob = publicKey.split(' ')[1];
  const listed = parseAllowedSigners(text, path).some(
    (signer) => signer.publicKey === blob && signer.principals.includes(principal),
  );
  if (listed) return undefined;
  const gap = text === '' || text.endsWith('\n') ? '' : '\n';
  await files.write(absolute, `${text}${gap}${principal} namespaces="git" ${publicKey}\n`);
  return path;
}

/** Not knowing is no reason to fail: setting up works without a forge too. */
async function readProtection({ forge }: SetupPorts): Promise<'required' | 'not-required' | 'unknown'> {
  const demanded = await forge?.requiresSignatures().catch(() => undefined);
  return demanded === undefined ? 'unknown' : demanded ? 'required' : 'not-required';
}
