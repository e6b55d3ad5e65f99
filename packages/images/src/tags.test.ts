import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CiEvent } from '@zakenak/core';
import { deriveTags } from './tags.ts';

const headSha = 'abcdef0123456789abcdef0123456789abcdef01';
const tags = (event: Partial<CiEvent>) =>
  deriveTags({ kind: 'push', headSha, ...event }, 'ghcr.io/acme/app').map(
    (reference) => reference.split(':')[1],
  );

test('a version tag gives its version, its lines and latest', () => {
  assert.deepEqual(tags({ kind: 'tag', tag: 'v1.2.3' }), ['1.2.3', '1.2', '1', 'latest']);
  assert.deepEqual(tags({ kind: 'tag', tag: 'app/v1.2.3' }), ['1.2.3', '1.2', '1', 'latest']);
  assert.deepEqual(tags({ kind: 'tag', tag: 'v0.2.3' }), ['0.2.3', '0.2', 'latest']);
});

test('a prerelease gives only itself, any other tag its own name', () => {
  assert.deepEqual(tags({ kind: 'tag', tag: 'v1.2.3-rc.1' }), ['1.2.3-rc.1']);
  assert.deepEqual(tags({ kind: 'tag', tag: 'nightly build' }), ['nightly-build']);
});

test('a branch gives its name and its commit, a pull request its number, a merge group the commit', () => {
  assert.deepEqual(tags({ headBranch: 'feature/x y' }), ['feature-x-y', 'sha-abcdef0']);
  assert.deepEqual(tags({ kind: 'pull-request', pullRequest: { number: 4, fork: true } }), ['pr-4']);
  assert.deepEqual(tags({ kind: 'merge-group', headBranch: 'gh-readonly-queue/main/pr-1' }), ['sha-abcdef0']);
  assert.deepEqual(tags({ kind: 'local' }), ['sha-abcdef0']);
});

test('every derived tag is a tag', () => {
  for (const headBranch of ['-x', '..', '日本', 'a'.repeat(300), '/', 'Feature/ÄÖ'])
    for (const tag of tags({ headBranch })) assert.match(tag ?? '', /^\w[\w.-]{0,127}$/, headBranch);
});
