import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeTestSet } from './rollout-fixture.ts';
import { useCluster } from './sandbox-fixture.ts';

const { sandbox, kube, programs } = await useCluster('helm3', 'helm');

const template = `apiVersion: v1
kind: List
metadata:
  annotations:
    helm.sh/hook: pre-install,pre-delete
    helm.sh/hook-weight: "3"
    helm.sh/hook-delete-policy: before-hook-creation
items:
  - apiVersion: v1
    kind: ConfigMap
    metadata: { name: listed }
    data: { text: hook }
  - apiVersion: batch/v1
    kind: Job
    metadata: { name: listed, annotations: { helm.sh/hook: post-install } }
    spec:
      backoffLimit: 0
      template: { spec: { restartPolicy: Never, containers: [{ name: a, image: "example/a:1" }] } }
`;

test('a List that is annotated as a hook is a hook of all its items, as for both Helms', async (t) => {
  const ours = await makeTestSet(t, sandbox);
  await ours.workspace.write({ 'charts/app/templates/list.yaml': template });
  const outcomes: unknown[] = [];
  /** What a hook left is not part of the release: it stays when the release goes, as a new one of a pre-delete hook. */
  const observe = async (namespace: string, release: string, remove: () => unknown) => {
    const refs = [
      { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'listed' },
      { apiVersion: 'batch/v1', kind: 'Job', namespace, name: 'listed' },
    ];
    const before = await Promise.all(refs.map((ref) => kube.get(ref)));
    const manifest = execFileSync(
      programs[0] ?? '',
      ['--kubeconfig', sandbox.kubeconfig, '--namespace', namespace, 'get', 'manifest', release],
      { encoding: 'utf8' },
    );
    await remove();
    const after = await Promise.all(refs.map((ref) => kube.get(ref)));
    outcomes.push({
      isInManifest: /name: "?listed/.test(manifest) || manifest.includes('"listed"'),
      before: before.map((object) => object !== undefined),
      isNew: after.map((object, index) => object && object.metadata.uid !== before[index]?.metadata.uid),
    });
  };
  const helm = (program: string, namespace: string, ...args: readonly string[]) =>
    execFileSync(program, ['--kubeconfig', sandbox.kubeconfig, '--namespace', namespace, ...args], {
      stdio: 'pipe',
    });
  const chart = join(ours.workspace.root, 'charts/app');
  for (const [index, program] of programs.entries()) {
    const namespace = `${ours.name}-helm-${index}`;
    helm(program, namespace, 'install', 'base', chart, '--create-namespace');
    await observe(namespace, 'base', () => helm(program, namespace, 'uninstall', 'base'));
  }
  assert.equal((await ours.run(['deploy'])).exitCode, 0);
  await observe(ours.name, 'base', () => ours.run(['rollback']));
  const [three, four, own] = outcomes;
  assert.deepEqual(three, { isInManifest: false, before: [true, true], isNew: [true, true] });
  assert.deepEqual(four, three);
  assert.deepEqual(own, three);
});
