import { posix } from 'node:path';
import type { Ports } from '@zakenak/core';
import { type AllowedSigner, parseAllowedSigners } from './allowed-signers.ts';
import { badRevocationLists, badRevokedKeys, nobodyTrusted } from './errors.ts';
import type { RevocationFile } from './revocation-list.ts';
import { parseRevokedKeys, type Revocations } from './ssh-revocation.ts';
import type { KeyringFile } from './verify-openpgp.ts';

/** Who is trusted. */
export interface Trust {
  readonly signers: readonly AllowedSigner[];
  readonly keyring: readonly KeyringFile[];
  readonly revocations: Revocations;
  /** PEM files of X.509 certificates. */
  readonly caCertificates: readonly KeyringFile[];
  readonly revocationLists: readonly RevocationFile[];
  /** Sigstore's. */
  readonly trustedRoot: KeyringFile | undefined;
}

/** Where trust is read from. */
export interface TrustSource {
  /** Workspace-relative paths. */
  readonly allowedSigners: string;
  readonly keyring: string;
  readonly revokedKeys: string;
  readonly caCertificates: string;
  readonly revocationLists: string;
  readonly trustedRoot: string;
  /** The commit to read them from; absent: the workspace. */
  readonly revision: string | undefined;
}

type TrustPorts = Pick<Ports, 'git' | 'files'>;

const keyFiles = /\.(asc|gpg|key|pgp|pub)$/i;
const certificateFiles = /\.(cer|crt|pem)$/i;
const revocationFiles = /\.(crl|pem)$/i;

/**
 * Reads who is trusted. Throws `commits/nobody-trusted` where there are neither allowed signers nor a keyring, CA certificates nor a trusted root, `commits/bad-allowed-signers`,
 * `commits/bad-revoked-keys`, `files/outside-workspace`.
 */
export async function readTrust(source: TrustSource, ports: TrustPorts): Promise<Trust> {
  const { revision } = source;
  const text = await readOne(source.allowedSigners, revision, ports);
  const keyring = await readAll(source.keyring, keyFiles, revision, ports);
  const caCertificates = await readAll(source.caCertificates, certificateFiles, revision, ports);
  const rootText = await readOne(source.trustedRoot, revision, ports);
  if (text === undefined && keyring.length === 0 && caCertificates.length === 0 && rootText === undefined)
    throw nobodyTrusted(
      [source.allowedSigners, source.keyring, source.caCertificates, source.trustedRoot],
      revision,
    );
  const revoked = await readBytes(source.revokedKeys, revision, ports, badRevokedKeys);
  const revocationLists: RevocationFile[] = [];
  for (const path of await listFiles(source.revocationLists, revocationFiles, revision, ports))
    revocationLists.push({ path, bytes: await readBytes(path, revision, ports, badRevocationLists) });
  return {
    signers: parseAllowedSigners(text ?? '', source.allowedSigners),
    keyring,
    revocations: parseRevokedKeys(revoked, source.revokedKeys),
    caCertificates,
    revocationLists,
    trustedRoot: rootText === undefined ? undefined : { path: source.trustedRoot, text: rootText },
  };
}

async function readAll(
  path: string,
  named: RegExp,
  revision: string | undefined,
  ports: TrustPorts,
): Promise<readonly KeyringFile[]> {
  const files: KeyringFile[] = [];
  for (const name of await listFiles(path, named, revision, ports))
    files.push({ path: name, text: (await readOne(name, revision, ports)) ?? '' });
  return files;
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

/** Empty only where the file is not there: an unreadable list of what is revoked must not count as none. */
async function readBytes(
  path: string,
  revision: string | undefined,
  { git, files }: TrustPorts,
  refuse: typeof badRevokedKeys,
): Promise<Uint8Array> {
  const absolute = await files.resolve(path);
  if (revision === undefined)
    return (await files.stat(absolute)) === undefined ? new Uint8Array() : files.readBytes(absolute);
  const name = posix.normalize(path);
  const { stdout } = await git.run(['ls-tree', '-z', revision, '--', name]);
  const id = /^\d+ blob ([0-9a-f]+)\t/.exec(stdout)?.[1];
  if (stdout === '') return new Uint8Array();
  if (id === undefined) throw refuse(path, 'it is no file');
  return Buffer.from((await git.run(['cat-file', 'blob', id], { encoding: 'latin1' })).stdout, 'latin1');
}

/** A file by its path, whatever its name, or those of a folder that are named so. */
async function listFiles(
  path: string,
  named: RegExp,
  revision: string | undefined,
  { git, files }: TrustPorts,
): Promise<readonly string[]> {
  const absolute = await files.resolve(path);
  if (revision === undefined) {
    const stat = await files.stat(absolute);
    if (stat?.kind !== 'folder') return stat === undefined ? [] : [path];
    return (await files.glob(['**/*'], { cwd: absolute }))
      .filter((name) => named.test(name))
      .map((name) => posix.join(path, name));
  }
  const args = ['ls-tree', '-r', '-z', '--name-only', revision, '--', posix.normalize(path)];
  const names = (await git.run(args)).stdout.split('\0');
  return names.filter((name) => name === posix.normalize(path) || named.test(name));
}
