import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createServerClock } from './server-clock.ts';
import { playServer, sendJson } from './testing/api-server.ts';

const served = 'Fri, 02 Jan 2026 00:00:00 GMT';

test('a server’s clock is known by what it says with its answers, from those that came soon', () => {
  const clock = createServerClock(() => Date.parse('2026-01-02T00:00:10.5Z'));
  assert.equal(clock.aheadMs(), 0);
  clock.hear(undefined, 1);
  clock.hear('yesterday', 1);
  clock.hear(served, 5_000);
  assert.equal(clock.aheadMs(), 0);
  clock.hear(served, 20);
  assert.equal(clock.aheadMs(), -10_000);
});

test('any answer tells it', async () => {
  await using server = await playServer((_, response) => {
    response.setHeader('date', new Date(Date.now() + 3_600_000).toUTCString());
    sendJson(response, 200, { major: '1', minor: '34', gitVersion: 'v1.34.4' });
  });
  await server.kube.version();
  assert.ok(Math.abs(server.kube.aheadMs() - 3_600_000) < 2_000, `${server.kube.aheadMs()}`);
});
