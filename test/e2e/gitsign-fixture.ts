import { execFile } from 'node:child_process';
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** What a Sigstore of one's own is known by. */
export interface SigstoreTrust {
  /** Sigstore's trusted root, JSON. */
  readonly trustedRoot: string;
  /** PEM. */
  readonly authority: string;
  readonly log: KeyObject;
  readonly certificateLog: KeyObject;
}

/** Canonical JSON as TUF signs it: keys in order, no spaces. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, some: unknown) =>
    some !== null && typeof some === 'object' && !Array.isArray(some)
      ? Object.fromEntries(Object.entries(some).sort(([a], [b]) => (a < b ? -1 : 1)))
      : some,
  );

/** The files of a TUF repository (its specification, section 4) that hands out one trusted root. */
function writeRepository(trustedRoot: string): ReadonlyMap<string, string> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const point = Buffer.from(String(publicKey.export({ format: 'jwk' }).x), 'base64url').toString('hex');
  const key = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: point } };
  const keyid = createHash('sha256').update(canonical(key)).digest('hex');
  const seal = (type: string, more: object) => {
    const expires = new Date(Date.now() + 86_400_000).toISOString().replace(/\.\d+/, '');
    const signed = { _type: type, spec_version: '1.0.31', version: 1, expires, ...more };
    const sig = sign(null, Buffer.from(canonical(signed)), privateKey).toString('hex');
    return JSON.stringify({ signatures: [{ keyid, sig }], signed });
  };
  const role = { keyids: [keyid], threshold: 1 };
  const roles = { root: role, timestamp: role, snapshot: role, targets: role };
  const digest = createHash('sha256').update(trustedRoot).digest('hex');
  const target = { length: Buffer.byteLength(trustedRoot), hashes: { sha256: digest } };
  return new Map([
    ['root.json', seal('root', { consistent_snapshot: false, keys: { [keyid]: key }, roles })],
    ['timestamp.json', seal('timestamp', { meta: { 'snapshot.json': { version: 1 } } })],
    ['snapshot.json', seal('snapshot', { meta: { 'targets.json': { version: 1 } } })],
    ['targets.json', seal('targets', { targets: { 'trusted_root.json': target } })],
    ['targets/trusted_root.json', trustedRoot],
  ]);
}

/** The real gitsign, which reaches nothing but this process: its TUF mirror and its log, which knows no entry. Gives `gitsign verify`'s word on a commit. */
export async function startGitsign(
  t: TestContext,
  program: string,
  folder: string,
  { trustedRoot, authority, log, certificateLog }: SigstoreTrust,
) {
  const files = writeRepository(trustedRoot);
  const server = createServer((incoming, response) => {
    const file = files.get((incoming.url ?? '').slice(1));
    response.writeHead(file === undefined ? 404 : 200).end(file);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const place = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const pem = (key: KeyObject) => String(key.export({ type: 'spki', format: 'pem' }));
  mkdirSync(join(folder, 'tuf'));
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    TUF_MIRROR: address,
    TUF_ROOT: join(folder, 'tuf'),
    TUF_ROOT_JSON: place('root.json', files.get('root.json') ?? ''),
    SIGSTORE_ROOT_FILE: place('authority.pem', authority),
    SIGSTORE_REKOR_PUBLIC_KEY: place('log.pem', pem(log)),
    SIGSTORE_CT_LOG_PUBLIC_KEY_FILE: place('certificate-log.pem', pem(certificateLog)),
    SIGSTORE_REKOR_URL: address,
    SIGSTORE_FULCIO_URL: address,
  };
  return (root: string, commit: string, identity: string, issuer: string) => {
    const who = [`--certificate-identity=${identity}`, `--certificate-oidc-issuer=${issuer}`];
    // This process is its server: it must not wait for it.
    return new Promise<{ readonly good: boolean; readonly said: string }>((resolve, reject) => {
      execFile(program, ['verify', ...who, commit], { cwd: root, env, timeout: 60_000 }, (error, ...said) =>
        error && typeof error.code !== 'number'
          ? reject(error)
          : resolve({ good: error === null, said: said.join('') }),
      );
    });
  };
}
