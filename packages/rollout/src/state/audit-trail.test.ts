import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KubeObject, KubeStatusError } from '@zakenak/core';
import { fakeKube, objectOf } from '../testing/objects.ts';
import { type AuditFacts, appendEntry, findBreaks, readTrail } from './audit-trail.ts';

const place = { set: 'prod', namespace: 'ops' };
const facts: AuditFacts = {
  verb: 'deploy',
  outcome: 'completed',
  rollout: 'r-1',
  planId: 'p',
  commit: '',
  begunBy: 'a',
  endedBy: 'a',
  begunAt: '2026-01-01T00:00:00.000Z',
  endedAt: '2026-01-01T00:00:01.000Z',
  cause: '',
  releases: [{ name: 'web', namespace: 'shop', from: 0, to: 1 }],
};

/** A trail in a cluster that holds nothing else. */
function cluster(...lines: readonly string[]) {
  return clusterOf(
    lines.length > 0 ? objectOf('v1', 'ConfigMap', { data: { entries: lines.join('\n') } }) : undefined,
  );
}

function clusterOf(live: KubeObject | undefined) {
  const write = async (object: KubeObject) => {
    live = object;
    return object;
  };
  const kube = fakeKube({ get: async () => live, create: write, replace: write });
  const linesOf = () =>
    ((live as { data?: { entries?: string } } | undefined)?.data?.entries ?? '').split('\n');
  /** Somebody writes other lines by hand. */
  const forge = (...lines: readonly string[]) => {
    live = { ...(live as KubeObject), data: { entries: lines.join('\n') } };
  };
  return { ports: { kube }, linesOf, forge };
}

/** A trail of three sound entries. */
async function soundLines(): Promise<readonly string[]> {
  const { ports, linesOf } = cluster();
  for (const rollout of ['r-1', 'r-2', 'r-3']) await appendEntry({ ...facts, rollout }, place, ports);
  return linesOf();
}

test('entries follow from one another, and one that was changed or removed shows', async () => {
  const lines = await soundLines();
  const read = async (...some: readonly string[]) => (await readTrail(place, cluster(...some).ports)).entries;
  const [first = '', second = '', third = ''] = lines;
  assert.deepEqual(findBreaks(await read(first, second, third)), []);
  assert.deepEqual(findBreaks(await read(second, third)), [], 'the oldest are dropped');
  assert.deepEqual(findBreaks(await read(first, third)), [3]);
  assert.deepEqual(findBreaks(await read(first, second.replace('r-2', 'r-9'), third)), [3]);
});

for (const [what, line] of [
  ['is cut off', '{"sequence":2,"verb":"dep'],
  ['is no object', '[]'],
  ['lacks fields', '{"sequence":2}'],
  ['has fields of another type', JSON.stringify({ ...facts, sequence: 2, previous: '', releases: 'web' })],
  ['ended at no time', JSON.stringify({ ...facts, sequence: 2, previous: '', endedAt: 'then' })],
  ['has a number that is none', JSON.stringify({ ...facts, sequence: 'two', previous: '' })],
] as const)
  test(`a line that ${what} is named and keeps nobody from the others`, async () => {
    const [first = '', , third = ''] = await soundLines();
    const { entries, findings } = await readTrail(place, cluster(first, line, third).ports);
    assert.deepEqual(
      entries.map(({ rollout }) => rollout),
      ['r-1', 'r-3'],
    );
    assert.deepEqual(
      findings.map(({ ruleId, severity, message }) => [ruleId, severity, /line 2 of 3/.test(message)]),
      [['audit/unreadable-trail', 'high', true]],
    );
    assert.deepEqual(findBreaks(entries), [3]);
  });

test('a trail goes on after a damaged line, which stays', async () => {
  const [first = ''] = await soundLines();
  const { ports, linesOf } = cluster(first, 'damaged', 'too');
  await appendEntry({ ...facts, rollout: 'r-4' }, place, ports);
  await appendEntry({ ...facts, rollout: 'r-5' }, place, ports);
  assert.deepEqual(linesOf().slice(0, 3), [first, 'damaged', 'too']);
  const { entries, findings } = await readTrail(place, ports);
  assert.deepEqual(
    entries.map(({ sequence }) => sequence),
    [1, 4, 5],
  );
  assert.equal(findings.length, 2);
  assert.deepEqual(findBreaks(entries), [4], 'what follows is sound again');
});

test('a trail that may not be read is told; a server that fails ends the reading', async () => {
  const failing = (status: number, reason: string) => ({
    kube: fakeKube({ get: () => Promise.reject(new KubeStatusError({ status, reason, message: 'no' })) }),
  });
  const { entries, findings } = await readTrail(place, failing(403, 'Forbidden'));
  assert.deepEqual(entries, []);
  assert.deepEqual(
    findings.map(({ ruleId, severity }) => [ruleId, severity]),
    [['audit/unreadable-trail', 'medium']],
  );
  await assert.rejects(readTrail(place, failing(500, 'InternalError')), { code: 'rollout/server-refused' });
});

const rulesOf = async ({ ports }: ReturnType<typeof cluster>): Promise<readonly string[]> => {
  const { entries, findings } = await readTrail(place, ports);
  return [...findings.map(({ message }) => message), ...findBreaks(entries).map((at) => `break at ${at}`)];
};

test('what is changed or removed at an end of the trail shows, and goes on to show when more is written', async () => {
  for (const [what, forge, told, later] of [
    ['nothing', (lines: readonly string[]) => lines, undefined, undefined],
    ['the last one removed', (lines) => lines.slice(0, -1), /does not end with/, 'break at 3'],
    [
      'the last one changed',
      ([a = '', b = '', c = '']) => [a, b, c.replace('completed', 'kept')],
      /does not end/,
      'break at 4',
    ],
    ['the first one removed', (lines) => lines.slice(1), /begins with entry 2/, undefined],
    ['all removed', () => [], /does not end with/, 'break at 1'],
  ] as const satisfies readonly [
    string,
    (lines: readonly string[]) => readonly string[],
    RegExp | undefined,
    string | undefined,
  ][]) {
    const trail = clusterOf(undefined);
    for (const rollout of ['r-1', 'r-2', 'r-3']) await appendEntry({ ...facts, rollout }, place, trail.ports);
    trail.forge(...forge(trail.linesOf()));
    const found = await rulesOf(trail);
    assert.equal(found.length, told ? 1 : 0, `${what}: ${found}`);
    if (told) assert.match(found[0] ?? '', told, what);
    await appendEntry({ ...facts, rollout: 'r-4' }, place, trail.ports);
    const after = await rulesOf(trail);
    assert.ok(later ? after.includes(later) : after.length === found.length, `${what}: ${after}`);
  }
});

test('a trail that was written down to its limits is not taken for one that was cut', async () => {
  const trail = clusterOf(undefined);
  const cause = 'x'.repeat(100_000);
  for (let index = 0; index < 12; index += 1) await appendEntry({ ...facts, cause }, place, trail.ports);
  const { entries, findings } = await readTrail(place, trail.ports);
  assert.ok((entries[0]?.sequence ?? 0) > 1);
  assert.deepEqual([...findings, ...findBreaks(entries)], []);
});
