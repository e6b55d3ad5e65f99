import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { before, test } from 'node:test';
import { parseManifests } from '../../packages/rollout/src/objects/manifest.ts';
import { createTestToolchain } from './sandbox-fixture.ts';

let program: string;
before(async () => {
  program = await createTestToolchain().resolve('kubernetes');
});

/** What kubectl makes of a text, without a cluster; undefined where it refuses it. The annotation is its excuse for reading. */
function readByKubectl(text: string): readonly unknown[] | undefined {
  const args = ['kubectl', 'annotate', '--local', '--output', 'json', '--filename', '-', 'read=yes'];
  const env = { KUBECONFIG: '/dev/null', HOME: '/nonexistent' };
  const { status, stdout, stderr } = spawnSync(program, args, { input: text, encoding: 'utf8', env });
  if (status !== 0) {
    assert.match(stderr, /^error: /);
    return undefined;
  }
  // One indented object after the other; a line that is only a bracket ends each.
  return stdout
    .split(/(?<=^\}\n)/m)
    .filter((object) => object.trim() !== '')
    .map((object) => JSON.parse(object));
}

function readByUs(text: string): readonly unknown[] | undefined {
  try {
    return parseManifests(text, 'x').map(({ object: { metadata, ...rest } }) => ({
      ...rest,
      metadata: { ...metadata, annotations: { ...metadata.annotations, read: 'yes' } },
    }));
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'rollout/bad-yaml');
    return undefined;
  }
}

const widget = (name: string, rest = '') =>
  `apiVersion: shop.example.com/v1\nkind: Widget\nmetadata: {name: ${name}}\n${rest}`;

/** -0 and 0 are one number in JSON. */
const asJson = (value: unknown): unknown =>
  value === undefined ? undefined : JSON.parse(JSON.stringify(value));

const scalars = `
0 00 01 -01 0644 +0644 -0644 0o644 0O17 -0o7 08 0899 09.5 0_7 012e3 0777777777777 0xFFFFFFFFFFFFFFFF -0xFFFFFFFFFFFFFFFF 0x10000000000000000
0b101 -0b101 +0b11 0B1 0b2 0b 0x1F -0x1f 0X1F 0x_ff 0x 0xG 0x1p4
1_000 1__0 _1 1_ -_1 1_000.5 1_0e3 1e1_0 1e5_ 1_e3 +12 -0 -0.0 +0 1.0 1.10 0.10 .5 +.5 -.5 5. . .. ._ ._5 .5_0 +. + -.e1 .e1
1e3 1E3 1e+3 1.e3 .5e1 -.5e-3 1e e3 E12 1e-7 1e400 0e0 6.02e23 1e21 12345678901234567890123 18446744073709551615 9007199254740991 -9007199254740991
y Y n N yes Yes YES yEs no No NO on On ON oN off Off OFF true True TRUE tRue false False FALSE ~ null Null NULL nULL
190:20:30 1:30 1:30.5 22:22 2001-01-01 2001-1-1 2024-13-45 2001-12-14t21:59:43.10-05:00 2001-12-14T21:59:43Z
= 1.2.3 v1 100m 1Gi 1,000 Infinity NaN a#b a:b http://a:80/ C:\\a "0644" 'yes' "" "\\x41\\u00e9" <<
`
  .trim()
  .split(/\s+/);
const phrases = [
  '2001-12-14 21:59:43.10',
  '2001-12-14 21:59:43.10 -5',
  'a #b',
  '!!str 0644',
  '!!str yes',
  '!!str',
  '!!int "3"',
  '!!int 0644',
  '!!float 1',
  '!!float 0o7',
  '!!bool "yes"',
  '!!null ""',
  '!!binary aGk=',
  '!!set {a, b}',
  '!!omap [a: 1]',
  '!!timestamp 2001-01-01',
  '! 12',
  '!foo bar',
  '{a: 1, b}',
  '{1: a, yes: b, 1.5: c, 0644: d, 0x10: e}',
  '[1, yes, 0o7]',
  '|\n      a\n      b',
  '|2\n       a\n      b',
  '|+\n      a\n\n',
  '>-\n      a\n      b\n\n      c',
  '"a\n      b"',
  "'it''s\n      two'",
  'one\n      two\n\n      three',
  '\n  - a\n  - b: 1\n    c: 2',
];

test('every scalar is to us what it is to kubectl', () => {
  const lines = [...scalars, ...phrases].map((text, index) => `  k${index}: ${text}\n`);
  const text = widget('a', `spec:\n${lines.join('')}`);
  const [theirs] = readByKubectl(text) as [{ spec: Record<string, unknown> }];
  const [ours] = asJson(readByUs(text)) as [{ spec: Record<string, unknown> }];
  for (const [index, line] of lines.entries())
    assert.deepEqual(ours.spec[`k${index}`], asJson(theirs.spec[`k${index}`]), line);
  assert.deepEqual(ours, asJson(theirs));
});

const refused = [
  '-',
  '.inf',
  '-.Inf',
  '.nan',
  '{null: a}',
  '{~: x}',
  '{? [a] : b}',
  '!!int yes',
  '!!int ""',
  '&a [*b]',
  '@a',
  '`a',
  '%a',
  'a: b',
  '- a',
  '[1',
  '"a',
];
for (const text of refused)
  test(`kubectl refuses ${text}, and so do we`, () => {
    assert.equal(readByKubectl(widget('a', `spec:\n  v: ${text}\n`)), undefined);
    assert.equal(readByUs(widget('a', `spec:\n  v: ${text}\n`)), undefined);
  });

test('an integer that only Go can hold is refused by us alone', () => {
  const text = widget('a', 'spec: {v: 9007199254740993}\n');
  assert.notEqual(readByKubectl(text), undefined);
  assert.equal(readByUs(text), undefined);
});

for (const spec of ['\n  -\ta', '\n  - -\ta', '{a: !! b}'])
  test(`only one meaning has ${JSON.stringify(spec)}, and we alone take it`, () => {
    assert.equal(readByKubectl(widget('a', `spec: ${spec}\n`)), undefined);
    assert.equal(readByUs(widget('a', `spec: ${spec}\n`))?.length, 1);
  });

const many = Array.from({ length: 300 }, (_, index) => `  k${index}: *x\n`).join('');
const bomb = [...'bcdefghij'].map(
  (name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefghi'[index]}`)}]\n`,
);
const documents: Readonly<Record<string, string>> = {
  'a repeated key': widget('a', 'spec: {a: 1, b: 2, a: 3}\n'),
  'a key repeated under two names': widget('a', 'spec: {on: 1, off: 2, y: 3}\n'),
  'merges above and below': widget(
    'a',
    'spec:\n  x: &x {a: 1, b: 2}\n  over: {<<: *x, a: 5}\n  under: {a: 5, <<: *x}\n',
  ),
  'merges of lists': widget('a', 'spec:\n  x: &x {a: 1, b: 2}\n  w:\n    <<: [*x, {b: 9, c: 3}]\n    d: 1\n'),
  'two merges': widget('a', 'spec:\n  x: &x {a: 1}\n  z: &z {b: 3}\n  w:\n    <<: *x\n    <<: *z\n'),
  'Windows’ line ends':
    `${widget('a', 'spec: {v: yes}\n')}---\n${widget('b', 'spec:\n  t: |\n    one\n    two\n')}`.replaceAll(
      '\n',
      '\r\n',
    ),
  'comments between documents': `# a\n---\n# b\n---\n${widget('a')}--- # next\n${widget('b')}---\t\n${widget('c')}---\n`,
  'a byte order mark': `\uFEFF${widget('a')}---\n${widget('b')}`,
  'a byte order mark and a separator': `\uFEFF---\n${widget('a')}`,
  'an end marker': `${widget('a')}...\n---\n${widget('b')}`,
  'dashes in a text': widget('a', 'spec:\n  t: |\n    ---\n    a\n'),
  'a List': `apiVersion: v1\nkind: List\nitems:\n- ${widget('a').replaceAll('\n', '\n  ')}\n`,
  'a typed list':
    'apiVersion: v1\nkind: ConfigMapList\nitems:\n- metadata: {name: a}\n  data: {a: "1"}\n- metadata: {name: b}\n',
  'an empty List': 'apiVersion: v1\nkind: List\nitems: []\n',
  'a List of nothing': 'apiVersion: v1\nkind: List\nitems:\n',
  JSON: '{"apiVersion":"shop.example.com/v1","kind":"Widget",\n\t"metadata":{"name":"b"},\n\t"spec":{"a":0.5,"b":"\\u00e9\\/x","c":1e3}}',
  'a null spec': widget('a', 'spec:\n'),
  'many aliases': widget('a', `x: &x {a: 1}\nspec:\n${many}`),
  'a bomb of aliases': widget('a', `a: &a [x]\n${bomb.join('')}`),
  'odd keys': widget('a', 'spec: {__proto__: {a: 1}, constructor: 1, "b" : 2}\n'),
  'letters of the world': widget('a', 'spec: {a: ☸, "é": "\\U0001F600", n: b\u00a0}\n'),
  'tabs around values': widget('a', 'spec:\n  a:\tb\n  c: 1\t# d\n'),
  'a tab as indentation': widget('a', 'spec:\n\ta: 1\n'),
  'a wrong indentation': widget('a', 'spec:\n a: 1\n  b: 2\n'),
  'a bracket below its key': widget('a', 'spec:\n  args: [\n    "a",\n  ]\n  more: {\n    a: b,\n  }\n'),
  'brackets that begin where they like': widget('a', 'spec:\n  a: [\n x,\n  # c\n  - 1,\n{b:\nc}]\n  d: 1\n'),
  'a flow map over lines': widget('a', 'spec:\n  - {a: b,\n  c: d}\n'),
  'a tab within brackets': widget('a', 'spec:\n  a: {b: c,\n\td: e}\n'),
  'tabs before and within brackets': widget(
    'a',
    'spec:\n  a:\t{b: c,\td: "e\tf"}\n  g: \t&x [h,\t i]\n  j: k\tl\n  m: |\n    n\to\n',
  ),
  'a map in a list after a tab': widget('a', 'spec:\n  -\ta: b\n    c: d\n'),
  'a carriage return alone': widget('a', 'spec:\n  a: "b\r  c"\n  d: e\r  f: g\n'),
  'spaces at the end of a block': widget('a', 'spec:\n  a: |2-\n     x\n\n     \n  b: c\n'),
  'a key without a value in a flow map': widget('a', 'spec: {a: , b}\n'),
  'quoted lines that begin where they like': widget('a', 'spec:\n  a: "x\ny\n\n z"\n  b: \'x\n y\'\n'),
  'a plain text that begins too early': widget('a', 'spec:\n  a: x\n y\n'),
  'a block that begins with a tab': widget('a', 'spec:\n  a: |\n\tx\n'),
  'an unclosed list': widget('a', 'spec: {a: [1}\n'),
  'only text': 'text\n',
  'only a list': '- a\n- b\n',
  'a number as name': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 123}\n',
};
for (const [name, text] of Object.entries(documents))
  test(`kubectl and we read alike: ${name}`, () => {
    assert.deepEqual(asJson(readByUs(text)), asJson(readByKubectl(text)));
  });
