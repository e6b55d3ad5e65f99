import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HelmHistory } from '../state/helm-record.ts';
import type { HelmRelease } from '../state/helm-release.ts';
import { objectOf } from '../testing/objects.ts';
import { lastRollout } from './rollback-goals.ts';

/** A history of revisions, each `rollout text`, with ` failed` behind where it did; the last one that did not is deployed. */
const history = (...revisions: readonly string[]): HelmHistory => {
  const hasFailed = (revision: string): boolean => revision.endsWith(' failed');
  const deployed = revisions.findLastIndex((revision) => !hasFailed(revision));
  return revisions.map((revision, index) => {
    const [rollout = '', text] = revision.split(' ');
    const version = index + 1;
    const labels = { 'zakenak.dev/rollout': rollout, 'zakenak.dev/revision': String(version) };
    const ended = index === deployed ? 'deployed' : 'superseded';
    const status = hasFailed(revision) ? 'failed' : ended;
    const info = { last_deployed: `2026-01-0${rollout}T00:00:00Z` };
    const release = () => ({ version, info, config: { text } }) as unknown as HelmRelease;
    return { version, status, release, secret: objectOf('v1', 'Secret', { metadata: { labels } }) };
  });
};

/** Which release goes back to which revision; 0: it goes. */
const goalsOf = (histories: Readonly<Record<string, HelmHistory>>) => {
  const releases = Object.keys(histories).map((name) => ({ name }));
  const goals = lastRollout({ set: 'shop', releases }, new Map(Object.entries(histories)));
  return Object.fromEntries(goals.map(({ name, target }) => [name, target?.version ?? 0]));
};

test('the last rollout goes back as a whole, but for what it deployed as it had been', () => {
  assert.deepEqual(goalsOf({ a: history('1 one', '2 two'), b: history('1 one', '2 two') }), { a: 1, b: 1 });
  assert.deepEqual(goalsOf({ a: history('1 one', '2 two'), b: history('2 new') }), { a: 1, b: 0 });
  // Drift of `b` was taken back beside a change of `a`, and alone.
  assert.deepEqual(
    goalsOf({ a: history('1 one', '2 two', '3 three'), b: history('1 one', '2 two', '3 two') }),
    {
      a: 2,
    },
  );
  assert.throws(() => goalsOf({ a: history('1 one', '2 two'), b: history('1 one', '2 two', '3 two') }), {
    code: 'rollout/unknown-revision',
  });
});

test('rollouts that failed and were kept, one after the other, go as one: back to where the set was whole', () => {
  const twice = history('1 one', '2 two failed', '3 two failed');
  assert.deepEqual(goalsOf({ base: history('1 one', '2 two'), app: twice }), { base: 1, app: 1 });
  assert.deepEqual(goalsOf({ base: history('1 one', '2 two', '3 three'), app: twice }), { base: 1, app: 1 });
  const never = history('2 two failed', '3 two failed');
  assert.deepEqual(goalsOf({ base: history('2 two'), app: never }), { base: 0, app: 0 });
  const unchanged = { base: history('1 one', '2 one'), other: history('1 one') };
  assert.deepEqual(goalsOf({ ...unchanged, app: twice }), { app: 1 });
  // What the first one failed at, the second one deployed, and failed at another.
  const mended = history('1 one', '2 two failed', '3 three');
  assert.deepEqual(
    goalsOf({ base: history('1 one', '2 two'), mended, app: history('1 one', '3 three failed') }),
    { base: 1, mended: 1, app: 1 },
  );
});

test('a deploy that ended well ends them', () => {
  const app = history('1 one', '2 two failed', '3 three', '4 four failed');
  const base = history('1 one', '2 two', '3 three', '4 four');
  assert.deepEqual(goalsOf({ base, app, other: history('1 one', '2 two') }), { base: 3, app: 3 });
});

test('where the revisions before them are gone, the oldest that is left is the nearest', () => {
  const app = history('1 one', '2 two failed', '3 three failed', '4 four failed');
  const base = history('1 one', '2 two', '3 three', '4 four').slice(1);
  assert.deepEqual(goalsOf({ base, app }), { base: 2, app: 1 });
  assert.deepEqual(goalsOf({ base: base.slice(2), app }), { app: 1 });
});
