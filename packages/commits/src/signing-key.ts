import { posix } from 'node:path';
import type { Ports } from '@zakenak/core';
import { foldCase } from './address.ts';
import { parseCertificate } from './certificate.ts';
import { badSigningKey } from './errors.ts';
import type { SignatureFormat } from './sign-payload.ts';
import { parseSshKey } from './ssh-key.ts';
import { fingerprintOf } from './verify-ssh.ts';

/** A key that can sign here, and what others need to verify by it. */
export interface SigningKey {
  readonly format: SignatureFormat;
  /** git's user.signingKey. */
  readonly setting: string;
  readonly fingerprint: string;
  /** SSH: type and base64 blob, for a line of allowed signers. */
  readonly publicKey?: string;
  /** OpenPGP and X.509: a file for the folder of keys or authorities. */
  readonly file?: { readonly name: string; readonly text: string };
}

const longestChain = 8;

type KeyPorts = Pick<Ports, 'files' | 'process'>;

/** Finds the key that `key` names. It has to name the address itself, but for SSH. Throws `commits/bad-signing-key`, `files/not-found`, `tool/missing`. */
export function findSigningKey(
  format: SignatureFormat,
  key: string,
  principal: string,
  ports: KeyPorts,
): Promise<SigningKey> {
  if (format === 'ssh') return findSshKey(key, ports);
  return format === 'openpgp' ? findOpenPgpKey(key, principal, ports) : findX509Key(key, principal, ports);
}

async function findSshKey(path: string, { files }: KeyPorts): Promise<SigningKey> {
  const [type = '', base64 = ''] = (await files.readText(path)).trim().split(/\s+/);
  const blob = Buffer.from(base64, 'base64');
  let found: string | undefined;
  try {
    found = parseSshKey(blob)?.type;
  } catch {
    // Told below.
  }
  if (found !== type) throw badSigningKey(path, 'it is no SSH public key of a known type');
  const publicKey = blob.toString('base64');
  return {
    ...{ format: 'ssh', setting: path, publicKey: `${type} ${publicKey}` },
    fingerprint: fingerprintOf(publicKey),
  };
}

/** Records of `--with-colons` (GnuPG's doc/DETAILS): type first, fields by number from one. */
async function list(
  program: 'gpg' | 'gpgsm',
  args: readonly string[],
  key: string,
  { process }: KeyPorts,
): Promise<readonly (readonly string[])[]> {
  const all = ['--batch', '--with-colons', ...args, '--', key];
  const { exitCode, stdout } = await process.run({ program, args: all });
  if (exitCode !== 0) throw badSigningKey(key, `${program} has no such key`);
  return stdout.split('\n').map((line) => line.split(':'));
}

async function readExport(
  program: 'gpg' | 'gpgsm',
  fingerprint: string,
  { process }: KeyPorts,
): Promise<string> {
  const args = ['--batch', '--armor', '--export', '--', fingerprint];
  const { stdout } = await process.run({ program, args });
  const [block] =
    /-----BEGIN ([A-Z ]+)-----[\s\S]*?-----END \1-----\n/.exec(stdout.replaceAll('\r', '')) ?? [];
  if (!block) throw badSigningKey(fingerprint, `${program} hands it out to nobody`);
  return block;
}

async function findOpenPgpKey(key: string, principal: string, ports: KeyPorts): Promise<SigningKey> {
  const records = await list('gpg', ['--list-secret-keys'], key, ports);
  if (records.filter(([type]) => type === 'sec').length !== 1)
    throw badSigningKey(key, 'it stands for several keys');
  const fingerprint = records.find(([type]) => type === 'fpr')?.[9] ?? '';
  const addresses = records
    .filter(([type]) => type === 'uid')
    .map((fields) => /<([^<>]*)>$/.exec(fields[9] ?? '')?.[1] ?? fields[9] ?? '');
  refuseOthers(key, principal, addresses);
  const text = await readExport('gpg', fingerprint, ports);
  return { format: 'openpgp', setting: fingerprint, fingerprint, file: { name: `${fingerprint}.asc`, text } };
}

async function findX509Key(key: string, principal: string, ports: KeyPorts): Promise<SigningKey> {
  const secret = await list('gpgsm', ['--list-secret-keys'], key, ports);
  const prints = secret.filter(([type]) => type === 'fpr').map((fields) => fields[9] ?? '');
  const [fingerprint = ''] = prints;
  if (prints.length !== 1)
    throw badSigningKey(key, prints.length ? 'it stands for several keys' : 'gpgsm has no such key');
  const base64 = (await readExport('gpgsm', fingerprint, ports)).replaceAll(/-----.*-----|\n/g, '');
  refuseOthers(key, principal, parseCertificate(Buffer.from(base64, 'base64')).emails);
  const root = await findRoot(fingerprint, ports);
  const text = await readExport('gpgsm', root, ports);
  return { format: 'x509', setting: fingerprint, fingerprint, file: { name: `${root}.pem`, text } };
}

/** gpgsm tells the issuer's fingerprint in the thirteenth field of a fingerprint's record. */
async function findRoot(fingerprint: string, ports: KeyPorts): Promise<string> {
  let at = fingerprint;
  for (let depth = 0; depth < longestChain; depth++) {
    const records = await list('gpgsm', ['--list-keys'], at, ports);
    const issuer = records.find(([type]) => type === 'fpr')?.[12];
    if (!issuer || issuer === at) return at;
    at = issuer;
  }
  throw badSigningKey(fingerprint, 'no root ends the chain of its certificate');
}

function refuseOthers(key: string, principal: string, addresses: readonly string[]): void {
  if (!addresses.some((address) => foldCase(address) === foldCase(principal)))
    throw badSigningKey(key, `it does not name ${JSON.stringify(principal)}`);
}

/** Puts the key's file into a folder. Gives its path where it was not there as it is. */
export async function placeKeyFile(
  folder: string,
  { name, text }: NonNullable<SigningKey['file']>,
  { files }: Pick<Ports, 'files'>,
): Promise<string | undefined> {
  const path = posix.join(folder, name);
  const absolute = await files.resolve(path);
  if ((await files.stat(absolute)) !== undefined && (await files.readText(absolute)) === text)
    return undefined;
  await files.write(absolute, text);
  return path;
}
