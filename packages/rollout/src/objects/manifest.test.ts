import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRedactor, type Files, type ProcessRunner, ZakenakError } from '@zakenak/core';
import { hookObject, hookOf } from '../render/hook.ts';
import { mergeValues, readValues } from '../render/values.ts';
import type { ValuesLayer } from '../request.ts';
import { parseManifests, parseYaml } from './manifest.ts';

// What kubectl makes of the same texts is compared in test/e2e/yaml.test.ts.
const scalars: readonly (readonly [text: string, value: unknown])[] = [
  ['0644', 420],
  ['0o644', 420],
  ['0x1F', 31],
  ['0b101', 5],
  ['0899', 899],
  ['1_000', 1000],
  ['yes', true],
  ['On', true],
  ['n', false],
  ['yEs', 'yEs'],
  ['~', null],
  ['190:20:30', '190:20:30'],
  ['2001-01-01', '2001-01-01'],
  ['2001-12-14t21:59:43.10-05:00', '2001-12-14t21:59:43.10-05:00'],
  ['.', '.'],
  ['e3', 'e3'],
  ['1e3', 1000],
  ['1e400', '1e400'],
  ['.5', 0.5],
  ['-', [null]],
  ['1.2.3', '1.2.3'],
  ['"0644"', '0644'],
  ['!!str 0644', '0644'],
  ['!!float 1', 1],
  ['!!binary aGk=', 'hi'],
  ['9007199254740991', 9007199254740991],
  ['18446744073709551615', 2 ** 64],
  ['0xFFFFFFFFFFFFFFFF', 2 ** 64],
  ['-0xFFFFFFFFFFFFFFFF', '-0xFFFFFFFFFFFFFFFF'],
  ['0x10000000000000000', '0x10000000000000000'],
  ['{1: a, yes: b, 0o7: c}', { 1: 'a', true: 'b', 7: 'c' }],
  ['{__proto__: {polluted: 1}}', JSON.parse('{"__proto__":{"polluted":1}}')],
];
for (const [text, value] of scalars)
  test(`${text} is read as ${JSON.stringify(value)}`, () => {
    assert.deepEqual(parseYaml(`v:\n  ${text}\n`, 'x'), [{ v: value }]);
  });

const isBad = (position: string, reason: RegExp) => (error: unknown) => {
  assert.ok(error instanceof ZakenakError);
  assert.equal(error.code, 'rollout/bad-yaml');
  assert.ok(error.message.startsWith(`${position}: `), error.message);
  assert.match(error.message, reason);
  return true;
};

for (const [name, text, position, reason] of [
  ['an infinite number', 'v: .inf\n', 'x:1:4', /JSON/],
  ['an integer that would lose digits', 'a: 1\nv: 9007199254740993\n', 'x:2:4', /quote it/],
  ['a negative one', 'v: -9223372036854775808\n', 'x:1:4', /quote it/],
  ['a repeated key', 'a: 1\nb: 2\na: 3\n', 'x:3:1', /duplicated/],
  ['a null key', '{~: 1}\n', 'x:1:2', /key/],
  ['a list as key', '{? [a] : 1}\n', 'x:1:1', /key/],
  ['a tab as indentation', 'a:\n\tb: 1\n', 'x:2:1', /[Tt]ab/],
  ['an unknown anchor', 'a: *b\n', 'x:1:5', /alias/],
  ['a merge of no map', 'a: {<<: 1}\n', 'x:1:5', /<</],
  ['a list in itself', 'a: &a [*a]\n', 'x:1:9', /alias/],
  ['a map in itself', 'a: &a {b: *a}\n', 'x:1:12', /alias/],
  ['a word where a number was promised', 'a: !!int many\n', 'x:1:10', /no number/],
  ['too deep a nesting', `a: ${'['.repeat(2_000)}\n`, 'x:1:1003', /nesting/],
  ['a bad number on a line that begins too early', 'a: [\n 1,\n.inf]\n', 'x:3:1', /JSON/],
  ['a bracket missing on a line that begins too early', 's:\n  a: [\n b: }\n', 'x:3:5', /./],
  [
    'exponential aliases',
    `a: &a [x]\n${[...'bcdefgh'].map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefg'[i]}`)}]\n`).join('')}`,
    'x:1:1',
    /alias/,
  ],
] as const)
  test(`${name} is refused with its place`, () => {
    assert.throws(() => parseYaml(text, 'x'), isBad(position, reason));
  });

test('rounded numbers and repeated keys are had on request', () => {
  assert.deepEqual(parseYaml('v: 9007199254740993\n', 'x', { largeNumbers: 'round' }), [
    { v: 9007199254740992 },
  ]);
  assert.deepEqual(parseYaml('a: 1\na: 2\n', 'x', { repeatedKeys: 'last' }), [{ a: 2 }]);
});

test('aliases of a long text are refused before anything is written out', () => {
  const text = (times: number) =>
    `a: &a "${'x'.repeat(100_000)}"\nb: [${Array(times).fill('*a').join(', ')}]\n`;
  assert.throws(() => parseYaml(text(9_000), 'x'), isBad('x:1:1', /larger than 64 MiB/));
  assert.equal(parseYaml(text(500), 'x').length, 1);
});

test('an alias may be used often, and a merge overrides only what stands above it', () => {
  const many = Array.from({ length: 300 }, (_, index) => `k${index}: *x\n`).join('');
  const [value] = parseYaml(`x: &x {a: 1}\n${many}`, 'x') as [Record<string, unknown>];
  assert.deepEqual(value['k299'], { a: 1 });
  const text =
    'x: &x {a: 1, b: 2}\nover: {<<: *x, a: 5}\nunder: {a: 5, <<: *x}\nlist: {<<: [*x, {b: 9, c: 3}]}\n';
  assert.deepEqual(parseYaml(text, 'x'), [
    { x: { a: 1, b: 2 }, over: { a: 5, b: 2 }, under: { a: 1, b: 2 }, list: { a: 1, b: 2, c: 3 } },
  ]);
});

const widget = (name: string, rest = '') =>
  `apiVersion: shop.example.com/v1\nkind: Widget\nmetadata: {name: ${name}}\n${rest}`;
const namesOf = (text: string) => parseManifests(text, 'x').map(({ object }) => object.metadata.name);

for (const [name, text, names] of [
  [
    'separators with comments, spaces and tabs',
    `${widget('a')}--- # next\n${widget('b')}--- \n${widget('c')}---\t\n${widget('d')}`,
    ['a', 'b', 'c', 'd'],
  ],
  ['Windows’ line ends', `${widget('a')}---\n${widget('b')}`.replaceAll('\n', '\r\n'), ['a', 'b']],
  ['a byte order mark', `\uFEFF${widget('a')}`, ['a']],
  ['a byte order mark before a separator', `\uFEFF---\n${widget('a')}`, ['a']],
  ['documents without content', `---\n# nothing\n---\n\n---\n${widget('a')}---\n`, ['a']],
  ['nothing but comments', '# a\n# b\n', []],
  ['nothing', '', []],
  ['a null document', 'null\n---\n~\n', []],
  ['an end marker', `${widget('a')}...\n---\n${widget('b')}`, ['a', 'b']],
  ['dashes within a text', widget('a', 'spec:\n  text: |\n    ---\n    b\n'), ['a']],
  [
    'JSON indented with tabs',
    '{\n\t"apiVersion": "v1",\n\t"kind": "ConfigMap",\n\t"metadata": {"name": "a"}\n}',
    ['a'],
  ],
  ['an empty List', 'apiVersion: v1\nkind: List\nitems: []\n', []],
  ['a List that a loop left empty', 'apiVersion: v1\nkind: List\nitems:\n', []],
] as const)
  test(`documents: ${name}`, () => {
    assert.deepEqual(namesOf(text), names);
  });

test('Lists are opened, also within each other, and the items of a typed list are of its kind', () => {
  const inner = { apiVersion: 'v1', kind: 'SecretList', items: [{ metadata: { name: 'b' } }] };
  const outer = {
    apiVersion: 'v1',
    kind: 'List',
    items: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }, inner],
  };
  assert.deepEqual(
    parseManifests(JSON.stringify(outer), 'x').map(({ object }) => object),
    [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } },
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'b' } },
    ],
  );
});

test('a rendered document bears the template that it came from, and the text that Helm records', () => {
  const text = `---\n# Source: chart/templates/a.yaml\n${widget('a')}---\n${widget('b')}`;
  assert.deepEqual(
    parseManifests(text, 'x').map(({ source, text }) => [source, text]),
    [
      ['chart/templates/a.yaml', `# Source: chart/templates/a.yaml\n${widget('a').trim()}`],
      ['x', widget('b').trim()],
    ],
  );
});

for (const [name, text, position] of [
  ['in a later document of a file', `${widget('a')}---\n# b\n${widget('b', 'spec: {a: [}\n')}`, 'x:9:12'],
  [
    'in a document of a template',
    `---\n# Source: c/t.yaml\n${widget('a', 'spec: {a: [}\n')}`,
    'c/t.yaml:6:12',
  ],
  ['of a document without a name', `${widget('a')}---\n# c\n\napiVersion: v1\nkind: ConfigMap\n`, 'x:7:1'],
  ['of a document without a kind', 'apiVersion: v1\nmetadata: {name: a}\n', 'x:1:1'],
  ['of a document with a number as name', 'apiVersion: v1\nkind: A\nmetadata: {name: 1}\n', 'x:1:1'],
  ['of a document that is only text', 'hello\n', 'x:1:1'],
  ['of a document that is a list', '- a\n', 'x:1:1'],
] as const)
  test(`a mistake ${name} is placed`, () => {
    assert.throws(() => parseManifests(text, 'x'), isBad(position, /./));
  });

test('an object that has a generateName alone is refused with the reason', () => {
  const text = widget('a').replace('name:', 'generateName:');
  assert.throws(() => parseManifests(text, 'x'), isBad('x:1:1', /generateName names, no Helm finds again/));
});

test('layers of values merge maps, replace everything else, and keep null', () => {
  const base = { a: { b: 1, c: [1, 2] }, d: { e: 1 }, f: 1 };
  const over = { a: { c: [3], g: null }, d: null, f: { h: 1 } };
  assert.deepEqual(mergeValues(base, over), { a: { b: 1, c: [3], g: null }, d: null, f: { h: 1 } });
  assert.deepEqual(base, { a: { b: 1, c: [1, 2] }, d: { e: 1 }, f: 1 });
});

test('keys that mean something to JavaScript are keys like others', async () => {
  const files = {
    '/w/a.yaml': '__proto__: { a: 1, b: 1 }\nconstructor: { a: 1 }\nplain: { __proto__: { x: 1 } }\n',
  };
  const over = JSON.parse('{"__proto__": {"b": 2, "toString": 3}, "constructor": {"b": 2}}');
  const merged = await valuesOf([{ file: 'a.yaml' }, { values: over }], files);
  assert.equal(
    JSON.stringify(merged),
    '{"__proto__":{"a":1,"b":2,"toString":3},"constructor":{"a":1,"b":2},"plain":{"__proto__":{"x":1}}}',
  );
  assert.equal(({} as Record<string, unknown>)['b'], undefined);
});

/** Files of a workspace in memory. */
function filesOf(files: Readonly<Record<string, string>>): Pick<Files, 'readText' | 'resolve'> {
  return {
    resolve: async (path) => `/w/${path}`,
    async readText(path) {
      const text = files[path];
      assert.ok(text !== undefined, `unexpected read of ${path}`);
      return text;
    },
  };
}
const noProcess: ProcessRunner = { run: () => assert.fail('no program is needed') };
const valuesOf = (layers: readonly ValuesLayer[], files: Readonly<Record<string, string>> = {}) =>
  readValues(layers, { files: filesOf(files) as Files, process: noProcess, redactor: createRedactor() });

test('later layers win, empty ones change nothing', async () => {
  const files = {
    '/w/a.yaml': 'image: {tag: "1", pull: 0644}\n',
    '/w/empty.yaml': '# nothing\n',
    '/w/null.yaml': 'null\n',
  };
  const layers = [
    { file: 'a.yaml' },
    { file: 'empty.yaml' },
    { file: 'null.yaml' },
    { values: { image: { tag: '2' } } },
  ];
  assert.deepEqual(await valuesOf(layers, files), { image: { tag: '2', pull: 420 } });
  assert.deepEqual(await valuesOf([]), {});
});

test('of a file for several releases each gets its own part and what is global', async () => {
  const own = 'own: {global: {b: 2, c: {d: 3}}}\n';
  const files = {
    '/w/all.yaml': `global: {a: 1, c: {e: 4}}\nweb: {b: 2}\ndb: {c: 3}\nnone:\nbad: text\n${own}`,
  };
  const releases = ['web', 'db', 'none', 'bad', 'own', 'unknown'];
  const of = (release: string) => valuesOf([{ file: 'all.yaml', release, releases }], files);
  const global = { a: 1, c: { e: 4 } };
  assert.deepEqual(await of('web'), { global, b: 2 });
  assert.deepEqual(await of('unknown'), { global });
  assert.deepEqual(await of('none'), { global });
  assert.deepEqual(await of('own'), { global: { a: 1, b: 2, c: { d: 3, e: 4 } } });
  await assert.rejects(of('bad'), isBad('all.yaml:1:1', /bad are a map/));
});

test('a misspelt release in such a file is refused with its line; what left the set, and what is like a release that is there, is not', async () => {
  const files = { '/w/all.yaml': 'small: &small {b: 2}\nglobal: {}\ndb: {}\nweb-1: *small\n' };
  const of = (...releases: string[]) => valuesOf([{ file: 'all.yaml', release: 'db', releases }], files);
  await assert.rejects(
    of('db', 'web-2'),
    isBad('all.yaml:4:1', /no release 'web-1'; did you mean 'web-2'\?/),
  );
  assert.deepEqual(await of('db'), { global: {} });
  assert.deepEqual(await of('db', 'web-1', 'web-2'), { global: {} });
  assert.deepEqual(await of('db', 'beb-2'), { global: {} }, 'a short name is near to many');
});

test('an image becomes text where the values or the chart’s own have text, else a map', async () => {
  const image = { repository: 'r/web', digest: 'sha256:1' };
  const of = (values: object, defaults: object) =>
    readValues(
      [{ values: { ...values } }, { image, valuesPath: 'app.image' }],
      { files: filesOf({}) as Files, process: noProcess, redactor: createRedactor() },
      undefined,
      { defaults: { ...defaults } },
    );
  const text = { app: { image: 'r/web@sha256:1' } };
  assert.deepEqual(await of({}, { app: { image: 'nginx:1' } }), text);
  assert.deepEqual(await of({ app: { image: 'nginx:2' } }, {}), text);
  assert.deepEqual(await of({}, {}), { app: { image } });
  assert.deepEqual(await of({}, { app: { image: { tag: '1' } } }), { app: { image } });
  assert.deepEqual(await of({ app: { image: { pullPolicy: 'Always' } } }, { app: { image: 'nginx:1' } }), {
    app: { image: { pullPolicy: 'Always', ...image } },
  });
});

for (const [name, text, position] of [
  ['that are a list', '- a\n', 'v.yaml:1:1'],
  ['with a repeated key', 'a: 1\na: 2\n', 'v.yaml:2:1'],
  ['that are no YAML', 'a: [\n', 'v.yaml:2:1'],
] as const)
  test(`values ${name} are refused with their place`, async () => {
    await assert.rejects(valuesOf([{ file: 'v.yaml' }], { '/w/v.yaml': text }), isBad(position, /./));
  });

test('a document’s own text, as a record keeps it, is read as the same object again', () => {
  const map = (name: string, more = '') =>
    `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\n${more}`;
  const text = [
    map('indented').replace(/^(?=.)/gm, '  '),
    map('kept', 'data:\n  x: |+\n    a\n\n\n'),
    map('clipped', 'data:\n  x: |\n    a\n\n\n'),
    map('spaced', 'data:\n  x: |\n    a  \n'),
    map('blank', 'data:\n  x: |\n    a\n      \n'),
    map('folded', 'data:\n  x: >-\n    a\t\n'),
    map('unusual', 'data:\n  x: a\u00a0\n'),
    map('windows', 'data:\r\n  x: |\r\n    a \r\n'),
    '{ apiVersion: v1, kind: List, items: [{ apiVersion: v1, kind: Secret, metadata: { name: listed } }] }\n',
  ].join('---\n');
  const inline = '--- { apiVersion: v1, kind: Secret, metadata: { name: inline } }\n';
  const documents = parseManifests(text + inline, 'a.yaml');
  const names = documents.map(({ object }) => object.metadata.name);
  const texts = ['indented', 'kept', 'clipped', 'spaced', 'blank', 'folded', 'unusual', 'windows'];
  assert.deepEqual(names, [...texts, 'listed', 'inline']);
  assert.deepEqual(
    documents.slice(1, 8).map(({ object }) => object['data']?.['x' as never]),
    ['a\n\n\n', 'a\n', 'a  \n', 'a\n  \n', 'a\t', 'a\u00a0', 'a \n'],
  );
  const record = documents.map((document) => `---\n# Source: a.yaml\n${document.text}\n`).join('');
  assert.deepEqual(
    parseManifests(record, 'a record').map(({ object }) => object),
    documents.map(({ object }) => object),
  );
});

test('a hook that is an item of a List is that item, not the List’s first', () => {
  const item = (name: string, annotations = '{}') =>
    `{ apiVersion: v1, kind: ConfigMap, metadata: { name: ${name}, annotations: ${annotations} } }`;
  const [, hook] = parseManifests(
    `apiVersion: v1\nkind: List\nitems: [${item('a')}, ${item('b', '{ helm.sh/hook: pre-install }')}]\n`,
    'a.yaml',
  );
  const held = hook && hookOf(hook);
  assert.equal(held && hookObject(held)?.metadata.name, 'b');
});
