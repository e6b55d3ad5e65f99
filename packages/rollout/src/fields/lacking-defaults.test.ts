import assert from 'node:assert/strict';
import { test } from 'node:test';
import { objectOf } from '../testing/objects.ts';
import { lacksDefaults } from './lacking-defaults.ts';

const item = {
  type: 'object',
  properties: { port: {}, weight: { default: 1 }, in: { properties: { a: { default: 1 } } } },
};
const properties = {
  count: { default: 1 },
  atomic: { type: 'array', items: item },
  keyed: {
    type: 'array',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['port'],
    items: item,
  },
  words: { 'x-kubernetes-map-type': 'atomic', properties: { lang: { default: 'en' } } },
};
const schema = { openAPIV3Schema: { properties: { spec: { properties }, status: { default: {} } } } };
const definition = objectOf('apiextensions.k8s.io/v1', 'CustomResourceDefinition', {
  spec: { versions: [{ name: 'v1beta1' }, { name: 'v1', schema }] },
});
const gear = (spec: object) => objectOf('example.com/v1', 'Gear', { spec });

for (const [what, wanted, live, isNew, lacks] of [
  ['a former default of a field', {}, { count: 3 }, false, false],
  ['a former default of a field of what is new', {}, { count: 3 }, true, true],
  ['a default of a field that is told', { count: 3 }, { count: 3 }, true, false],
  [
    'a former default in an atomic list',
    { atomic: [{ port: 1 }] },
    { atomic: [{ port: 1, weight: 2 }] },
    false,
    true,
  ],
  [
    'the default in an atomic list',
    { atomic: [{ port: 1 }] },
    { atomic: [{ port: 1, weight: 1 }] },
    false,
    false,
  ],
  [
    'a former default deep in one',
    { atomic: [{ in: {} }] },
    { atomic: [{ weight: 1, in: { a: 2 } }] },
    false,
    true,
  ],
  [
    'a former default in a merged list',
    { keyed: [{ port: 1 }] },
    { keyed: [{ port: 1, weight: 2 }] },
    false,
    false,
  ],
  ['a former default in an atomic map', { words: {} }, { words: { lang: 'de' } }, false, true],
] as const)
  test(`${what} ${lacks ? 'is not' : 'is'} what an apply leaves`, () => {
    assert.equal(lacksDefaults(gear(wanted), gear(live), definition, isNew), lacks);
  });
