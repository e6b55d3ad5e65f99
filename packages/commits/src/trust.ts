import { posix } from 'node:path';
import type { Ports } from '@zakenak/core';
import { type AllowedSigner, parseAllowedSigners } from './allowed-signers.ts';
import { badRevokedKeys, nobodyTrusted } from './errors.ts';
import { parseRevokedKeys, type Revocations } from './ssh-revocation.ts';
import type { KeyringFile } from './verify-openpgp.ts';

/** Who is trusted. */
export interface Trust {
  readonly signers: readonly AllowedSigner[];
  readonly keyring: readonly KeyringFile[];
  readonly revocations: Revocations;
}

/** Where trust is read from. */
export interface TrustSource {
  /** Workspace-relative paths. */
  readonly allowedSigners: string;
  readonly keyring: string;
  readonly revokedKeys: string;
  /** The commit to read them from; absent: the workspace. */
  readonly revision: string | undefined;
}

type TrustPorts = Pick<Ports, 'git' | 'files'>;

/** Reads allowed signers, keyring and revoked keys. Throws `commits/nobody-trusted` where neither of the first two is there, `commits/bad-allowed-signers`, `commits/bad-revoked-keys`, `files/outside-workspace`. */
export async function readTrust(source: TrustSource, ports: TrustPorts): Promise<Trust> {
  const text = await readOne(source.allowedSigners, source.revision, ports);
  const paths = await listKeyring(source.keyring, source.revision, ports);
  if (text === undefined && paths.length === 0)
    throw nobodyTrusted([source.allowedSigners, source.keyring], source.revision);
  const keyring: KeyringFile[] = [];
  for (const path of paths) keyring.push({ path, text: (await readOne(path, source.revision, ports)) ?? '' });
  const revoked = await readBytes(source.revokedKeys, source.revision, ports);
  return {
    signers: parseAllowedSigners(text ?? '', source.allowedSigners),
    keyring,
    revocations: parseRevokedKeys(revoked, source.revokedKeys),
  };
}

async function readOne(
  path: string,
  revision: string | undefined,
  { git, files }: TrustPorts,
): Promise<string | undefined> {
  const absolute = await files.resolve(path);
  if (revision !== undefined) return git.readFile(revision, posix.normalize(path));
  return (await files.stat(absolute)) === undefined ? undefined : files.readText(absolute);
}

/** Empty only where the file is not there: an unreadable list of revoked keys must not count as none. */
async function readBytes(
  path: string,
  revision: string | undefined,
  { git, files }: TrustPorts,
): Promise<Uint8Array> {
  const absolute = await files.resolve(path);
  if (revision === undefined)
    return (await files.stat(absolute)) === undefined ? new Uint8Array() : files.readBytes(absolute);
  const name = posix.normalize(path);
  const { stdout } = await git.run(['ls-tree', '-z', '--full-tree', revision, '--', name]);
  const id = /^\d+ blob ([0-9a-f]+)\t/.exec(stdout)?.[1];
  if (stdout === '') return new Uint8Array();
  if (id === undefined) throw badRevokedKeys(path, 'it is no file');
  return Buffer.from((await git.run(['cat-file', 'blob', id], { encoding: 'latin1' })).stdout, 'latin1');
}

async function listKeyring(
  path: string,
  revision: string | undefined,
  { git, files }: TrustPorts,
): Promise<readonly string[]> {
  const absolute = await files.resolve(path);
  if (revision === undefined) {
    const stat = await files.stat(absolute);
    if (stat?.kind !== 'folder') return stat === undefined ? [] : [path];
    return (await files.glob(['**/*'], { cwd: absolute }))
      .filter(isKeyFile)
      .map((name) => posix.join(path, name));
  }
  const args = ['ls-tree', '-r', '-z', '--name-only', '--full-tree', revision, '--', posix.normalize(path)];
  return (await git.run(args)).stdout.split('\0').filter((name) => name === path || isKeyFile(name));
}

function isKeyFile(path: string): boolean {
  return /\.(asc|gpg|key|pgp|pub)$/i.test(path);
}
