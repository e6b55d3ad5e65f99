import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { KubeObject, Report } from '@zakenak/core';
import type { FaultSet } from './deploy-faults-fixture.ts';
import { deploy, deployManifest, readLive, runKubectl, settings, web } from './drift-fixture.ts';
import { useCluster } from './sandbox-fixture.ts';

const {
  sandbox,
  kube,
  programs: [program = ''],
} = await useCluster('kubernetes');

const manifest = `${web('replicas: 1')}${settings}`;

/** A deployed set whose replicas an operator has made its own since, with the given rules. */
async function deployTaken(t: TestContext, rules: string): Promise<FaultSet> {
  const set = await deployManifest(t, sandbox, manifest);
  await kube.apply(
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: set.name },
      spec: { replicas: 2 },
    },
    { fieldManager: 'some-operator', force: true },
  );
  const file = join(set.workspace.root, 'zakenak.yaml');
  await set.workspace.write({ 'zakenak.yaml': `${await readFile(file, 'utf8')}  conflicts:\n${rules}` });
  return set;
}

const told = (report: Report, ruleId: string): string =>
  report.findings
    .filter((finding) => finding.ruleId === ruleId)
    .map(({ message, remedy }) => `${message} ${remedy ?? ''}`)
    .join();
const replicasOf = (live: KubeObject): unknown => (live.spec as { readonly replicas?: number }).replicas;
const liveWeb = (set: FaultSet): Promise<KubeObject> => readLive(kube, set, 'Deployment', 'web');

test('a controller’s field is taken where a rule of the project says so, and the plan tells why', async (t) => {
  const set = await deployTaken(
    t,
    '    - { managers: [some-*], kind: StatefulSet, decision: take }\n    - { managers: [other, some-*], decision: take, reason: moved to Zakenak }\n',
  );
  const { report } = await set.run(['plan']);
  assert.match(
    told(report, 'rollout/takes-over-fields'),
    /takes over \.spec\.replicas \(from some-operator: moved to Zakenak\)/,
  );
  await deploy(set);
  const live = await liveWeb(set);
  assert.equal(replicasOf(live), 1);
  assert.doesNotMatch(JSON.stringify(live.metadata.managedFields), /some-operator/);
});

test('a correction takes it by the same rule', async (t) => {
  const set = await deployTaken(t, '    - { managers: [some-operator], decision: take }\n');
  const { report, exitCode } = await set.run(['sync', '--mode', 'correct']);
  assert.equal(exitCode, 0, JSON.stringify(report.findings));
  assert.equal(replicasOf(await liveWeb(set)), 1);
});

test('a rule about other objects takes nothing: the deploy is refused, and told how to go on', async (t) => {
  const set = await deployTaken(t, '    - { managers: [some-operator], name: api, decision: take }\n');
  const { report, exitCode } = await set.run(['deploy']);
  assert.equal(exitCode, 1);
  const message = told(report, 'rollout/conflict');
  assert.match(message, /\.spec\.replicas is owned by some-operator/);
  assert.match(message, /drift\.ignore.*deploy\.conflicts/);
  assert.equal(replicasOf(await liveWeb(set)), 2, 'nothing was written');
});

test('what people changed by hand keeps a deploy away where a rule says so', async (t) => {
  const set = await deployTaken(
    t,
    '    - { managers: [some-operator], decision: take }\n    - { managers: [kubectl*], kind: ConfigMap, decision: refuse, reason: on-call edits }\n',
  );
  const patch = '{"data":{"a":"by hand"}}';
  runKubectl(sandbox, program, set, ['patch', 'configmap', 'settings', '--type=merge', '-p', patch]);
  const { report, exitCode } = await set.run(['deploy']);
  assert.equal(exitCode, 1);
  assert.match(told(report, 'rollout/conflict'), /\.data\.a is owned by kubectl-patch \(on-call edits\)/);
  assert.equal(replicasOf(await liveWeb(set)), 2, 'nothing of the set was written');
});
