import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@zakenak/core';
import { fakeKube, objectOf } from '../testing/objects.ts';
import { restoreObjects } from './restore.ts';

type Context = Parameters<typeof restoreObjects>[3];

const entry = (manager: string, operation: string, key: string): object => ({
  manager,
  operation,
  fieldsV1: { 'f:data': { [`f:${key}`]: {} } },
});
const config = (data: object, ...managedFields: readonly object[]): KubeObject =>
  objectOf('v1', 'ConfigMap', { metadata: { uid: '1', resourceVersion: '7', managedFields }, data });

test('what is replaced by what was there before is given back to who had written it', async () => {
  const writers = [entry('helm', 'Apply', 'a'), entry('kubectl-edit', 'Update', 'b')];
  const before = config({ a: '1', b: '1' }, ...writers);
  const status = { ...entry('controller', 'Update', 'c'), subresource: 'status' };
  const ours = entry('zakenak', 'Update', 'a');
  const replaced: unknown[] = [];
  const patched: unknown[] = [];
  const kube = fakeKube({
    get: async () => config({ a: '2' }, entry('helm', 'Apply', 'a')),
    // The server takes whoever replaces an object for the writer of what that changes.
    replace: async (object) => {
      replaced.push(object['data']);
      return config({ a: '1', b: '1' }, ours, status);
    },
    patch: async (_ref, _type, body) => {
      patched.push(body);
      return before;
    },
  });
  const ports = { kube, clock: { monotonicMs: () => 0 }, progress: { emit: () => {} } };
  const context = { ports, signal: new AbortController().signal } as unknown as Context;
  const { name, namespace } = { name: 'web', namespace: 'shop' };
  const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace, name };
  await restoreObjects([{ ref, before }], undefined, { name, namespace }, context);
  assert.deepEqual(replaced, [{ a: '1', b: '1' }]);
  assert.deepEqual(patched, [
    [{ op: 'replace', path: '/metadata/managedFields', value: [...writers, status] }],
  ]);
});
