import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { issueCertificate } from './testing/certificate.ts';
import { createTransport } from './transport.ts';

test('without an authority of its own a kubeconfig leads to whom the machine trusts', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'zakenak-trust-'));
  t.after(() => rm(folder, { recursive: true }));
  const proof = await issueCertificate();
  // Where OpenSSL looks in place of the machine's own store.
  process.env['SSL_CERT_FILE'] = join(folder, 'authority.crt');
  await writeFile(join(folder, 'authority.crt'), proof.cert);
  const server = createSecureServer(proof, (_, response) => response.end('trusted'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const cluster = { server: `https://127.0.0.1:${(server.address() as AddressInfo).port}` };
  const transport = await createTransport(
    { path: 'kubeconfig', context: 'played', namespace: 'default', cluster, user: {} },
    { current: async () => ({ headers: {} }), renew: () => false },
  );
  assert.equal((await transport.send({ method: 'GET', path: '/' })).text, 'trusted');
});

const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
);

test('a server of IPv6 hears its own address, in brackets', { skip: !hasIpv6 }, async (t) => {
  const server = createSecureServer(await issueCertificate(), ({ authority }, response) =>
    response.end(authority),
  );
  server.listen(0, '::1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = `[::1]:${(server.address() as AddressInfo).port}`;
  const cluster = { server: `https://${address}`, 'insecure-skip-tls-verify': true };
  const transport = await createTransport(
    { path: 'kubeconfig', context: 'played', namespace: 'default', cluster, user: {} },
    { current: async () => ({ headers: {} }), renew: () => false },
  );
  assert.equal((await transport.send({ method: 'GET', path: '/' })).text, address);
});
