import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HelmRelease } from './helm-release.ts';
import type { HelmHistory } from './helm-storage.ts';
import { lastRollout } from './rollback-goals.ts';
import { objectOf } from './testing/objects.ts';

/** A history of revisions, each `rollout text`; the last one is deployed. */
const history = (...revisions: readonly string[]): HelmHistory =>
  revisions.map((revision, index) => {
    const [rollout = '', text] = revision.split(' ');
    const version = index + 1;
    const labels = { 'zakenak.dev/rollout': rollout, 'zakenak.dev/revision': String(version) };
    const status = version === revisions.length ? 'deployed' : 'superseded';
    const info = { last_deployed: `2026-01-0${rollout}T00:00:00Z` };
    const release = () => ({ version, info, config: { text } }) as unknown as HelmRelease;
    return { version, status, release, secret: objectOf('v1', 'Secret', { metadata: { labels } }) };
  });

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
