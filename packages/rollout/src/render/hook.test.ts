import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLimiter } from '@zakenak/core';
import { ownedBy, ownerOf, sameOwner } from '../fields/ownership.ts';
import { createKinds } from '../kinds/kinds.ts';
import { groupByStage, kindRank } from '../objects/kind-order.ts';
import { parseManifests } from '../objects/manifest.ts';
import { bodyOf, describe, isKubeObject, keyOf, placeObject, refOf, sameBody } from '../objects/object.ts';
import type { HelmHook } from '../state/helm-release.ts';
import { objectOf, seeded } from '../testing/objects.ts';
import { hasDeletePolicy, hookObject, hookOf, hooksFor, isHook, openHooks } from './hook.ts';

function hookFrom(annotations: Readonly<Record<string, string>>): HelmHook | undefined {
  const object = objectOf('batch/v1', 'Job', { metadata: { annotations } });
  return hookOf({ object, source: 'c/templates/job.yaml', text: JSON.stringify(object) });
}
const fromEvents = (events: string, more: object = {}) => hookFrom({ 'helm.sh/hook': events, ...more });

test('an object is a hook by its annotation alone', () => {
  assert.equal(
    isHook(objectOf('v1', 'Pod', { metadata: { annotations: { 'helm.sh/hook': 'test' } } })),
    true,
  );
  assert.equal(
    isHook(objectOf('v1', 'Pod', { metadata: { annotations: { 'helm.sh/hook-weight': '1' } } })),
    false,
  );
  assert.equal(isHook(objectOf('v1', 'Pod')), false);
});

test('the items of a List that is a hook are hooks like it, whatever they say themselves, also of one that Helm recorded', () => {
  const item = { apiVersion: 'v1', kind: 'ConfigMap' };
  const own = { 'helm.sh/hook': 'post-delete', own: 'yes' };
  const list = (annotations: object) =>
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'List',
      metadata: { annotations },
      items: [
        { ...item, metadata: { name: 'a' } },
        { ...item, metadata: { name: 'b', annotations: own } },
      ],
    });
  const annotations = { 'helm.sh/hook': 'pre-install', 'helm.sh/hook-weight': '3', other: 'no' };
  const documents = parseManifests(list(annotations), 'a.yaml');
  const hooks = documents.flatMap((document) => hookOf(document) ?? []);
  assert.deepEqual(
    hooks.map(({ name, events, weight }) => [name, events, weight]),
    [
      ['a', ['pre-install'], 3],
      ['b', ['pre-install'], 3],
    ],
  );
  assert.deepEqual(documents[1]?.object.metadata.annotations, {
    own: 'yes',
    'helm.sh/hook': 'pre-install',
    'helm.sh/hook-weight': '3',
  });
  const [first] = hooks;
  assert.ok(first);
  const recorded = { ...first, kind: 'List', name: '', path: 'a.yaml', manifest: list(annotations) };
  assert.deepEqual(openHooks([first, recorded]), [first, ...hooks]);
  assert.deepEqual(
    parseManifests(list({ other: 'no' }), 'a.yaml').map(({ object }) => isHook(object)),
    [false, true],
    'of a List that is none each item says it itself',
  );
});

// As manifest_sorter.go reads them.
for (const [events, read] of [
  ['pre-install', ['pre-install']],
  [' Pre-Install , post-upgrade', ['pre-install', 'post-upgrade']],
  [
    'post-rollback,pre-delete,post-delete,pre-rollback,pre-upgrade,post-install',
    ['post-rollback', 'pre-delete', 'post-delete', 'pre-rollback', 'pre-upgrade', 'post-install'],
  ],
  ['test', ['test']],
  ['test-success', ['test']],
  ['test,pre-install', ['test', 'pre-install']],
  ['crd-install', undefined],
  ['pre-install,crd-install', undefined],
  ['pre-instal', undefined],
  ['', undefined],
] as const)
  test(`the events '${events}' are read as Helm reads them`, () => {
    assert.deepEqual(fromEvents(events)?.events, read);
  });

test('a hook’s record has Helm’s fields, and only those that say something', () => {
  const text =
    '{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"web","namespace":"shop","annotations":{"helm.sh/hook":"pre-install"}}}';
  const plain = {
    name: 'web',
    kind: 'Job',
    path: 'c/templates/job.yaml',
    manifest: text,
    events: ['pre-install'],
    last_run: { phase: '' },
  };
  const hook = fromEvents('pre-install');
  assert.deepEqual(
    { ...hook, manifest: JSON.parse(hook?.manifest ?? '') },
    { ...plain, manifest: JSON.parse(text) },
  );
  const full = fromEvents('pre-install', {
    'helm.sh/hook-weight': '-5',
    'helm.sh/hook-delete-policy': 'hook-succeeded, Hook-Failed',
    'helm.sh/hook-output-log-policy': 'hook-failed',
  });
  assert.equal(full?.weight, -5);
  assert.deepEqual(
    fromEvents('pre-install', { 'helm.sh/hook-delete-policy': 'hook-failed' })?.delete_policies,
    ['hook-failed'],
  );
  assert.deepEqual(full?.delete_policies, ['hook-succeeded', 'hook-failed']);
  assert.deepEqual(full?.output_log_policies, ['hook-failed']);
});

for (const [text, weight] of [
  ['5', 5],
  ['+5', 5],
  ['-1', -1],
  ['0', 0],
  ['5a', 0],
  ['1.5', 0],
  ['', 0],
  ['x', 0],
] as const)
  test(`the weight '${text}' is ${weight}`, () => {
    assert.equal(fromEvents('pre-install', { 'helm.sh/hook-weight': text })?.weight ?? 0, weight);
  });

test('hooks of an event run by weight, then kind, then name, whatever the order given', () => {
  const hook = (name: string, kind: string, weight?: number, event = 'pre-install'): HelmHook => ({
    name,
    kind,
    path: '',
    manifest: '',
    events: [event],
    last_run: { phase: '' },
    ...(weight === undefined ? {} : { weight }),
  });
  const ordered = [
    hook('z', 'Job', -1),
    hook('z', 'ServiceAccount'),
    hook('y', 'ConfigMap', 0),
    hook('a', 'Job'),
    hook('b', 'Job', 0),
    hook('a', 'Widget'),
    hook('a', 'Secret', 10),
  ];
  const other = hook('other', 'Job', -9, 'post-install');
  const random = seeded(3);
  for (let round = 0; round < 50; round++) {
    const shuffled = [...ordered, other].map((item) => [random(), item] as const).sort(([a], [b]) => a - b);
    assert.deepEqual(
      hooksFor(
        shuffled.map(([, item]) => item),
        'pre-install',
      ),
      ordered,
    );
  }
});

for (const [policies, before, succeeded, failed] of [
  [undefined, true, false, false],
  [[], true, false, false],
  [['before-hook-creation'], true, false, false],
  [['hook-succeeded'], false, true, false],
  [['hook-failed', 'before-hook-creation'], true, false, true],
] as const)
  test(`the delete policies ${JSON.stringify(policies)}`, () => {
    const hook = {
      ...(fromEvents('pre-install') as HelmHook),
      ...(policies ? { delete_policies: policies } : {}),
    };
    assert.deepEqual(
      (['before-hook-creation', 'hook-succeeded', 'hook-failed'] as const).map((policy) =>
        hasDeletePolicy(hook, policy),
      ),
      [before, succeeded, failed],
    );
  });

test('a hook’s object is had back from its record', () => {
  const [document] = parseManifests(
    'apiVersion: v1\nkind: Pod\nmetadata: {name: a, annotations: {helm.sh/hook: pre-install}}\n',
    'x',
  );
  assert.ok(document);
  const hook = hookOf(document);
  assert.deepEqual(hook && hookObject(hook), document.object);
  assert.equal(hookObject({ ...(hook as HelmHook), manifest: '# nothing' }), undefined);
});

// InstallOrder of helm: pkg/release/v1/util/kind_sorter.go (4.3.1), without its two webhook kinds.
const helmsOrder =
  'PriorityClass Namespace NetworkPolicy ResourceQuota LimitRange PodSecurityPolicy PodDisruptionBudget ServiceAccount Secret SecretList ConfigMap StorageClass PersistentVolume PersistentVolumeClaim CustomResourceDefinition ClusterRole ClusterRoleList ClusterRoleBinding ClusterRoleBindingList Role RoleList RoleBinding RoleBindingList Service DaemonSet Pod ReplicationController ReplicaSet Deployment HorizontalPodAutoscaler StatefulSet Job CronJob IngressClass Ingress APIService'.split(
    ' ',
  );

test('what others need comes before them, custom resources after their controllers, and what the API server calls last', () => {
  const known = helmsOrder.filter((kind) => !/List$/.test(kind));
  const order = [...known, 'Widget', 'MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'];
  const stages = groupByStage(order.toReversed(), (kind) => kind);
  const stageOf = (kind: string) => stages.findIndex((stage) => stage.includes(kind));
  for (const [first, then] of [
    ['Namespace', 'Secret'],
    ['CustomResourceDefinition', 'Widget'],
    ['PriorityClass', 'Deployment'],
    ['StorageClass', 'PersistentVolumeClaim'],
    ['IngressClass', 'Ingress'],
    ['ResourceQuota', 'Pod'],
    ['LimitRange', 'Pod'],
    ['NetworkPolicy', 'Pod'],
    ['ServiceAccount', 'Pod'],
    ['Secret', 'Deployment'],
    ['ConfigMap', 'Job'],
    ['PersistentVolumeClaim', 'StatefulSet'],
    ['Role', 'RoleBinding'],
    ['ClusterRole', 'ClusterRoleBinding'],
    ['RoleBinding', 'Deployment'],
    ['Service', 'Deployment'],
    ['Deployment', 'Widget'],
    ['Widget', 'APIService'],
    ['Widget', 'MutatingWebhookConfiguration'],
    ['Widget', 'ValidatingWebhookConfiguration'],
  ] as const)
    assert.ok(stageOf(first) < stageOf(then), `${first} before ${then}`);
  assert.equal(stages.length, 6, 'so many round trips, and no more');
  assert.deepEqual(stages.flat().toSorted(), order.toSorted());
});

test('hooks and rollbacks keep Helm’s order of kinds; those it does not know follow, and webhooks come last', () => {
  const order = [...helmsOrder, 'Widget', 'MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'];
  assert.deepEqual(
    order.toReversed().sort((a, b) => kindRank(a) - kindRank(b)),
    order,
  );
  assert.equal(kindRank('Widget'), kindRank('Certificate'));
});

test('within a stage the given order is kept', () => {
  const items = [
    ['b', 'Job'],
    ['x', 'Secret'],
    ['a', 'Deployment'],
    ['c', 'Widget'],
    ['d', 'Gadget'],
  ] as const;
  assert.deepEqual(
    groupByStage(items, ([, kind]) => kind).map((group) => group.map(([name]) => name)),
    [['x'], ['b', 'a'], ['c', 'd']],
  );
  assert.deepEqual(groupByStage([], String), []);
});

test('an object is the same in every version of its group', () => {
  const ref = (apiVersion: string) => keyOf({ apiVersion, kind: 'Ingress', namespace: 'a', name: 'b' });
  assert.equal(ref('networking.k8s.io/v1'), ref('networking.k8s.io/v1beta1'));
  assert.notEqual(ref('networking.k8s.io/v1'), ref('extensions/v1beta1'));
  assert.notEqual(
    keyOf({ apiVersion: 'v1', kind: 'A', name: 'b/c' }),
    keyOf({ apiVersion: 'v1', kind: 'A', namespace: 'b', name: 'c' }),
  );
  assert.notEqual(
    keyOf({ apiVersion: 'v1', kind: 'A', namespace: 'a', name: 'x' }),
    keyOf({ apiVersion: 'v1', kind: 'A', namespace: 'b', name: 'x' }),
  );
  assert.equal(describe(refOf(objectOf('apps/v1', 'Deployment'))), 'Deployment shop/web');
  assert.equal(describe({ apiVersion: 'v1', kind: 'Namespace', name: 'shop' }), 'Namespace shop');
});

test('a namespace is filled in where the kind has one, and removed where it has none', () => {
  const bare = objectOf('v1', 'A', { metadata: { namespace: '' } });
  assert.equal(placeObject(bare, 'prod', { namespaced: true }).metadata.namespace, 'prod');
  assert.equal(placeObject(objectOf('v1', 'A'), 'prod', { namespaced: true }).metadata.namespace, 'shop');
  assert.ok(!('namespace' in placeObject(objectOf('v1', 'A'), 'prod', { namespaced: false }).metadata));
  assert.equal(placeObject(bare, 'prod', undefined), bare);
});

test('a body is what a person wrote', () => {
  const written = objectOf('v1', 'A', { metadata: { labels: { a: 'b' } }, spec: { a: 1 } });
  const server = {
    resourceVersion: '1',
    uid: 'u',
    generation: 1,
    creationTimestamp: 'x',
    managedFields: [],
    selfLink: '/',
    deletionTimestamp: 'x',
    deletionGracePeriodSeconds: 1,
  };
  assert.deepEqual(bodyOf({ ...written, status: {}, metadata: { ...written.metadata, ...server } }), written);
  assert.equal(sameBody(written, { ...written, status: { a: 1 } }), true);
  assert.equal(sameBody(written, { ...written, spec: { a: 2 } }), false);
  const annotated = (value: string) => objectOf('v1', 'A', { metadata: { annotations: { a: value } } });
  assert.equal(sameBody(annotated('1'), annotated('2')), false);
  assert.equal(
    sameBody(written, objectOf('v1', 'A', { metadata: { labels: { a: 'c' } }, spec: { a: 1 } })),
    false,
  );
});

for (const value of [
  null,
  'a',
  [],
  {},
  { apiVersion: 'v1', kind: 'A' },
  { apiVersion: 'v1', kind: 'A', metadata: { name: 1 } },
  { apiVersion: 1, kind: 'A', metadata: { name: 'a' } },
])
  test(`${JSON.stringify(value)} is no object`, () => {
    assert.equal(isKubeObject(value), false);
  });

test('ownership is written as Helm checks it, and read back', () => {
  const owner = { name: 'web', namespace: 'shop' };
  const given = objectOf('v1', 'A', {
    metadata: {
      creationTimestamp: null,
      labels: { 'app.kubernetes.io/managed-by': 'me', x: 'y' },
      annotations: { a: 'b' },
    },
    status: {},
  });
  const owned = ownedBy(given, owner);
  assert.deepEqual(
    owned,
    objectOf('v1', 'A', {
      metadata: {
        labels: { 'app.kubernetes.io/managed-by': 'Helm', x: 'y' },
        annotations: { a: 'b', 'meta.helm.sh/release-name': 'web', 'meta.helm.sh/release-namespace': 'shop' },
      },
    }),
  );
  for (const [apiVersion, kind, part] of [
    ['v1', 'ConfigMap', 'binaryData'],
    ['v1', 'Secret', 'stringData'],
    ['storage.k8s.io/v1', 'StorageClass', 'parameters'],
  ] as const) {
    const empty = ownedBy(objectOf(apiVersion, kind, { [part]: {} }), owner);
    assert.deepEqual(empty, ownedBy(objectOf(apiVersion, kind), owner), `${kind}: stored without ${part}`);
  }
  const pod = (probe: object) => ({
    nodeSelector: { disk: null },
    containers: [{ name: 'a', resources: { limits: { cpu: null } }, ...probe }],
  });
  const of = (more: object) => ({
    spec: { template: { metadata: { labels: { b: null } }, spec: pod(more) }, ...more },
  });
  const nulls = of({ livenessProbe: null });
  const without = of({});
  const texts = { data: { a: null } };
  assert.deepEqual(ownedBy(objectOf('v1', 'ConfigMap', texts), owner)['data'], texts.data);
  for (const [apiVersion, kind, rest] of [
    ['apps/v1', 'Deployment', without],
    ['v1', 'Pod', without],
    ['apps/v1', 'ControllerRevision', nulls],
    ['example.com/v1', 'Deployment', nulls],
    ['gateway.networking.k8s.io/v1', 'Gateway', nulls],
    ['apiextensions.k8s.io/v1', 'CustomResourceDefinition', nulls],
  ] as const)
    assert.deepEqual(ownedBy(objectOf(apiVersion, kind, nulls), owner)['spec'], rest.spec, kind);
  assert.deepEqual(ownerOf(owned), owner);
  assert.equal(ownerOf(given), undefined);
  assert.equal(sameOwner(owner, { name: 'web', namespace: 'other' }), false);
});

test('kinds come from the cluster, then from the definitions of the set', () => {
  const crd = (scope: string, names: readonly string[]) =>
    objectOf('apiextensions.k8s.io/v1', 'CustomResourceDefinition', {
      spec: {
        group: 'shop.example.com',
        scope,
        names: { kind: 'Widget', plural: 'widgets' },
        versions: names.map((name) => ({ name, subresources: name === 'v1' ? { status: {} } : undefined })),
      },
    });
  const cluster = {
    apiVersion: 'shop.example.com/v1',
    kind: 'Widget',
    resource: 'widgets',
    namespaced: true,
    verbs: [],
    subresources: ['status', 'scale'],
  };
  const find = (kinds: ReturnType<typeof createKinds>, apiVersion: string, kind = 'Widget') =>
    kinds.find({ apiVersion, kind });
  const own = createKinds([], [crd('Cluster', ['v1', 'v2'])]);
  assert.deepEqual(find(own, 'shop.example.com/v1'), {
    resource: 'widgets',
    namespaced: false,
    from: 'set',
    subresources: ['status'],
  });
  assert.deepEqual(find(own, 'shop.example.com/v2')?.subresources, []);
  assert.equal(find(own, 'shop.example.com/v3'), undefined);
  assert.deepEqual(find(createKinds([cluster], [crd('Cluster', ['v1'])]), 'shop.example.com/v1'), {
    resource: 'widgets',
    namespaced: true,
    from: 'cluster',
    subresources: ['status', 'scale'],
  });
  const core = createKinds([{ ...cluster, apiVersion: 'v1', kind: 'Secret' }], []);
  assert.equal(find(core, 'v1', 'Secret')?.namespaced, true);
  assert.equal(find(core, 'v1/v1', 'Secret'), undefined);
});

test('a limiter runs so many at a time, in order, also after failures', async () => {
  const limit = createLimiter(3);
  const started: number[] = [];
  let running = 0;
  let most = 0;
  const bodies = Array.from({ length: 20 }, (_, index) =>
    limit(async () => {
      started.push(index);
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, (index * 7) % 4));
      running -= 1;
      if (index % 5 === 0) throw new Error(`${index}`);
      return index;
    }),
  );
  const outcomes = await Promise.allSettled(bodies);
  assert.equal(most, 3);
  assert.deepEqual(
    started,
    Array.from({ length: 20 }, (_, index) => index),
  );
  assert.deepEqual(
    outcomes.map((outcome) =>
      outcome.status === 'fulfilled' ? outcome.value : Number(outcome.reason.message),
    ),
    started,
  );
  most = 0;
  const second = Array.from({ length: 6 }, () =>
    limit(async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 1));
      running -= 1;
    }),
  );
  await Promise.all(second);
  assert.equal(most, 3, 'as many places as before');
});
