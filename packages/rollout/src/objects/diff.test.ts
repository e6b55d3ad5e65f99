import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { createRedactor, type KubeObject } from '@zakenak/core';
import { objectOf, seeded } from '../testing/objects.ts';
import { diffObjects } from './diff.ts';
import { canonicalJson, sameJson } from './json.ts';
import { sameBody } from './object.ts';

const plain = { redact: (text: string) => text };
const widget = (spec: unknown, metadata = {}) =>
  objectOf('shop.example.com/v1', 'Widget', { metadata, spec });
const diff = (before: unknown, after: unknown) => diffObjects(widget(before), widget(after), plain);

for (const [name, before, after, changes] of [
  ['a changed field', { a: 1, b: 2 }, { a: 1, b: 3 }, [{ path: 'spec.b', before: '2', after: '3' }]],
  ['a new field', {}, { a: 'x' }, [{ path: 'spec.a', after: 'x' }]],
  ['a field that goes', { a: 'x', b: 1 }, { b: 1 }, [{ path: 'spec.a', before: 'x' }]],
  [
    'a new branch, field by field',
    {},
    { a: { b: 1, c: 2 } },
    [
      { path: 'spec.a.b', after: '1' },
      { path: 'spec.a.c', after: '2' },
    ],
  ],
  [
    'a key that means something to JavaScript',
    {},
    JSON.parse('{"__proto__": "x"}'),
    [{ path: 'spec.__proto__', after: 'x' }],
  ],
  ['an empty object that comes', {}, { emptyDir: {} }, [{ path: 'spec.emptyDir', after: '{}' }]],
  ['an empty object that goes', { emptyDir: {} }, {}, [{ path: 'spec.emptyDir', before: '{}' }]],
  ['an empty list that comes', {}, { l: [] }, [{ path: 'spec.l', after: '[]' }]],
  [
    'a list of texts as a whole',
    { l: ['a'] },
    { l: ['a', 'b'] },
    [{ path: 'spec.l', before: '["a"]', after: '["a","b"]' }],
  ],
  [
    'a text that becomes an object',
    { a: 'x' },
    { a: { b: 1 } },
    [{ path: 'spec.a', before: 'x', after: '{"b":1}' }],
  ],
  [
    'an item of a named list, wherever it stands',
    {
      c: [
        { name: 'a', v: 1 },
        { name: 'b', v: 1 },
      ],
    },
    {
      c: [
        { name: 'b', v: 1 },
        { name: 'a', v: 2 },
      ],
    },
    [{ path: 'spec.c[a].v', before: '1', after: '2' }],
  ],
  [
    'items of a named list that come and go',
    { c: [{ name: 'a', v: 1 }] },
    { c: [{ name: 'b', v: 1 }] },
    [
      { path: 'spec.c[a].name', before: 'a' },
      { path: 'spec.c[a].v', before: '1' },
      { path: 'spec.c[b].name', after: 'b' },
      { path: 'spec.c[b].v', after: '1' },
    ],
  ],
  [
    'the order of a named list',
    { c: [{ name: 'a' }, { name: 'b' }] },
    { c: [{ name: 'b' }, { name: 'a' }] },
    [{ path: 'spec.c', before: 'a, b', after: 'b, a' }],
  ],
  [
    'items that share a name, by place',
    {
      c: [
        { name: 'a', v: 1 },
        { name: 'a', v: 2 },
      ],
    },
    {
      c: [
        { name: 'a', v: 1 },
        { name: 'a', v: 3 },
      ],
    },
    [{ path: 'spec.c[1].v', before: '2', after: '3' }],
  ],
  [
    'a list in which some have names, by place',
    { c: [{ name: 'a', v: 1 }, { v: 1 }] },
    { c: [{ name: 'a', v: 1 }, { v: 2 }] },
    [{ path: 'spec.c[1].v', before: '1', after: '2' }],
  ],
  [
    'items without name, by place',
    { p: [{ port: 1 }] },
    { p: [{ port: 2 }] },
    [{ path: 'spec.p[0].port', before: '1', after: '2' }],
  ],
  [
    'a key with dots, quoted',
    { 'a.b/c': 1 },
    { 'a.b/c': 2 },
    [{ path: 'spec."a.b/c"', before: '1', after: '2' }],
  ],
] as const)
  test(`a diff shows ${name}`, () => {
    assert.deepEqual(diff(before, after), changes);
  });

test('canonical JSON is sorted at every depth and leaves out what is undefined', () => {
  assert.equal(
    canonicalJson({ b: 1, a: [{ d: undefined, c: null }, 'x'], C: 2 }),
    '{"C":2,"a":[{"c":null},"x"],"b":1}',
  );
  assert.equal(sameJson({ a: 1, b: 2 }, { b: 2, a: 1 }), true);
  assert.equal(sameJson([1, 2], [2, 1]), false);
  assert.equal(sameJson(undefined, null), true);
});

test('what only the server or a controller writes is no difference', () => {
  const live = {
    ...widget(
      { a: 1 },
      { resourceVersion: '7', uid: 'u', generation: 3, managedFields: [{}], creationTimestamp: 'x' },
    ),
    status: { ready: true },
  };
  const revised = widget({ a: 1 }, { annotations: { 'deployment.kubernetes.io/revision': '4' } });
  assert.deepEqual(diffObjects(live, widget({ a: 1 }), plain), []);
  assert.deepEqual(diffObjects(revised, widget({ a: 1 }), plain), []);
});

test('a new object and one that goes are shown whole', () => {
  assert.deepEqual(
    diffObjects(undefined, widget({ a: 1 }), plain).map(({ path, before }) => [path, before]),
    ['apiVersion', 'kind', 'metadata.name', 'metadata.namespace', 'spec.a'].map((path) => [path, undefined]),
  );
  assert.equal(diffObjects(widget({ a: 1 }), undefined, plain).at(-1)?.before, '1');
  assert.deepEqual(diffObjects(undefined, undefined, plain), []);
});

test('a long value is cut after it is masked, with its length', () => {
  const redactor = createRedactor();
  const secret = randomBytes(24).toString('hex');
  redactor.add(secret);
  const [change] = diffObjects(
    widget({}),
    widget({ a: `${'x'.repeat(180)}${secret}${'y'.repeat(180)}` }),
    redactor,
  );
  assert.equal(change?.after, `${'x'.repeat(180)}***${'y'.repeat(17)}… (363 characters)`);
});

const canaries = () => Array.from({ length: 3 }, () => randomBytes(18).toString('base64'));
function secretWith(values: readonly string[], more: object = {}): KubeObject {
  const data = Object.fromEntries(values.map((value, index) => [`k${index}`, value]));
  return {
    ...objectOf('v1', 'Secret', { metadata: { labels: { app: 'web' } }, type: 'Opaque' }),
    data,
    stringData: data,
    ...more,
  };
}
const hidesAll = (text: string, values: readonly string[]) => {
  for (const value of values) assert.ok(!text.includes(value), `the value shows in ${text}`);
};

test('of a Secret’s value the length is shown, and that it changed', () => {
  const [old, same, now] = canaries() as [string, string, string];
  const changes = diffObjects(secretWith([old, same]), secretWith([now, same]), plain);
  assert.deepEqual(
    changes.map(({ path }) => path),
    ['data.k0', 'stringData.k0'],
  );
  for (const { before, after } of changes) {
    assert.match(before ?? '', /^\*\*\* \(24 characters\)$/);
    assert.notEqual(before, after);
  }
  hidesAll(JSON.stringify(changes), [old, same, now]);
});

for (const [name, before, after] of [
  [
    'copied into the last-applied annotation',
    () => secretWith([]),
    (values: readonly string[]) =>
      secretWith([], {
        metadata: {
          name: 'web',
          annotations: {
            'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(secretWith(values)),
          },
        },
      }),
  ],
  [
    'that is removed as a whole',
    (values: readonly string[]) => secretWith(values),
    () => secretWith([], { data: null, stringData: null }),
  ],
  [
    'in data that is no map',
    (values: readonly string[]) => secretWith(values),
    (values: readonly string[]) => secretWith([], { data: values.join() }),
  ],
  [
    'in a field that Secrets do not have',
    () => secretWith([]),
    (values: readonly string[]) => secretWith([], { spec: { values } }),
  ],
  [
    'beside a null that makes the wholes differ',
    (values: readonly string[]) => secretWith(values),
    (values: readonly string[]) => secretWith(values, { immutable: null }),
  ],
  [
    'beside a null in an annotation',
    (values: readonly string[]) => secretWith(values),
    (values: readonly string[]) =>
      secretWith(values, { metadata: { name: 'web', annotations: { a: values[0] ?? '', b: null } } }),
  ],
] as const)
  test(`a Secret’s value ${name} is not shown`, () => {
    const values = canaries();
    const changes = diffObjects(before(values), after(values), plain);
    assert.ok(changes.length > 0);
    hidesAll(JSON.stringify(changes), values);
  });

test('Helm’s annotations, labels and the type of a Secret are shown', () => {
  const changes = diffObjects(
    undefined,
    secretWith([], {
      metadata: { name: 'web', labels: { app: 'web' }, annotations: { 'meta.helm.sh/release-name': 'web' } },
    }),
    plain,
  );
  assert.deepEqual(
    changes.map(({ path, after }) => `${path}=${after}`).filter((line) => !line.includes('***')),
    [
      'apiVersion=v1',
      'kind=Secret',
      'metadata.annotations."meta.helm.sh/release-name"=web',
      'metadata.labels.app=web',
      'metadata.name=web',
      'type=Opaque',
    ],
  );
});

test('a diff is empty exactly when two objects have the same body', () => {
  const random = seeded(42);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const value = (depth: number): unknown => {
    const kind = depth > 3 ? 0 : Math.floor(random() * 5);
    if (kind < 2) return pick([0, 1, 'a', 'b', true, '']);
    const size = Math.floor(random() * 3);
    if (kind === 2)
      return Object.fromEntries(
        Array.from({ length: size }, () => [pick(['a', 'b', 'c.d', '[x]']), value(depth + 1)]),
      );
    if (kind === 3)
      return Array.from({ length: size }, () => ({ name: pick(['x', 'y', 'z']), v: value(depth + 1) }));
    return Array.from({ length: size }, () => value(depth + 1));
  };
  let different = 0;
  for (let round = 0; round < 3_000; round++) {
    const [a, b] = [widget(value(0)), widget(value(0))];
    assert.deepEqual(diffObjects(a, structuredClone(a), plain), []);
    const changes = diffObjects(a, b, plain);
    assert.equal(changes.length === 0, sameBody(a, b), JSON.stringify([a, b]));
    different += changes.length === 0 ? 0 : 1;
    for (const { before, after } of changes) assert.notEqual(before, after, JSON.stringify([a, b]));
  }
  assert.ok(different > 1_000);
});
