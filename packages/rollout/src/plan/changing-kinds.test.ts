import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRedactor, type KubeObject } from '@zakenak/core';
import { refOf } from '../objects/object.ts';
import { objectOf } from '../testing/objects.ts';
import { createChangingKinds } from './changing-kinds.ts';
import type { PreparedObject } from './dry-run.ts';

const definition = objectOf('apiextensions.k8s.io/v1', 'CustomResourceDefinition', {
  spec: { group: 'example.com', names: { kind: 'Gear' } },
});
const gear = objectOf('example.com/v1', 'Gear', { spec: { a: '2' } });
const planned = (
  object: KubeObject,
  action: PreparedObject['planned']['action'],
  more: Partial<PreparedObject> = {},
): PreparedObject => ({
  planned: { ref: refOf(object), action, reason: 'as planned', diff: [], conflicts: [] },
  desired: object,
  ...more,
});
const refused = { isRefused: true } as const;

for (const [name, of, plan, about, action] of [
  ['refused, and its definition changes', gear, planned(gear, 'unknown', refused), 'apply', 'create'],
  ['refused, and its definition comes', gear, planned(gear, 'unknown', refused), 'create', 'create'],
  ['refused, and there', gear, planned(gear, 'unknown', { ...refused, live: gear }), 'apply', 'apply'],
  ['refused, and its definition stays', gear, planned(gear, 'unknown', refused), 'noop', 'unknown'],
  ['refused, and its definition too', gear, planned(gear, 'unknown', refused), 'unknown', 'unknown'],
  ['somebody else’s', gear, planned(gear, 'unknown'), 'apply', 'unknown'],
  ['as it is to be', gear, planned(gear, 'noop'), 'apply', 'noop'],
  [
    'refused, of another group',
    objectOf('other.com/v1', 'Gear', {}),
    planned(objectOf('other.com/v1', 'Gear', {}), 'unknown', refused),
    'apply',
    'unknown',
  ],
] as const)
  test(`a custom resource that is ${name} is planned as ${action}`, async () => {
    const changing = createChangingKinds({ redactor: createRedactor() });
    const [resource] = await Promise.all([
      changing.settle(of, Promise.resolve(plan)),
      changing.settle(definition, Promise.resolve(planned(definition, about))),
    ]);
    assert.equal(resource.planned.action, action);
  });
