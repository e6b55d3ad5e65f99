import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { KubeApi, KubeObject, Report } from '@zakenak/core';
import type { Sandbox } from '@zakenak/sandbox';
import { type FaultSet, makeFaultSet } from './deploy-faults-fixture.ts';

/** As a person would: kubectl itself, so that its own field managers are what is told. */
export const runKubectl = (
  sandbox: Sandbox,
  program: string,
  set: Pick<FaultSet, 'name'>,
  args: readonly string[],
): string =>
  execFileSync(program, ['kubectl', '--kubeconfig', sandbox.kubeconfig, '--namespace', set.name, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });

/** A Deployment on a simulated node. */
export const web = (replicas: string, more = '', name = 'web') => `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, annotations: { note: deployed } }
spec:
  ${replicas}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec: { nodeSelector: { kubernetes.io/os: linux }, containers: [{ name: web, image: "example/web:1", env: [{ name: A, value: a }], ${more} }] }
`;
/** A ConfigMap with two keys. */
export const settings = `---
apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
data: { a: "1", b: "2" }
`;
/** An autoscaler of `web`. */
export const hpa = (least: number, most: number) => `---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: web, annotations: { zakenak.dev/wait: ignore } }
spec: { minReplicas: ${least}, maxReplicas: ${most}, scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: web } }
`;

/** One entry of the output `drift`. */
export interface DriftOutput {
  readonly object: { readonly kind: string; readonly name: string };
  readonly state: string;
  readonly reason?: string;
  readonly fields: readonly { readonly pointer: string; readonly writer?: { readonly manager: string } }[];
  readonly ignored: readonly { readonly pointer: string; readonly rule: string }[];
}

/** The entry of the object of a kind. */
export const driftOf = (report: Report, kind: string): DriftOutput | undefined =>
  (report.outputs.drift as readonly DriftOutput[]).find(({ object }) => object.kind === kind);

/** Pointer and writer of each field that counts. */
export const fieldsOf = (drift: DriftOutput | undefined) =>
  drift?.fields.map(({ pointer, writer }) => `${pointer} ${writer?.manager ?? ''}`);

/** A set with the manifest, deployed; `drift` is that section of its zakenak.yaml. */
export async function deployManifest(
  t: TestContext,
  sandbox: Sandbox,
  manifest: string,
  drift = '',
): Promise<FaultSet> {
  const set = await makeFaultSet(t, sandbox, manifest);
  if (drift) {
    const text = await readFile(join(set.workspace.root, 'zakenak.yaml'), 'utf8');
    await set.workspace.write({ 'zakenak.yaml': `${text}${drift}` });
  }
  await deploy(set);
  return set;
}

/** Deploys, which has to succeed. */
export async function deploy(set: FaultSet): Promise<Report> {
  const { report, exitCode } = await set.run(['deploy']);
  assert.equal(exitCode, 0, JSON.stringify([report.error, report.findings]));
  return report;
}

/** The live object. */
export const readLive = async (
  kube: KubeApi,
  set: FaultSet,
  kind: string,
  name: string,
): Promise<KubeObject> => {
  const apiVersion = kind === 'Deployment' ? 'apps/v1' : 'v1';
  const live = await kube.get({ apiVersion, kind, namespace: set.name, name });
  assert.ok(live, `${kind} ${name}`);
  return live;
};
