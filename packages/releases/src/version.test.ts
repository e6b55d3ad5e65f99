import assert from 'node:assert/strict';
import { test } from 'node:test';
import semver from 'semver';
import { parseChange } from './change.ts';
import { type Bump, bumpOf, floatingTags, nextVersion } from './version.ts';

const initialVersion = '0.1.0';

test('the largest wish among the changes wins, and chores wish for nothing', () => {
  const of = (...messages: string[]) =>
    bumpOf(messages.map((message) => parseChange('a'.repeat(40), message)));
  assert.equal(of('docs: a', 'chore: b', 'ci: c', 'merge'), undefined);
  assert.equal(of('fix: a', 'docs: b'), 'patch');
  assert.equal(of('fix: a', 'feat: b'), 'minor');
  assert.equal(of('fix!: a', 'feat: b'), 'major');
  assert.equal(of('chore!: a'), 'major');
});

test('below 1.0.0 a breaking change raises minor', () => {
  assert.equal(nextVersion({ reachable: ['0.3.1'], bump: 'major', initialVersion }), '0.4.0');
  assert.equal(nextVersion({ reachable: ['1.3.1'], bump: 'major', initialVersion }), '2.0.0');
});

test('the first release has the initial version, the first prerelease counts from 1', () => {
  assert.equal(nextVersion({ reachable: [], bump: 'patch', initialVersion }), '0.1.0');
  assert.equal(nextVersion({ reachable: [], bump: 'patch', initialVersion, prerelease: 'rc' }), '0.1.0-rc.1');
});

test('prereleases count on, and the stable release follows them', () => {
  const reachable = ['1.2.0', '1.3.0-rc.1', '1.3.0-rc.9', '1.3.0-beta.4'];
  const basis = { reachable, bump: 'minor', initialVersion } as const;
  assert.equal(nextVersion({ ...basis, prerelease: 'rc' }), '1.3.0-rc.10');
  assert.equal(nextVersion({ ...basis, prerelease: 'beta' }), '1.3.0-beta.5');
  assert.equal(nextVersion(basis), '1.3.0');
  assert.equal(nextVersion({ ...basis, bump: 'major', prerelease: 'rc' }), '2.0.0-rc.1');
});

test('a version never falls behind a prerelease that was announced', () => {
  const reachable = ['1.2.0', '2.0.0-rc.1'];
  assert.equal(nextVersion({ reachable, bump: 'patch', initialVersion }), '2.0.0');
  assert.equal(nextVersion({ reachable, bump: 'patch', initialVersion, prerelease: 'rc' }), '2.0.0-rc.2');
});

test('property: the next version is valid, new and higher than every reachable one', () => {
  const random = seeded(20_261_124);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  for (let round = 0; round < 2_000; round += 1) {
    const reachable: string[] = [];
    const steps = Math.floor(random() * 12);
    for (let step = 0; step < steps; step += 1) {
      const prerelease = pick([undefined, undefined, 'rc', 'beta', 'a-1']);
      const bump = pick<Bump>(['major', 'minor', 'patch']);
      const next = nextVersion({
        reachable,
        bump,
        initialVersion: pick(['0.1.0', '1.0.0', '0.0.1']),
        prerelease,
      });
      assert.equal(semver.valid(next), next);
      assert.ok(!reachable.includes(next), `${next} is taken: ${reachable}`);
      const rivals = reachable.filter((other) => {
        // Identifiers do not order among themselves by time: beta after rc of one version is lower and still right.
        const id = semver.prerelease(other)?.[0];
        return id === undefined || prerelease === undefined || id === prerelease;
      });
      for (const other of rivals) assert.ok(semver.gt(next, other), `${next} > ${other}`);
      if (prerelease === undefined) assert.equal(semver.prerelease(next), null);
      reachable.push(next);
    }
  }
});

test('floating tags follow only the highest stable version of their line', () => {
  const all = ['1.2.0', '1.2.3', '1.3.0', '2.0.0', '1.9.0-rc.1'];
  assert.deepEqual(floatingTags('1.3.1', all, 'major-minor', 'v'), ['v1', 'v1.3']);
  assert.deepEqual(floatingTags('1.2.4', all, 'major-minor', 'v'), ['v1.2']);
  assert.deepEqual(floatingTags('1.2.4', all, 'major', 'v'), []);
  assert.deepEqual(floatingTags('2.0.1-rc.1', all, 'major-minor', 'v'), []);
  assert.deepEqual(floatingTags('2.0.1', all, 'off', 'v'), []);
});

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296;
  };
}
