import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@zakenak/core';
import { createKinds } from '../kinds/kinds.ts';
import { refOf } from '../objects/object.ts';
import type { ObjectAction, PlannedRelease } from '../plan/plan.ts';
import { objectOf } from '../testing/objects.ts';
import { describeRights, groupRights } from './right.ts';
import { type Carrying, wantedRights } from './wanted-rights.ts';

type Given = Parameters<typeof wantedRights>[0];
const served = (apiVersion: string, kind: string, resource: string, namespaced = true) => ({
  ...{ apiVersion, kind, resource, namespaced, verbs: [], subresources: [] },
});
const kinds = createKinds(
  [
    served('v1', 'ConfigMap', 'configmaps'),
    served('v1', 'Namespace', 'namespaces', false),
    served('apps/v1', 'Deployment', 'deployments'),
    served('batch/v1', 'Job', 'jobs'),
    served('rbac.authorization.k8s.io/v1', 'Role', 'roles'),
  ],
  [],
);
const carrying: Carrying = { set: 'prod', namespace: 'state', onFailure: 'set', dryRun: false };
const map = objectOf('v1', 'ConfigMap');
const web = objectOf('apps/v1', 'Deployment', { spec: {} });

/** What a plan of these actions takes, without the set's own books, in words. */
function told(
  objects: readonly (readonly [ObjectAction, KubeObject, string?])[],
  { how = carrying, ...more }: Partial<PlannedRelease> & { readonly how?: Carrying } = {},
): readonly string[] {
  const prepared = objects.map(([action, desired, path]) => ({
    desired,
    planned: {
      ...{ ref: refOf(desired), action, reason: '', conflicts: [] },
      diff: path === undefined ? [] : [{ path, before: '1', after: '2' }],
    },
  }));
  const planned = {
    ...{ name: 'web', namespace: 'shop', action: 'upgrade', fromRevision: 1, toRevision: 2 },
    ...{ createsNamespace: false, hooks: [], ...more },
    objects: prepared.map((one) => one.planned),
  };
  const rendered = { hooks: [], namespace: 'shop' };
  const releases = [{ planned, rendered, history: [], crds: [], objects: prepared }];
  const rights = wantedRights({ releases, rendered: { kinds } } as unknown as Given, how);
  return groupRights(rights)
    .map(describeRights)
    .filter((text) => !/ secrets|leases/.test(text));
}

test('each action takes its own verbs', () => {
  assert.deepEqual(told([['create', map]]), ['create, delete, get, patch configmaps web in namespace shop']);
  assert.deepEqual(told([['create', map]], { how: { ...carrying, onFailure: 'keep' } }), [
    'create, get, patch configmaps web in namespace shop',
  ]);
  assert.deepEqual(told([['apply', map, 'data.a']]), ['get, patch configmaps web in namespace shop']);
  assert.deepEqual(told([['delete', map]]), ['create, delete, get configmaps web in namespace shop']);
  for (const action of ['noop', 'keep'] as const) assert.deepEqual(told([[action, map]]), []);
});

test('what is certainly waited for is watched, with its pods', () => {
  const waits = ['list, watch pods in namespace shop', 'list, watch deployments.apps in namespace shop'];
  const isWait = (text: string): boolean => text.startsWith('list');
  assert.deepEqual(told([['create', web]]).filter(isWait), waits);
  assert.deepEqual(told([['apply', web, 'spec.replicas']]).filter(isWait), waits);
  assert.deepEqual(told([['apply', web, 'metadata.labels.a']]).filter(isWait), []);
  const ignored = { ...web, metadata: { ...web.metadata, annotations: { 'zakenak.dev/wait': 'ignore' } } };
  assert.deepEqual(told([['create', ignored]]).filter(isWait), []);
});

test('the set’s own books: lock, journal and records; none of them for a plan or without changes', () => {
  const all = (how: Carrying, action: PlannedRelease['action']) => {
    const planned = {
      name: 'web',
      namespace: 'shop',
      action,
      toRevision: 1,
      fromRevision: 0,
      objects: [],
      hooks: [],
    };
    const releases = [{ planned, rendered: {}, history: [], crds: [], objects: [] }];
    return groupRights(wantedRights({ releases, rendered: { kinds } } as unknown as Given, how)).map(
      describeRights,
    );
  };
  assert.deepEqual(all(carrying, 'install'), [
    'delete, update secrets sh.helm.release.v1.web.v1 in namespace shop',
    'create, list secrets in namespace shop',
    'delete, update secrets zakenak.journal.prod in namespace state',
    'create, list secrets in namespace state',
    'get, update leases.coordination.k8s.io zakenak.prod in namespace state',
    'create leases.coordination.k8s.io in namespace state',
  ]);
  assert.deepEqual(all(carrying, 'noop'), []);
  assert.deepEqual(all({ ...carrying, dryRun: true }, 'install'), []);
});

test('a plan that is only shown takes what its dry runs were refused for', () => {
  const how = { ...carrying, dryRun: true };
  assert.deepEqual(
    told(
      [
        ['unknown', map],
        ['create', web],
      ],
      { how },
    ),
    ['create, get, patch configmaps web in namespace shop'],
  );
});

test('what comes with a namespace, a definition or a role of the plan itself is left to be seen', () => {
  const inside = { createsNamespace: true };
  assert.deepEqual(told([['create', map]], inside), ['create namespaces in the whole cluster']);
  const space = { ...objectOf('v1', 'Namespace'), metadata: { name: 'shop' } };
  assert.deepEqual(
    told([
      ['create', space],
      ['create', map],
    ]),
    ['create namespaces shop in the whole cluster'],
  );
  const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['*'] }];
  const role = objectOf('rbac.authorization.k8s.io/v1', 'Role', { rules });
  assert.deepEqual(
    told([
      ['apply', role, 'rules'],
      ['create', map],
    ]),
    ['get, patch roles.rbac.authorization.k8s.io web in namespace shop'],
  );
  assert.deepEqual(told([['create', objectOf('example.com/v1', 'Widget')]]), []);
});
