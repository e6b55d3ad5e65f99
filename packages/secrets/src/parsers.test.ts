import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { findKnown, parseBaseline, renderBaseline } from './baseline.ts';
import { assertWholePass, parseReport } from './gitleaks.ts';
import { createIdentifier } from './identity.ts';
import type { Leak } from './leak.ts';
import { parseCombined } from './merges.ts';
import { renderImport } from './mirror.ts';
import { findPlace } from './place.ts';

const result = (stderr: string, exitCode = 0) => ({ exitCode, stdout: '[]', stderr, durationMs: 1 });

test('a pass counts only when gitleaks says how much it scanned and nothing went wrong', () => {
  assert.equal(assertWholePass(result('9:00AM INF 12 commits scanned.\n9:00AM WRN leaks found: 3')), 12);
  for (const broken of [
    result(''),
    result('9:00AM INF scanned ~1 bytes'),
    result('9:00AM INF 12 commits scanned.', 1),
    result('9:00AM ERR [git] fatal: bad object\n9:00AM INF 12 commits scanned.'),
    result('9:00AM FTL unable to load config'),
  ])
    assert.throws(() => assertWholePass(broken), { code: 'secrets/scanner-failed', exitCode: 4 });
});

test('a report of another shape is refused, and the refusal quotes nothing of it', () => {
  const secret = randomBytes(12).toString('hex');
  for (const text of [
    '',
    '{}',
    `[{"Secret":"${secret}"`,
    `["${secret}"]`,
    `[{"RuleID":1,"Secret":"${secret}"}]`,
    'null',
  ])
    assert.throws(
      () => parseReport(text),
      (error: Error & { code?: string }) =>
        error.code === 'secrets/scanner-failed' && !error.message.includes(secret),
    );
  const [leak] = parseReport(
    '[{"RuleID":"r","File":"f","Commit":"c","StartLine":0,"EndLine":-1,"Match":"m"}]',
  );
  assert.deepEqual(leak, {
    rule: 'r',
    description: '',
    path: 'f',
    startLine: 1,
    endLine: 1,
    commit: 'c',
    secret: 'm',
  });
});

test('of merge commits the contents that equal no parent’s are read, deletions and submodules are not', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((letter) => letter.repeat(40));
  const text = [
    '1'.repeat(40),
    `::100644 100644 100755 ${a} ${b} ${c} MM`,
    'odd\n:name',
    `:::100644 100644 100644 120000 ${a} ${a} ${b} ${c} MMT`,
    'link',
    `::100644 100644 000000 ${a} ${b} ${'0'.repeat(40)} DD`,
    'gone',
    `::160000 160000 160000 ${a} ${b} ${c} MM`,
    'module',
    '',
  ].join('\0');
  assert.deepEqual(
    [...parseCombined(text)],
    [
      [
        '1'.repeat(40),
        [
          { path: 'odd\n:name', blob: c },
          { path: 'link', blob: c },
        ],
      ],
    ],
  );
  assert.equal(parseCombined('').size, 0);
  for (let round = 0; round < 2_000; round++) parseCombined(randomBytes(60).toString('latin1'));
});

test('no path breaks out of its line in the stream for fast-import', () => {
  const file = { path: 'a"b\\c\nreset refs/heads/main', blob: 'f'.repeat(40) };
  const files = new Map([['1'.repeat(40), [file]]]);
  const text = Buffer.from(renderImport({ heads: [], trees: new Map(), files })).toString();
  assert.ok(text.includes(`M 100644 ${file.blob} "a\\"b\\\\c\\nreset refs/heads/main"\n`));
});

test('a baseline survives writing and reading, sorted and each secret once', () => {
  const entry = (rule: string, hash: string) => ({ rule, hash, path: 'p', reason: 'x' });
  const known = [entry('b', '2'), entry('a', '1'), entry('b', '2')];
  const text = renderBaseline({ version: 1, salt: 's', known });
  const back = parseBaseline(text, 'b.json');
  assert.deepEqual(back.known, [entry('a', '1'), entry('b', '2')]);
  assert.ok(findKnown(back, 'a', '1') && !findKnown(back, 'a', '2') && !findKnown(undefined, 'a', '1'));
  for (const bad of ['', '[]', 'null', '{"version":1}', '{"version":1,"salt":"s","known":[{}]}'])
    assert.throws(() => parseBaseline(bad, 'b.json'), { code: 'secrets/bad-baseline' });
});

test('the same secret has one hash per rule and salt, and the hash does not hold it', async () => {
  const identifier = createIdentifier('salt');
  const hash = await identifier.identify('r', 'secret text');
  assert.match(hash, /^[0-9a-f]{32}$/);
  assert.equal(await createIdentifier('salt').identify('r', 'secret text'), hash);
  assert.notEqual(await identifier.identify('other', 'secret text'), hash);
  assert.notEqual(await createIdentifier('pepper').identify('r', 'secret text'), hash);
});

test('a secret is placed at the nearest line of the head that has it, else where the commit had it', () => {
  const leak: Leak = {
    rule: 'r',
    description: '',
    path: 'p',
    startLine: 4,
    endLine: 4,
    commit: 'c',
    secret: 'xyz',
  };
  assert.deepEqual(findPlace(leak, 'xyz\n\n\n\nxyz\nxyz', 'h'), { line: 5, inHead: true });
  assert.deepEqual(findPlace({ ...leak, secret: 'x\ny' }, 'a\nx\ny', 'h'), { line: 2, inHead: true });
  assert.deepEqual(findPlace(leak, 'nothing', 'h'), { line: 4, inHead: false });
  assert.deepEqual(findPlace(leak, undefined, 'h'), { line: 4, inHead: false });
  assert.deepEqual(findPlace(leak, 'eHl6', 'c'), { line: 4, inHead: true });
});
