import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@zakenak/core';
import { objectOf } from '../testing/objects.ts';
import { isApplied } from './is-applied.ts';

const fieldsV1 = {
  'f:metadata': { 'f:labels': { 'f:app.kubernetes.io/managed-by': {} } },
  'f:spec': {
    'f:replicas': {},
    'f:nodeSelector': {},
    'f:template': {
      'f:finalizers': { 'v:"a"': {}, 'v:"b"': {} },
      'f:ports': {
        'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} },
        'k:{"containerPort":53,"protocol":"UDP"}': { '.': {}, 'f:containerPort': {}, 'f:protocol': {} },
      },
    },
  },
};
const desired = objectOf('apps/v1', 'Deployment', {
  metadata: { labels: { 'app.kubernetes.io/managed-by': 'Helm' } },
  spec: {
    replicas: 2,
    nodeSelector: { disk: 'ssd' },
    template: {
      finalizers: ['a', 'b'],
      ports: [{ containerPort: 80 }, { containerPort: 53, protocol: 'UDP' }],
    },
  },
});
const entry = (more: object = {}) => ({
  manager: 'helm',
  operation: 'Apply',
  apiVersion: 'apps/v1',
  fieldsV1,
  ...more,
});
const liveSpec = {
  replicas: 2,
  strategy: { type: 'RollingUpdate' },
  nodeSelector: { disk: 'ssd' },
  template: {
    finalizers: ['a', 'b', 'of-another'],
    ports: [
      { containerPort: 80, protocol: 'TCP' },
      { containerPort: 9, protocol: 'TCP' },
      { containerPort: 53, protocol: 'UDP' },
    ],
  },
};
const liveOf = (spec: object = liveSpec, managedFields: readonly unknown[] = [entry()]): KubeObject =>
  objectOf('apps/v1', 'Deployment', {
    metadata: {
      labels: { 'app.kubernetes.io/managed-by': 'Helm', theirs: 'x' },
      uid: 'u',
      resourceVersion: '9',
      managedFields,
    },
    spec,
    status: { replicas: 2 },
  });
const withSpec = (more: object): KubeObject => ({
  ...desired,
  spec: { ...(desired['spec'] as object), ...more },
});
const withTemplate = (more: object): KubeObject =>
  withSpec({ template: { ...(desired['spec'] as { template: object }).template, ...more } });

test('an object whose fields are all ours and as wanted needs no dry run, whatever the server and others added', () => {
  assert.equal(isApplied(desired, liveOf()), true);
});

for (const [name, wanted, live] of [
  ['a value differs', withSpec({ replicas: 3 }), liveOf()],
  ['a value differs in the cluster', desired, liveOf({ ...liveSpec, replicas: 3 })],
  ['a field is new', withSpec({ paused: true }), liveOf({ ...liveSpec, paused: true })],
  ['a field is wanted no more', withSpec({ nodeSelector: undefined }), liveOf()],
  ['a field is gone in the cluster', desired, liveOf({ ...liveSpec, nodeSelector: undefined })],
  [
    'an atomic map got a key of another manager',
    desired,
    liveOf({ ...liveSpec, nodeSelector: { disk: 'ssd', gpu: 'yes' } }),
  ],
  ['an item of a list is new', withTemplate({ finalizers: ['a', 'b', 'of-another'] }), liveOf()],
  ['an item of a list is wanted no more', withTemplate({ finalizers: ['a'] }), liveOf()],
  ['the order of a list differs', withTemplate({ finalizers: ['b', 'a'] }), liveOf()],
  [
    'an item differs',
    withTemplate({ ports: [{ containerPort: 80, protocol: 'UDP' }, { containerPort: 53 }] }),
    liveOf(),
  ],
  [
    'an item’s key is not plain',
    withTemplate({ ports: [{ containerPort: 80 }, { containerPort: 80 }] }),
    liveOf(),
  ],
  ['a field is null', withSpec({ replicas: null }), liveOf()],
  ['the server writes a value in another form', withSpec({ replicas: '2' }), liveOf()],
  ['nothing tells who owns what', desired, liveOf(liveSpec, [])],
  ['another manager applied it', desired, liveOf(liveSpec, [entry({ manager: 'argocd' })])],
  ['it was written client-side', desired, liveOf(liveSpec, [entry({ operation: 'Update' })])],
  [
    'a client-side write has to be handed over',
    desired,
    liveOf(liveSpec, [entry(), entry({ manager: 'kubectl-client-side-apply', operation: 'Update' })]),
  ],
  ['it was applied in another version', desired, liveOf(liveSpec, [entry({ apiVersion: 'apps/v1beta1' })])],
  ['only its status was applied', desired, liveOf(liveSpec, [entry({ subresource: 'status' })])],
  ['a field set is broken', desired, liveOf(liveSpec, [entry({ fieldsV1: { 'f:spec': 'x' } })])],
] as const)
  test(`the server is asked where ${name}`, () => {
    assert.equal(isApplied(wanted, live), false);
  });
