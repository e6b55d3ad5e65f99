import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collectFindings, createFinding } from '@zakenak/core';
import { compareWithBaseline, parseBaseline, renderBaseline, updateBaseline } from './baseline.ts';

const find = (path: string, message: string, startLine: number) =>
  createFinding({
    ruleId: 'charts/privileged',
    severity: 'high',
    message,
    location: { path, startLine },
    tool: 'zakenak',
  });

const before = [
  find('charts/a/t.yaml', 'x', 3),
  find('charts/a/t.yaml', 'x', 9),
  find('charts/b/t.yaml', 'y', 1),
];

test('what is in the baseline is known wherever it moves in its file, and one more of it is new', () => {
  const baseline = updateBaseline(undefined, before, ['charts/a', 'charts/b']);
  const moved = [find('charts/a/t.yaml', 'x', 4), find('charts/a/t.yaml', 'x', 20)];
  const more = find('charts/a/t.yaml', 'x', 30);
  const other = find('charts/a/other.yaml', 'x', 4);
  const { findings, fresh } = compareWithBaseline(collectFindings([...moved, more, other]), baseline);
  assert.deepEqual(
    fresh.map(({ location }) => `${location?.path}:${location?.startLine}`),
    ['charts/a/other.yaml:4', 'charts/a/t.yaml:30'],
  );
  const known = findings.filter((finding) => !fresh.includes(finding));
  assert.deepEqual(
    known.map(({ severity, message, fingerprint }) => [severity, message, fingerprint]),
    moved.map(({ fingerprint }) => ['info', 'x In the baseline: not reviewed yet.', fingerprint]),
  );
  assert.equal(compareWithBaseline(before, undefined).fresh.length, 3);
});

test('an update keeps reasons and what was not looked at, and forgets what is mended', () => {
  const first = updateBaseline(undefined, before, ['charts/a', 'charts/b']);
  const reviewed = { ...first, known: first.known.map((entry) => ({ ...entry, reason: 'legacy' })) };
  const [kept] = before;
  assert.ok(kept);
  const { known } = updateBaseline(reviewed, [kept], ['charts/a']);
  assert.deepEqual(
    known.map(({ path, count, reason }) => [path, count, reason]),
    [
      ['charts/b/t.yaml', 1, 'legacy'],
      ['charts/a/t.yaml', 1, 'legacy'],
    ],
  );
  assert.deepEqual(updateBaseline(reviewed, [], ['.']).known, []);
});

test('what became worse than the baseline knows it is new', () => {
  const [worse] = before;
  assert.ok(worse);
  const baseline = updateBaseline(undefined, [{ ...worse, severity: 'info' }], ['.']);
  assert.equal(compareWithBaseline([worse], baseline).fresh.length, 1);
  assert.equal(compareWithBaseline([{ ...worse, severity: 'info' }], baseline).fresh.length, 0);
  const both = updateBaseline(undefined, [{ ...worse, severity: 'info' }, worse], ['.']);
  assert.equal(compareWithBaseline([worse, { ...worse, severity: 'low' }], both).fresh.length, 0);
});

test('the file says the same for the same findings, without lines, and a damaged one is refused', () => {
  const folders = ['charts/a', 'charts/b'];
  const text = renderBaseline(updateBaseline(undefined, before, folders));
  assert.equal(renderBaseline(updateBaseline(undefined, before.toReversed(), folders)), text);
  assert.equal(renderBaseline(parseBaseline(text, 'b')), text);
  assert.doesNotMatch(text, /line/i);
  const entry = { rule: 'r', path: 'p', hash: 'h', severity: 'low', count: 1, reason: '' };
  for (const broken of [
    'no',
    '[]',
    '{"version":2,"known":[]}',
    '{"version":1}',
    ...[{ ...entry, count: 0 }, { ...entry, hash: 1 }, { ...entry, severity: 'none' }, null].map((known) =>
      JSON.stringify({ version: 1, known: [known] }),
    ),
  ])
    assert.throws(() => parseBaseline(broken, 'b'), { code: 'charts/bad-baseline', exitCode: 2 }, broken);
});
