import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import * as x509 from '@peculiar/x509';
import { adminName } from './kubeconfig.ts';
import { type Layout, secretPath } from './layout.ts';
import { realNodeAddress, realNodeName } from './real-node.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** Group of the API server when it speaks to kubelets. */
export const kubeletClients = 'zakenak:kubelet-clients';
const lifetimeMs = 30 * 24 * 3_600_000;

interface Authority {
  readonly certificate: x509.X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
}

/** One certificate to be made: who it names and what it may be used for. */
interface Request {
  /** File name without extension. */
  readonly file: string;
  readonly commonName: string;
  /** Kubernetes reads organizations as groups. */
  readonly organization?: string;
  readonly server?: readonly string[];
  readonly client?: true;
}

/** Host names and addresses under which the sandbox's servers are reached. */
const loopbackNames = ['localhost', '127.0.0.1'];
const apiServerNames = [
  ...loopbackNames,
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
  '10.96.0.1',
];

/**
 * Writes the sandbox's own public key infrastructure (P-256, 30 days) to the layout's secrets folder: one authority for Kubernetes, one for
 * etcd (a client of the one is no client of the other), and the key that signs ServiceAccount tokens. Files are readable by their owner only.
 * Subjects follow https://kubernetes.io/docs/setup/best-practices/certificates/.
 */
export async function writeCertificates(layout: Layout, extraNames: readonly string[] = []): Promise<void> {
  x509.cryptoProvider.set(webcrypto);
  await mkdir(layout.secrets, { recursive: true, mode: 0o700 });
  const [cluster, etcd] = await Promise.all([
    createAuthority('zakenak-sandbox'),
    createAuthority('zakenak-sandbox-etcd'),
  ]);
  const ofCluster: readonly Request[] = [
    { file: 'apiserver', commonName: 'kube-apiserver', server: [...apiServerNames, ...extraNames] },
    { file: 'loopback', commonName: 'localhost', server: [...loopbackNames, ...extraNames] },
    {
      file: 'apiserver-kubelet-client',
      commonName: 'kube-apiserver-kubelet-client',
      organization: kubeletClients,
      client: true,
    },
    { file: 'admin', commonName: adminName, organization: 'system:masters', client: true },
    { file: 'controller-manager', commonName: 'system:kube-controller-manager', client: true },
    { file: 'scheduler', commonName: 'system:kube-scheduler', client: true },
    {
      file: 'kubelet',
      commonName: `system:node:${realNodeName}`,
      organization: 'system:nodes',
      server: [realNodeName, realNodeAddress],
      client: true,
    },
    { file: 'kube-proxy', commonName: 'system:kube-proxy', client: true },
    { file: 'kwok', commonName: 'zakenak:kwok', organization: 'system:masters', client: true },
  ];
  const ofEtcd: readonly Request[] = [
    { file: 'etcd', commonName: 'etcd', server: loopbackNames, client: true },
    { file: 'apiserver-etcd-client', commonName: 'kube-apiserver-etcd-client', client: true },
  ];
  await Promise.all([
    writeAuthority(layout, 'ca', cluster),
    writeAuthority(layout, 'etcd-ca', etcd),
    writeServiceAccountKey(layout),
    ...ofCluster.map((request) => writeCertificate(layout, cluster, request)),
    ...ofEtcd.map((request) => writeCertificate(layout, etcd, request)),
  ]);
}

async function createAuthority(name: string): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [name] }],
    keys,
    signingAlgorithm: algorithm,
    ...validity(),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate, keys };
}

async function writeCertificate(layout: Layout, authority: Authority, request: Request): Promise<void> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const usages = [
    ...(request.server ? [x509.ExtendedKeyUsage.serverAuth] : []),
    ...(request.client ? [x509.ExtendedKeyUsage.clientAuth] : []),
  ];
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [...(request.organization ? [{ O: [request.organization] }] : []), { CN: [request.commonName] }],
    issuer: authority.certificate.subjectName,
    publicKey: keys.publicKey,
    signingKey: authority.keys.privateKey,
    signingAlgorithm: algorithm,
    ...validity(),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(usages),
      await x509.AuthorityKeyIdentifierExtension.create(authority.keys.publicKey),
      ...(request.server
        ? [new x509.SubjectAlternativeNameExtension(request.server.map(alternativeName))]
        : []),
    ],
  });
  await writeSecret(layout, `${request.file}.crt`, certificate.toString('pem'));
  await writeSecret(layout, `${request.file}.key`, await privatePem(keys.privateKey));
}

function alternativeName(value: string): { type: 'dns' | 'ip'; value: string } {
  return { type: /^[\d.]+$|:/.test(value) ? 'ip' : 'dns', value };
}

/** Clocks of a virtual machine may lag: an hour of grace. */
function validity(): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() - 3_600_000), notAfter: new Date(Date.now() + lifetimeMs) };
}

async function writeAuthority(layout: Layout, name: string, { certificate, keys }: Authority): Promise<void> {
  await writeSecret(layout, `${name}.crt`, certificate.toString('pem'));
  await writeSecret(layout, `${name}.key`, await privatePem(keys.privateKey));
}

async function writeServiceAccountKey(layout: Layout): Promise<void> {
  const { publicKey, privateKey } = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const spki = await webcrypto.subtle.exportKey('spki', publicKey);
  await writeSecret(layout, 'service-account.key', await privatePem(privateKey));
  await writeSecret(layout, 'service-account.pub', x509.PemConverter.encode(spki, 'PUBLIC KEY'));
}

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

async function writeSecret(layout: Layout, name: string, text: string): Promise<void> {
  await writeFile(secretPath(layout, name), `${text}\n`, { mode: 0o600 });
}
