import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createRedactor, type KubeApi, type KubeObject, type KubeRef } from '@zakenak/core';
import { connectKube } from '@zakenak/kube';
import { createFiles, createProcessRunner, createSystemClock } from '@zakenak/machine';
import { deployRollout, type Plan } from '@zakenak/rollout';
import type { Sandbox } from '@zakenak/sandbox';
import { makeWorkspace, type Workspace } from './cli-fixture.ts';
import { startTestSandbox } from './sandbox-fixture.ts';

let sandbox: Sandbox;
let kube: KubeApi;
before(async () => {
  sandbox = await startTestSandbox();
  kube = await connectKube({ env: {}, kubeconfig: sandbox.kubeconfig });
});
after(() => sandbox?.stop());

const namespace = 'differential';
const labels = { app: 'web' };
const container = (more: object) => ({ image: 'example/web:1', ...more });
const template = (containers: readonly object[], more: object = {}) => ({
  metadata: { labels },
  spec: { containers, ...more },
});
const objectOf = (apiVersion: string, kind: string, name: string, rest: object): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name },
  ...rest,
});

/** Objects with every way in which server-side apply merges: maps, atomic maps, lists by key, by value and whole, defaults, values in other forms. */
const corpus: readonly KubeObject[] = [
  ...['a', 'b', 'c'].map((name) =>
    objectOf('v1', 'ConfigMap', name, { data: { text: name, empty: '' }, binaryData: { blob: 'AAE=' } }),
  ),
  objectOf('v1', 'Secret', 'plain', { data: { word: 'd29yZA==' } }),
  objectOf('v1', 'Secret', 'written', { stringData: { word: 'word' } }),
  objectOf('v1', 'Service', 'ports', {
    spec: {
      selector: labels,
      ports: [
        { name: 'http', port: 80, targetPort: 'web' },
        { name: 'dns', port: 53, protocol: 'UDP' },
      ],
    },
  }),
  objectOf('apps/v1', 'Deployment', 'rich', {
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: template(
        [
          container({
            name: 'web',
            ports: [{ containerPort: 80 }, { containerPort: 53, protocol: 'UDP' }],
            env: [
              { name: 'A', value: '1' },
              { name: 'B', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
            ],
            args: ['--one', '--two'],
            resources: { limits: { cpu: '1000m', memory: '1Gi' }, requests: { cpu: 0.5 } },
            volumeMounts: [{ name: 'data', mountPath: '/data' }],
            securityContext: { capabilities: { drop: ['ALL'] } },
          }),
          container({ name: 'side', livenessProbe: { httpGet: { path: '/', port: 80 } } }),
        ],
        {
          nodeSelector: { disk: 'ssd' },
          volumes: [{ name: 'data', emptyDir: {} }],
          tolerations: [{ key: 'gpu', operator: 'Exists' }],
        },
      ),
    },
  }),
  ...['s1', 's2', 's3'].map((name) =>
    objectOf('apps/v1', 'StatefulSet', name, {
      spec: {
        replicas: 0,
        serviceName: 'ports',
        selector: { matchLabels: { app: name } },
        template: { metadata: { labels: { app: name } }, spec: { containers: [container({ name: 'web' })] } },
      },
    }),
  ),
  objectOf('batch/v1', 'CronJob', 'nightly', {
    spec: {
      schedule: '0 3 * * *',
      suspend: true,
      jobTemplate: {
        spec: { template: template([container({ name: 'job' })], { restartPolicy: 'Never' }) },
      },
    },
  }),
  objectOf('networking.k8s.io/v1', 'Ingress', 'way', {
    spec: {
      rules: [
        {
          host: 'a.prod.local',
          http: {
            paths: [
              {
                path: '/',
                pathType: 'Prefix',
                backend: { service: { name: 'ports', port: { name: 'http' } } },
              },
            ],
          },
        },
      ],
    },
  }),
  objectOf('rbac.authorization.k8s.io/v1', 'Role', 'reader', {
    rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }],
  }),
  objectOf('autoscaling/v2', 'HorizontalPodAutoscaler', 'scale', {
    spec: {
      minReplicas: 2,
      maxReplicas: 3,
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'none' },
      metrics: [
        {
          type: 'Resource',
          resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } },
        },
      ],
    },
  }),
  objectOf('policy/v1', 'PodDisruptionBudget', 'budget', {
    spec: { maxUnavailable: 1, selector: { matchLabels: labels } },
  }),
  objectOf('networking.k8s.io/v1', 'NetworkPolicy', 'walls', {
    spec: { podSelector: {}, policyTypes: ['Ingress'], ingress: [{ ports: [{ port: 80 }] }] },
  }),
];

const ready = { metadata: { annotations: { 'zakenak.dev/wait': 'ignore' } } };

/** A fact of a plan: an object and what is to be done with it. */
type Facts = Readonly<Record<string, string>>;

async function planOf(workspace: Workspace, api: KubeApi): Promise<Facts> {
  const plan = await rollOut(workspace, api, true);
  return Object.fromEntries(
    plan.releases.flatMap(({ objects }) =>
      objects.map(({ ref, action, diff }) => [
        `${ref.kind}/${ref.name}`,
        `${action} ${JSON.stringify(diff)}`,
      ]),
    ),
  );
}

async function rollOut(workspace: Workspace, api: KubeApi, dryRun: boolean): Promise<Plan> {
  const quiet = () => {};
  const ports = {
    kube: api,
    files: createFiles(workspace.root),
    process: createProcessRunner(process.env),
    clock: createSystemClock(),
    redactor: createRedactor(),
    progress: { emit: quiet },
    log: {
      debug: quiet,
      info: quiet,
      warn: quiet,
      error: quiet,
      group: <T>(_: string, body: () => Promise<T>) => body(),
    },
  };
  const planFile = `plan-${Math.random()}.json`;
  const request = {
    set: 'differential',
    releases: [{ name: 'all', namespace, source: { manifests: ['all.json'] } }],
    dryRun,
    planFile,
  };
  await deployRollout(request, ports);
  return JSON.parse(await ports.files.readText(await ports.files.resolve(planFile))) as Plan;
}

/** A server that does not tell who owns which field: every object has to be tried. */
function forgetful(api: KubeApi, counted: { dryRuns: number }): KubeApi {
  const strip = (object: KubeObject): KubeObject => {
    const { managedFields: _fields, ...metadata } = object.metadata;
    return { ...object, metadata: metadata as KubeObject['metadata'] };
  };
  return {
    ...counting(api, counted),
    get: async (...args) => {
      const found = await api.get(...args);
      return found && strip(found);
    },
    list: async (...args) => {
      const { items, resourceVersion } = await api.list(...args);
      return { items: items.map(strip), resourceVersion };
    },
  };
}

function counting(api: KubeApi, counted: { dryRuns: number }): KubeApi {
  return {
    ...api,
    apply: (object, options, signal) => {
      if (options.dryRun) {
        counted.dryRuns += 1;
      }
      return api.apply(object, options, signal);
    },
  };
}

const refOf = (kind: string, name: string): KubeRef => {
  const { apiVersion } = corpus.find((object) => object.kind === kind) as KubeObject;
  return { apiVersion, kind, namespace, name };
};

/** What somebody may do by hand to the objects, or the chart's author to the manifests. */
const changes: readonly (readonly [string, (wanted: KubeObject[]) => Promise<unknown> | KubeObject[]])[] = [
  ['nothing', async () => {}],
  ['a value by hand', () => kube.patch(refOf('ConfigMap', 'a'), 'merge', { data: { text: 'x' } })],
  ['a key of another', () => kube.patch(refOf('ConfigMap', 'b'), 'merge', { data: { theirs: 'x' } })],
  ['a key removed', () => kube.patch(refOf('ConfigMap', 'c'), 'merge', { data: { text: null } })],
  ['a label removed', () => kube.patch(refOf('Service', 'ports'), 'merge', { metadata: { labels: null } })],
  ['an object removed', () => kube.delete(refOf('ConfigMap', 'a'))],
  [
    'a key in an atomic map',
    () =>
      kube.patch(refOf('Deployment', 'rich'), 'merge', {
        spec: { template: { spec: { nodeSelector: { gpu: 'yes' } } } },
      }),
  ],
  [
    'a container of another',
    () =>
      kube.patch(refOf('Deployment', 'rich'), 'strategic', {
        spec: { template: { spec: { containers: [{ name: 'mesh', image: 'example/mesh:1' }] } } },
      }),
  ],
  [
    'an atomic list',
    () =>
      kube.patch(refOf('Deployment', 'rich'), 'strategic', {
        spec: { template: { spec: { containers: [{ name: 'web', args: ['--one'] }] } } },
      }),
  ],
  [
    'a port of another',
    () =>
      kube.patch(refOf('Service', 'ports'), 'strategic', {
        spec: { ports: [{ name: 'more', port: 81, protocol: 'TCP' }] },
      }),
  ],
  ['a field in a manifest', (wanted) => edit(wanted, 'budget', { spec: { maxUnavailable: 2 } })],
  ['a field less in a manifest', (wanted) => edit(wanted, 'scale', { spec: { minReplicas: undefined } })],
  ['a key more in a manifest', (wanted) => edit(wanted, 'a', { data: { more: 'x' } })],
  ['a null in a manifest', (wanted) => edit(wanted, 'b', { data: { text: null } })],
  [
    'another order in a manifest',
    (wanted) =>
      wanted.map((object) =>
        object.metadata.name === 'ports'
          ? {
              ...object,
              spec: { selector: labels, ports: [...(object['spec'] as { ports: object[] }).ports].reverse() },
            }
          : object,
      ),
  ],
];

function edit(wanted: KubeObject[], name: string, more: object): KubeObject[] {
  const merge = (a: unknown, b: unknown): unknown =>
    typeof a === 'object' && typeof b === 'object' && a && b && !Array.isArray(b)
      ? {
          ...a,
          ...Object.fromEntries(
            Object.entries(b).map(([key, value]) => [key, merge((a as Record<string, unknown>)[key], value)]),
          ),
        }
      : b;
  return wanted.map((object) =>
    object.metadata.name === name ? (merge(object, more) as KubeObject) : object,
  );
}

test('what the managed fields prove to be unchanged is what the server’s dry run leaves as it is', async (t) => {
  const wanted = corpus.map((object) => ({ ...object, metadata: { ...object.metadata, ...ready.metadata } }));
  const write = (workspace: Workspace, objects: readonly KubeObject[]) =>
    workspace.write({
      'all.json': objects.map((object) => JSON.stringify(object)).join('\n---\n'),
    });
  const workspace = await makeWorkspace(t, {});
  for (const [name, change] of changes) {
    await write(workspace, wanted);
    await rollOut(workspace, kube, false);
    const changed = await change(wanted);
    if (Array.isArray(changed)) await write(workspace, changed);
    const [fast, slow] = [{ dryRuns: 0 }, { dryRuns: 0 }];
    const proven = await planOf(workspace, counting(kube, fast));
    const tried = await planOf(workspace, forgetful(kube, slow));
    assert.deepEqual(proven, tried, name);
    assert.ok(slow.dryRuns >= wanted.length, `${name}: every object was tried`);

    // Three are always asked for: stringData, quantities in another form, and defaults inside of an atomic list. A conflict costs two tries.
    assert.ok(fast.dryRuns <= 5, `${name}: ${fast.dryRuns} dry runs`);
    const actions = Object.values(proven).filter((fact) => !fact.startsWith('noop'));
    assert.equal(
      actions.length > 0,
      !['nothing', 'a key of another', 'a container of another', 'a port of another'].includes(name),
      `${name}: ${actions}`,
    );
  }
});
