import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeDigest } from './values-digest.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const write = (text: string, key = 'image.digest') => writeDigest(text, key, digest, 'values.yaml');

test('only the value changes: comments, quotes, order and odd spacing stay', () => {
  const text =
    '# top\nimage:\n    tag:   \'1\'   # pinned\n    digest: "sha256:old" # here\n\n\nlist: [ a,b ]\n';
  assert.equal(write(text), text.replace('"sha256:old"', digest));
  assert.equal(write(write(text)), write(text));
});

test('an empty value and a missing key are filled in', () => {
  assert.equal(write('image:\n  digest:\n  tag: x\n'), `image:\n  digest: ${digest}\n  tag: x\n`);
  assert.equal(write('image:\n  tag: x # keep\n'), `image:\n  tag: x # keep\n  digest: ${digest}\n`);
  assert.equal(
    write('# only a comment\n'),
    `# only a comment\nimage:\n  digest: ${digest}\n`.replace('\nimage', '\n\nimage'),
  );
  assert.equal(write('image:\n'), `image:\n  digest: ${digest}\n`);
});

test('a place that cannot hold a digest is a coded error', () => {
  const wrong = { code: 'image/bad-values-file', exitCode: 2 };
  assert.throws(() => write('image: [\n'), wrong);
  assert.throws(() => write('image: text\n'), wrong);
  assert.throws(() => write('image:\n  digest: { a: b }\n'), wrong);
  assert.throws(() => write('x: &a y\nimage:\n  digest: *a\n'), wrong);
  assert.throws(() => write('a: b\n', 'a..b'), wrong);
});
