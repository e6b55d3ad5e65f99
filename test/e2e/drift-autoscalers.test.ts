import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { promisify } from 'node:util';
import type { KubeObject } from '@zakenak/core';
import { parseAllDocuments } from 'yaml';
import { auditOf, lines } from './audit-log.ts';
import type { FaultSet } from './deploy-faults-fixture.ts';
import { deployManifest, driftOf, fieldsOf, runKubectl, settings, web } from './drift-fixture.ts';
import { useCluster } from './sandbox-fixture.ts';

/**
 * KEDA and the vertical pod autoscaler as their controllers write, on their own definitions: these come from their Go modules, since the controllers themselves need metrics
 * and certificates that no test has. What each one writes follows their source (keda: controllers/keda, pkg/scaling/executor; vertical-pod-autoscaler: pkg).
 */
const definitions = [
  { module: 'github.com/kedacore/keda/v2@v2.21.0', folder: 'config/crd/bases', name: /^keda\.sh_/ },
  { module: 'k8s.io/autoscaler/vertical-pod-autoscaler@v1.8.1', folder: 'deploy', name: /crd-gen/ },
];

const {
  sandbox,
  kube,
  programs: [program = ''],
} = await useCluster('kubernetes');

before(async () => {
  for (const { module, folder, name } of definitions) {
    const download = ['mod', 'download', '-json', module];
    const { stdout } = await promisify(execFile)('go', download, { cwd: tmpdir() });
    const { Dir } = JSON.parse(stdout) as { readonly Dir: string };
    const files = (await readdir(join(Dir, folder))).filter((file) => name.test(file));
    assert.ok(files.length > 0, module);
    for (const file of files)
      for (const document of parseAllDocuments(await readFile(join(Dir, folder, file), 'utf8'))) {
        const object = document.toJS() as KubeObject | null;
        if (object) await kube.apply(object, { fieldManager: 'definitions' });
      }
  }
  kube.refreshDiscovery();
});

const scaledObject = (more: string, annotations = '') => `---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: { name: web, annotations: { zakenak.dev/wait: ignore${annotations} } }
spec:
  scaleTargetRef: { name: web }
  ${more}
  triggers: [{ type: cron, metadata: { timezone: Europe/Amsterdam, start: 0 8 * * *, end: 0 18 * * *, desiredReplicas: "3" } }]
`;
const vpa = (mode: string) => `---
apiVersion: autoscaling.k8s.io/v1
kind: VerticalPodAutoscaler
metadata: { name: web, annotations: { zakenak.dev/wait: ignore } }
spec:
  targetRef: { apiVersion: apps/v1, kind: Deployment, name: web }
  updatePolicy: { updateMode: "${mode}" }
  resourcePolicy: { containerPolicies: [{ containerName: "*", minAllowed: { cpu: 100m }, maxAllowed: { cpu: 1, memory: 500Mi } }] }
`;
const sized = 'resources: { requests: { cpu: 100m, memory: 64Mi }, limits: { memory: 128Mi } }';

/** A write as a controller makes it: by its own field manager. */
function writeAs(
  set: FaultSet,
  manager: string,
  target: string,
  change: unknown,
  ...more: readonly string[]
): void {
  const args = ['patch', target, '--type=merge', `--field-manager=${manager}`, '-p', JSON.stringify(change)];
  runKubectl(sandbox, program, set, [...args, ...more]);
}
const scaleAs = (set: FaultSet, manager: string, replicas: number): void =>
  writeAs(set, manager, 'deployment/web', { spec: { replicas } }, '--subresource=scale');

const specOf = async (set: FaultSet): Promise<Readonly<Record<string, unknown>>> => {
  const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: set.name, name: 'web' };
  return (await kube.get(ref))?.['spec'] as Readonly<Record<string, unknown>>;
};

/** Nothing has drifted, and another deploy writes nothing. */
async function assertAtRest(set: FaultSet, what: string): Promise<void> {
  const { report } = await set.run(['status']);
  const drifted = (report.outputs.drift as readonly { readonly state: string }[]).filter(
    ({ state }) => state !== 'in-sync',
  );
  assert.deepEqual(drifted, [], what);
  const { outcome, writes } = await auditOf(sandbox, () => set.run(['deploy']));
  assert.equal(
    outcome.report.outputs['has-changes'],
    false,
    `${what}: ${JSON.stringify(outcome.report.sections)}`,
  );
  assert.deepEqual(lines(writes), [], what);
}

test('KEDA steers a Deployment of the set: its finalizer, labels, autoscaler and counts are no drift, and a deploy leaves them', async (t) => {
  const scaled = scaledObject('minReplicaCount: 0\n  maxReplicaCount: 8');
  const set = await deployManifest(t, sandbox, `${web('replicas: 2', sized)}${scaled}${settings}`);
  await assertAtRest(set, 'as it was deployed');
  // The operator takes the object up: finalizer, label, status and an autoscaler of its own.
  const name = 'web';
  writeAs(set, 'keda', 'scaledobject/web', {
    metadata: { finalizers: ['finalizer.keda.sh'], labels: { 'scaledobject.keda.sh/name': name } },
  });
  const status = {
    hpaName: 'keda-hpa-web',
    conditions: [{ type: 'Ready', status: 'True', reason: 'ScaledObjectReady', message: 'ready' }],
  };
  writeAs(set, 'keda', 'scaledobject/web', { status }, '--subresource=status');
  await kube.create(
    {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'keda-hpa-web', namespace: set.name, labels: { 'scaledobject.keda.sh/name': name } },
      spec: {
        minReplicas: 1,
        maxReplicas: 8,
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
        metrics: [
          {
            type: 'External',
            external: { metric: { name: 's0-cron' }, target: { type: 'AverageValue', averageValue: '1' } },
          },
        ],
      },
    },
    { fieldManager: 'keda' },
  );
  await assertAtRest(set, 'taken up');
  scaleAs(set, 'kube-controller-manager', 5);
  await assertAtRest(set, 'scaled by its autoscaler');
  scaleAs(set, 'keda', 0);
  await assertAtRest(set, 'scaled to nothing by the operator');
  scaleAs(set, 'kube-controller-manager', 7);
  await set.setManifest(`${web('replicas: 2', `args: [changed], ${sized}`)}${scaled}${settings}`);
  assert.equal((await set.run(['deploy'])).exitCode, 0);
  assert.equal((await specOf(set))['replicas'], 7, 'a deploy leaves the count');
  await assertAtRest(set, 'changed beside it');
  // What KEDA would not do is drift.
  runKubectl(sandbox, program, set, ['scale', 'deployment/web', '--replicas=9']);
  assert.deepEqual(fieldsOf(driftOf((await set.run(['status'])).report, 'Deployment')), [
    '/spec/replicas kubectl',
  ]);
});

test('KEDA’s idle count and paused count are its own, and a count below its least is drift', async (t) => {
  const set = await deployManifest(
    t,
    sandbox,
    `${web('replicas: 2', sized)}${scaledObject('minReplicaCount: 2\n  maxReplicaCount: 8')}`,
  );
  scaleAs(set, 'somebody', 0);
  const drift = driftOf((await set.run(['status'])).report, 'Deployment');
  // Who scales to 0 leaves no trace in the managed fields.
  assert.deepEqual(fieldsOf(drift), ['/spec/replicas '], 'nothing says that it may idle');
  const told = JSON.stringify((await set.run(['status'])).report.findings);
  const steered = `steered by ScaledObject ${set.name}/web, which leaves 2 to 8`;
  assert.ok(told.includes(`spec.replicas is 0 instead of 2 (${steered})`), told);
  const idle = scaledObject('idleReplicaCount: 0\n  minReplicaCount: 2\n  maxReplicaCount: 8');
  await set.setManifest(`${web('replicas: 2', sized)}${idle}`);
  assert.equal((await set.run(['deploy'])).exitCode, 0);
  scaleAs(set, 'keda', 0);
  await assertAtRest(set, 'idle');
  const paused = ', autoscaling.keda.sh/paused-replicas: "12"';
  const pausing = scaledObject('minReplicaCount: 2\n  maxReplicaCount: 8', paused);
  await set.setManifest(`${web('replicas: 2', sized)}${pausing}`);
  assert.equal((await set.run(['deploy'])).exitCode, 0);
  scaleAs(set, 'keda', 12);
  await assertAtRest(set, 'paused at a count of its own');
});

test('a vertical autoscaler gives containers other resources: no drift while it may, drift where it only recommends', async (t) => {
  const set = await deployManifest(t, sandbox, `${web('replicas: 1', sized)}${vpa('Recreate')}${settings}`);
  const recommendation = {
    containerRecommendations: [
      { containerName: 'web', target: { cpu: '250m', memory: '262144k' }, upperBound: { cpu: '1' } },
    ],
  };
  const conditions = [
    { type: 'RecommendationProvided', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' },
  ];
  const status = { recommendation, conditions };
  writeAs(set, 'recommender', 'verticalpodautoscaler/web', { status }, '--subresource=status');
  await assertAtRest(set, 'recommended');
  // Its updater sizes the pods; what is built on it sizes the template.
  const [pod = ''] = runKubectl(sandbox, program, set, ['get', 'pods', '-o', 'name']).trim().split('\n');
  const resources = { requests: { cpu: '250m', memory: '262144k' }, limits: { memory: '500Mi' } };
  writeAs(set, 'updater', pod, { metadata: { annotations: { vpaInPlaceUpdated: 'true' } } });
  await assertAtRest(set, 'a pod was marked');
  const containers = [{ name: 'web', resources }];
  const template = { spec: { template: { spec: { containers } } } };
  writeAs(set, 'updater', 'deployment/web', template, '--type=strategic');
  await assertAtRest(set, 'the template was sized');
  await set.setManifest(`${web('replicas: 1', `args: [changed], ${sized}`)}${vpa('Recreate')}${settings}`);
  assert.equal((await set.run(['deploy'])).exitCode, 0);
  assert.match(JSON.stringify(await specOf(set)), /"cpu":"250m"/, 'a deploy leaves the size');
  await set.setManifest(`${web('replicas: 1', `args: [changed], ${sized}`)}${vpa('Off')}${settings}`);
  assert.equal((await set.run(['deploy'])).exitCode, 0);
  assert.match(
    JSON.stringify(await specOf(set)),
    /"cpu":"100m"/,
    'turned off, it steers nothing from this deploy on',
  );
  await assertAtRest(set, 'turned off');
  writeAs(set, 'updater', 'deployment/web', template, '--type=strategic');
  const sizedBy = fieldsOf(driftOf((await set.run(['status'])).report, 'Deployment')) ?? [];
  assert.ok(
    sizedBy.length > 0 && sizedBy.every((field) => /\/containers\/web\/resources\/.* updater$/.test(field)),
    `one that only recommends sizes nothing: ${sizedBy.join()}`,
  );
});

test('an autoscaler that leaves the chart, and what it made, steer nothing from the same deploy on', async (t) => {
  const scaled = scaledObject('minReplicaCount: 0\n  maxReplicaCount: 8');
  const set = await deployManifest(t, sandbox, `${web('replicas: 2', sized)}${scaled}${settings}`);
  const ref = { apiVersion: 'keda.sh/v1alpha1', kind: 'ScaledObject', namespace: set.name, name: 'web' };
  const uid = (await kube.get(ref))?.metadata.uid;
  const { namespace, name, ...type } = ref;
  await kube.create(
    {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: {
        name: 'keda-hpa-web',
        namespace,
        ownerReferences: [{ ...type, name, uid, controller: true }],
      },
      spec: {
        minReplicas: 1,
        maxReplicas: 8,
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
      },
    },
    { fieldManager: 'keda' },
  );
  scaleAs(set, 'kube-controller-manager', 5);
  await assertAtRest(set, 'scaled');
  await set.setManifest(`${web('replicas: 2', sized)}${settings}`);
  assert.equal((await set.run(['deploy'])).exitCode, 0);
  assert.equal((await specOf(set))['replicas'], 2);
  await assertAtRest(set, 'without it');
});
