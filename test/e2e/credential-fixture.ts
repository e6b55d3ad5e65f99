import 'reflect-metadata';
import { createPrivateKey, createSign, webcrypto } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import type { KubeMetadata } from '@zakenak/core';
import type { Sandbox } from '@zakenak/sandbox';

/** The user of a kubeconfig, as kubectl writes it. */
type User = Readonly<Record<string, string>>;

/** Writes a kubeconfig that leads to the sandbox as another user; returns its path. */
export async function kubeconfigAs(sandbox: Sandbox, name: string, user: User): Promise<string> {
  const config = JSON.parse(await readFile(sandbox.kubeconfig, 'utf8')) as {
    readonly users: readonly object[];
  };
  const path = join(sandbox.folder, `kubeconfig-${name}`);
  await writeFile(path, JSON.stringify({ ...config, users: [{ ...config.users[0], user }] }), {
    mode: 0o600,
  });
  return path;
}

/** A client certificate of the cluster's own authority that ran out a day ago. */
export async function expiredCertificate({ folder }: Sandbox): Promise<User> {
  x509.cryptoProvider.set(webcrypto);
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
  const [authority, authorityKey] = await Promise.all(
    ['ca.crt', 'ca.key'].map((name) => readFile(join(folder, 'secrets', name), 'utf8')),
  );
  const signingKey = await webcrypto.subtle.importKey(
    'pkcs8',
    x509.PemConverter.decodeFirst(authorityKey ?? ''),
    algorithm,
    false,
    ['sign'],
  );
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const day = 86_400_000;
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'O=system:masters, CN=zakenak-sandbox-admin',
    issuer: new x509.X509Certificate(authority ?? '').subject,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - 2 * day),
    notAfter: new Date(Date.now() - day),
    extensions: [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])],
  });
  const key = x509.PemConverter.encode(
    await webcrypto.subtle.exportKey('pkcs8', keys.privateKey),
    'PRIVATE KEY',
  );
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return { 'client-certificate-data': base64(certificate.toString('pem')), 'client-key-data': base64(key) };
}

/** A service account's token, signed with the cluster's own key; one of 40 minutes' life that began so many minutes ago. */
export async function serviceAccountToken(
  { folder }: Sandbox,
  { namespace = 'default', name, uid = '' }: KubeMetadata,
  minutesAgo = 0,
): Promise<User> {
  const key = createPrivateKey(await readFile(join(folder, 'secrets', 'service-account.key'), 'utf8'));
  const begun = Math.floor(Date.now() / 1_000) - minutesAgo * 60;
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const issuer = 'https://kubernetes.default.svc.cluster.local';
  const claims = {
    iss: issuer,
    aud: [issuer],
    sub: `system:serviceaccount:${namespace}:${name}`,
    iat: begun,
    nbf: begun - 60,
    exp: begun + 40 * 60,
    'kubernetes.io': { namespace, serviceaccount: { name, uid } },
  };
  const header = { alg: key.asymmetricKeyType === 'ec' ? 'ES256' : 'RS256', typ: 'JWT' };
  const signed = `${part(header)}.${part(claims)}`;
  const signature = createSign('SHA256').update(signed).sign({ key, dsaEncoding: 'ieee-p1363' });
  return { token: `${signed}.${signature.toString('base64url')}` };
}
