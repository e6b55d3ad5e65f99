import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { verifyCommits } from '@zakenak/commits';
import { createGithubForge } from '@zakenak/forges';
import { createSystemClock } from '@zakenak/machine';
import { address, makeRepository } from './commits-fixture.ts';

test('the forge’s own verdict stands beside ours, counts alone or with it, and never where the forge has none', async (t) => {
  const { commit, makeSshKey, write, ports, request } = await makeRepository(t);
  const key = await makeSshKey();
  await write('.zakenak/allowed_signers', `${address} ${key.publicKey}\n`);
  const ids = [
    commit({ ssh: key.path, message: 'both' }),
    commit({ ssh: key.path, message: 'ours' }),
    commit({ message: 'theirs' }),
  ];
  const [both = '', ours = '', theirs = ''] = ids;
  const reasons = new Map([
    [both, 'valid'],
    [ours, 'unverified_email'],
    [theirs, 'valid'],
  ]);
  let questions = 0;
  // Plays GitHub's GraphQL API: the signature of each object that is asked for.
  const server = createServer(async (incoming, response) => {
    questions += 1;
    assert.equal(incoming.url, '/graphql');
    const { query, variables } = JSON.parse((await incoming.toArray()).join('')) as {
      readonly query: string;
      readonly variables: Readonly<Record<string, string>>;
    };
    const asked = [...query.matchAll(/(commit\d+): object\(oid: \$(oid\d+)\)/g)];
    const answers = asked.map(([, alias = '', name = '']) => {
      const oid = variables[name] ?? '';
      const reason = reasons.get(oid) ?? 'unsigned';
      const signature = { isValid: reason === 'valid', state: reason.toUpperCase() };
      return [alias, { oid, signature: reason === 'unsigned' ? null : signature }];
    });
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ data: { repository: Object.fromEntries(answers) } }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const forge = async () =>
    createGithubForge({ owner: 'o', repo: 'r', token: 'none', apiUrl, clock: createSystemClock() });
  const judge = async (mode: string, more: Record<string, string> = {}) => {
    const { outputs, findings } = await verifyCommits(request({ mode, ...more }, { forge }), ports);
    const unverified = outputs.unverified as Readonly<Record<string, string>>;
    return { rules: ids.map((id) => unverified[id]), said: outputs['forge-verdicts'], findings };
  };
  assert.deepEqual((await judge('local')).rules, [undefined, undefined, 'commit/unsigned']);
  assert.deepEqual((await judge('local')).said, {});
  const api = await judge('api', { 'allowed-signers': 'none' });
  assert.deepEqual(api.rules, [undefined, 'commit/forge-unverified', undefined]);
  assert.match(api.findings[0]?.remedy ?? '', /Confirm the committer’s address/);
  const joint = await judge('both');
  assert.deepEqual(joint.rules, [undefined, 'commit/forge-unverified', 'commit/unsigned']);
  assert.deepEqual(joint.said, Object.fromEntries(reasons));
  assert.equal(questions, 2, 'one for each run that asks, whatever the number of commits');
  reasons.set(both, 'gpgverify_unavailable');
  await assert.rejects(judge('both'), { code: 'commits/forge-undecided', exitCode: 4 });
  await assert.rejects(verifyCommits(request({ mode: 'both' }), ports), { code: 'commits/no-forge' });
});
