import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseChange, settleReverts } from './change.ts';

const sha = (digit: string) => digit.repeat(40);

test('type, scope and subject are read from the header', () => {
  const change = parseChange(sha('a'), 'feat(api): add a list\n\nbody\n');
  assert.deepEqual(
    [change.type, change.scope, change.subject, change.breaking],
    ['feat', 'api', 'add a list', false],
  );
});

test('a ! and a BREAKING CHANGE footer both make a change breaking', () => {
  assert.equal(parseChange(sha('a'), 'feat!: drop x').breaking, true);
  assert.equal(parseChange(sha('a'), 'refactor(core)!: drop x').breaking, true);
  const footer = parseChange(sha('a'), 'fix: y\n\nwhy\n\nBREAKING CHANGE: z is\ngone\nRefs: #1');
  assert.equal(footer.breaking, true);
  assert.deepEqual(footer.breakingNotes, ['z is gone']);
  assert.deepEqual(parseChange(sha('a'), 'fix: y\n\nBREAKING-CHANGE: z').breakingNotes, ['z']);
});

test('prose that only resembles a footer does not make a change breaking', () => {
  assert.equal(parseChange(sha('a'), 'fix: y\n\nThis has no\nbreaking change: at all').breaking, false);
  assert.equal(parseChange(sha('a'), 'whatever\n\nBREAKING CHANGE: z').breaking, false);
});

test('messages that are no Conventional Commits have no type', () => {
  for (const message of [
    '',
    'Merge branch x',
    'fix something',
    'feat:',
    ': x',
    'feat (a): x',
    'WIP\n\nfeat: not me',
  ])
    assert.equal(parseChange(sha('a'), message).type, undefined, message);
});

test('a huge or hostile message is read in milliseconds', () => {
  const started = performance.now();
  parseChange(sha('a'), `feat(${'('.repeat(50_000)}: x`);
  parseChange(sha('a'), `feat: x\n\n${'BREAKING CHANGE '.repeat(4_000)}`);
  assert.ok(performance.now() - started < 2_000);
});

test('a commit and its revert cancel out, whichever way the revert is written', () => {
  const feature = parseChange(sha('a'), 'feat: a');
  const byGit = parseChange(sha('b'), `Revert "feat: a"\n\nThis reverts commit ${sha('a')}.`);
  const byFooter = parseChange(sha('c'), 'revert: feat: a\n\nRefs: aaaaaaa');
  assert.deepEqual(settleReverts([byGit, feature]), []);
  assert.deepEqual(settleReverts([byFooter, feature]), []);
});

test('a revert of the revert leaves the first change standing', () => {
  const feature = parseChange(sha('a'), 'feat: a');
  const revert = parseChange(sha('b'), `Revert "feat: a"\n\nThis reverts commit ${sha('a')}.`);
  const again = parseChange(sha('c'), `Revert "Revert "feat: a""\n\nThis reverts commit ${sha('b')}.`);
  assert.deepEqual(settleReverts([again, revert, feature]), [feature]);
});

test('a revert of something released before stands as a change of its own', () => {
  const revert = parseChange(sha('b'), `Revert "feat: a"\n\nThis reverts commit ${sha('a')}.`);
  assert.deepEqual(settleReverts([revert]), [revert]);
  assert.equal(revert.type, 'revert');
});
