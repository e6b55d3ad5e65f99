import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { test } from 'node:test';
import { parseRawLine } from './changes.ts';
import { mayDecode } from './encodings.ts';
import { buildKeywordAutomaton } from './keywords.ts';
import { createPatchReader } from './patch.ts';
import { createPrefilter, longest } from './prefilter.ts';
import { translatePattern } from './re2-pattern.ts';
import { cutConfiguration, type Rule } from './rules.ts';

const bytes = (text: string) => Buffer.from(text);
const rule = (regex: string, keywords: readonly string[] = [], path?: RegExp): Rule => {
  const pattern = translatePattern(regex);
  assert.ok(pattern);
  return { keywords, pattern, ...(path ? { paths: path } : {}) };
};

test('a patch is read alike wherever it is cut, and what is no patch is refused', () => {
  const patch = [
    'commit 1111\n\n:100644 100644 1 2 M\ta b c\n\ndiff --git a/a b c b/a b c\nindex 1..2 100644\n--- a/a b c\n+++ b/a b c\t\n',
    '@@ -0,0 +1,2 @@ context\n+commit 9\n++++ b/x\n@@ -5 +6 @@\n-old\n\\ No newline at end of file\n+new\n\\ No newline at end of file\n',
    'diff --git "a/n\\303\\244" "b/n\\303\\244"\nnew file mode 100644\n--- /dev/null\n+++ "b/n\\303\\244"\n@@ -0,0 +1 @@\n+x\n',
    'commit 2222\n\ndiff --git a/g b/g\ndeleted file mode 100644\n--- a/g\n+++ /dev/null\n@@ -1 +0,0 @@\n-gone\n',
    'diff --git a/k b/k\nindex 1..2 100644\n--- a/k\n+++ b/k\n@@ -1,2 +0,0 @@\n-a\n-b\ndiff --git a/b b/b\nindex 1..2 100644\nBinary files a/b and b/b differ\ncommit 3333\n',
  ].join('');
  const read = (pieces: readonly Uint8Array[], most = 1000) => {
    const seen: unknown[] = [];
    const reader = createPatchReader(
      {
        onRaw: (line, commit) => seen.push([commit, line]),
        onBinary: (blob) => seen.push(['binary', blob]),
        onLines: ({ commit, path, lines }) => seen.push([commit, path, Buffer.from(lines).toString()]),
      },
      most,
    );
    for (const piece of pieces) reader.push(piece);
    reader.end();
    return seen;
  };
  const expected = [
    ['1111', ':100644 100644 1 2 M\ta b c'],
    ['1111', 'a b c', 'commit 9\n+++ b/x\n'],
    ['1111', 'a b c', 'new'],
    ['1111', undefined, 'x\n'],
    ['2222', 'k', ''],
    ['binary', '2'],
  ];
  assert.deepEqual(read([bytes(patch)]), expected);
  assert.deepEqual(read([...patch].map((letter) => bytes(letter))), expected);
  for (let round = 0; round < 200; round++) {
    const [one = 0, two = 0] = [randomInt(patch.length), randomInt(patch.length)].sort((a, b) => a - b);
    assert.deepEqual(
      read([patch.slice(0, one), patch.slice(one, two), patch.slice(two)].map(bytes)),
      expected,
    );
  }
  assert.deepEqual(read([bytes(patch)], 3)[1], ['1111', 'a b c', 'com']);
  for (const bad of [
    'hello\n',
    patch.slice(0, 120),
    `${patch}x`,
    'diff --git a/a b/a\n@@ -1 +1 @@\n new\n',
    '@@ -x @@\n',
  ])
    assert.throws(() => read([bytes(bad)]), /git log/, bad);
});

test('damaged patches and patterns end in an error or a result, at once', () => {
  const patch = bytes(
    'commit 1111\n\n:100644 100644 1 2 M\t"a\\303"\n\ndiff --git a/a b/a\nindex 1..2\n--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n-a\n-b\n+c\n+d\n',
  );
  const alphabet = '()[]{}|\\?*+^$.:-,^a1siPz<>=!';
  const started = performance.now();
  for (let round = 0; round < 3_000; round++) {
    const damaged = Buffer.from(patch);
    for (let count = randomInt(1, 6); count > 0; count--) damaged[randomInt(damaged.length)] = randomInt(256);
    let places = 0;
    const reader = createPatchReader(
      {
        onRaw: (line, commit) => parseRawLine(line, commit),
        onBinary: () => {},
        onLines: () => {
          places++;
        },
      },
      100,
    );
    try {
      reader.push(damaged.subarray(0, randomInt(damaged.length)));
      reader.push(damaged.subarray(randomInt(damaged.length)));
      reader.end();
    } catch (thrown) {
      assert.match(String(thrown), /^Error: git log/);
    }
    assert.ok(places < 50);
    const pattern = Array.from({ length: randomInt(1, 20) }, () => alphabet[randomInt(alphabet.length)]).join(
      '',
    );
    const translated = translatePattern(pattern);
    assert.ok(translated === undefined || translated instanceof RegExp);
  }
  assert.ok(performance.now() - started < 10_000);
});

test('keywords are found wherever they overlap, in either case, as by looking for each', () => {
  for (let round = 0; round < 300; round++) {
    const word = () => Array.from({ length: randomInt(1, 5) }, () => 'abc_'[randomInt(4)]).join('');
    const words = [...new Set(Array.from({ length: 6 }, word))];
    const text = Array.from({ length: 40 }, () => 'aAbBcC_'[randomInt(7)]).join('');
    const automaton = buildKeywordAutomaton(words);
    assert.ok(automaton);
    const found = new Set<number>();
    let state = 0;
    for (const byte of bytes(text)) {
      state = automaton.next[(state << automaton.shift) | (automaton.classes[byte] ?? 0)] ?? 0;
      for (const index of automaton.ends[state] ?? []) found.add(index);
    }
    const expected = words.flatMap((one, index) => (text.toLowerCase().includes(one) ? [index] : []));
    assert.deepEqual([...found].sort(), expected, `${words} in ${text}`);
  }
  assert.equal(buildKeywordAutomaton(Array.from({ length: 70_000 }, (_, index) => `k${index}`)), undefined);
});

test('Go’s patterns keep their meaning or match more; what cannot be said is not translated', () => {
  const matches = (pattern: string, text: string) => translatePattern(pattern)?.test(text);
  // A flag holds to the end of its group, through every branch; V8 misreads the same written with `(?i:`.
  assert.equal(matches('(?i)\\b(x)(?:[;]|\\\\[nr]|$)', 'X\\N'), true);
  assert.equal(matches('"(?i)(a)"|\'b\'', "'B'"), true);
  assert.equal(matches('a\\z', 'a\n'), false);
  assert.equal(matches('a$', 'a\n'), false);
  assert.equal(matches('^a.c$', 'a\rc'), true);
  assert.equal(matches('a.c', 'a\nc'), false);
  assert.equal(matches('(?s:a.c)', 'a\nc'), true);
  assert.equal(matches('a\\Sc', 'a\u00a0c'), true);
  assert.equal(matches('a[\\S]c', 'a\vc'), true);
  assert.equal(matches('a\\sc', 'a\u00a0c'), false);
  assert.equal(matches('[]a]+[[:digit:]x][^]]', ']a7b'), true);
  assert.equal(matches('(?P<n>\\x41)', 'A'), true);
  assert.equal(matches('(?i)[\\w.-]{0,50}?(?:key)=', 'KEY='), true);
  for (const pattern of ['\\pL', '\\Qa', 'ä', 'x(?i:y)[^a]', '\\x{41}', '[^\\S]', '(?=a)', '(a', '\\1', '[a'])
    assert.equal(translatePattern(pattern), undefined, pattern);
});

const decodes = (run: string) => mayDecode(bytes(run), 0, run.length);

test('what decodes to printable text may leak, and other words of its letters do not', () => {
  for (let round = 0; round < 500; round++) {
    const text = Buffer.from(Array.from({ length: randomInt(16, 60) }, () => randomInt(9, 127)));
    assert.ok(decodes(text.toString('hex')), text.toString('hex'));
    for (const encoding of ['base64', 'base64url'] as const) {
      const encoded = text.toString(encoding);
      if (/[0-9+/_-]/.test(encoded)) assert.ok(decodes(encoded), encoded);
    }
  }
  assert.ok(decodes(`${bytes('x'.repeat(20)).toString('hex')}zz`));
  for (const word of [
    'aVeryLongIdentifierOfCode2',
    randomBytes(48).fill(200).toString('base64'),
    'deadbeef'.repeat(5),
  ])
    assert.equal(decodes(word), false, word);
});

const settle = (may: boolean | (() => boolean) | undefined) => (typeof may === 'function' ? may() : may);

test('only what no rule can find anything in is left out', () => {
  const filter = createPrefilter([
    rule('(?i)pass[ ]?= ?[a-z0-9]{6}', ['pass']),
    rule('tok_[a-z]{5}', ['tok_'], /\.env$/),
  ]);
  assert.ok(filter);
  const mayLeak = (text: string | Uint8Array, path?: string) =>
    settle(filter.mayLeak(Buffer.from(text), path));
  assert.equal(mayLeak('PASS = abc123'), true);
  assert.equal(mayLeak('pass = no'), false);
  assert.equal(mayLeak('tok_abcde', 'a.txt'), false);
  assert.equal(mayLeak('tok_abcde', 'a.env'), true);
  assert.equal(mayLeak('tok_abcde'), true);
  assert.equal(mayLeak('ä pass = no 🙂'), false);
  // Whatever is not understood is for gitleaks to judge.
  for (const unsure of [
    'paſſ',
    '100%41',
    '\\u0041',
    'see U+0041 x',
    'a'.repeat(longest + 1),
    bytes('pass word, 7 more').toString('base64'),
  ])
    assert.equal(mayLeak(unsure), true, unsure.slice(0, 40));
  assert.equal(mayLeak(Buffer.concat([Buffer.from([0xff]), bytes('pass = no')])), true);
  assert.equal(settle(createPrefilter([rule('x')])?.mayLeak(bytes('a x'), 'p')), true);
  assert.equal(
    settle(createPrefilter([{ keywords: [], paths: /\.p12$/ }])?.mayLeak(bytes(''), 'a.p12')),
    true,
  );
});

test('the default configuration is cut out of the program that carries it', () => {
  const text = 'title = "x"\n[[rules]]\nid = "a"\nkeywords = ["b"]\n\n';
  assert.equal(cutConfiguration(`${text}\0\0more`), text);
  assert.equal(cutConfiguration(`${text}sudden ]] text\nand more\n\0`).trimEnd(), text.trimEnd());
  assert.throws(() => cutConfiguration('\0'));
});
