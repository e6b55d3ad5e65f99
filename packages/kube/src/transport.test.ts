import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { issueCertificate } from './testing/certificate.ts';
import { createTransport } from './transport.ts';

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
