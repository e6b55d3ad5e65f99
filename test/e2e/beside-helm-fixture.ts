import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import type { KubeApi, KubeObject } from '@zakenak/core';
import type { Sandbox } from '@zakenak/sandbox';
import { makeTestSet, type TestSet } from './rollout-fixture.ts';

/** A set of one release, `web`, whose chart Helm deploys as well. */
export interface HelmSet extends TestSet {
  /** Writes the chart's templates; what was there goes. */
  setTemplates(version: string, templates: Readonly<Record<string, string>>): Promise<void>;
  /** Helm's `upgrade --install` of the same chart with the same values; throws what it says. */
  helm(program: string, ...args: readonly string[]): Promise<string>;
}

/** Makes the set in a namespace of its own. */
export async function makeHelmSet(
  t: TestContext,
  sandbox: Sandbox,
  crds: Readonly<Record<string, string>> = {},
): Promise<HelmSet> {
  const set = await makeTestSet(t, sandbox);
  await set.workspace.write({
    ...Object.fromEntries(Object.entries(crds).map(([name, text]) => [`charts/web/crds/${name}`, text])),
    'zakenak.yaml': `project: ${set.name.replace(/-test$/, '')}
environments: { test: { cluster: { context: zakenak-sandbox } } }
deploy:
  namespace: ${set.name}
  releases: [{ name: web, chart: charts/web, timeout: 30s }]
`,
  });
  return {
    ...set,
    async setTemplates(version, templates) {
      const files = Object.entries(templates).map(([name, text]) => [`charts/web/templates/${name}`, text]);
      await set.workspace.write({
        'charts/web/Chart.yaml': `apiVersion: v2\nname: web\nversion: ${version}\n`,
        ...Object.fromEntries(files),
      });
    },
    async helm(program, ...args) {
      const way = ['--kubeconfig', sandbox.kubeconfig, '--namespace', set.name];
      const all =
        args.length > 0
          ? args
          : ['upgrade', '--install', 'web', join(set.workspace.root, 'charts/web'), '--create-namespace'];
      const { stdout } = await promisify(execFile)(program, [...all, ...way], { maxBuffer: 64 << 20 });
      return stdout;
    },
  };
}

const passing = new Set([
  'Event',
  'Pod',
  'ReplicaSet',
  'Endpoints',
  'EndpointSlice',
  'Lease',
  'ControllerRevision',
]);

/** Every object of the namespaces, with what a person could have written of it, by kind and name; the set's own name is `NS`. */
export async function readObjects(
  kube: KubeApi,
  namespace: string,
  ...more: readonly string[]
): Promise<ReadonlyMap<string, unknown>> {
  const kinds = (await kube.resources()).filter(
    ({ apiVersion, namespaced, verbs, kind }) =>
      namespaced && verbs.includes('list') && !passing.has(kind) && apiVersion !== 'autoscaling/v1',
  );
  const lists = await Promise.all(
    [namespace, ...more].flatMap((place) =>
      kinds.map(({ apiVersion, kind }) => kube.list({ apiVersion, kind, namespace: place })),
    ),
  );
  const found = lists
    .flatMap(({ items }) => items)
    .filter(
      ({ metadata }) => !metadata.name.startsWith('sh.helm.release.') && metadata.name !== 'kube-root-ca.crt',
    );
  return new Map(found.map((object): [string, unknown] => written(object, namespace)).sort());
}

const chosen =
  /^(?:clusterIPs?|nodePort|healthCheckNodePort|batch\.kubernetes\.io\/controller-uid|controller-uid)$/;

function written(object: KubeObject, namespace: string): [string, unknown] {
  const { status: _status, ...rest } = object;
  const {
    uid: _uid,
    resourceVersion: _version,
    generation: _generation,
    creationTimestamp: _at,
    managedFields: _fields,
    ...metadata
  } = rest.metadata as Record<string, unknown>;
  const annotations = Object.entries((metadata['annotations'] ?? {}) as object).filter(
    ([key]) =>
      !key.startsWith('deployment.kubernetes.io/') &&
      !key.startsWith('deprecated.daemonset') &&
      key !== 'zakenak.dev/hook-run',
  );
  const text = JSON.stringify(
    { ...rest, metadata: { ...metadata, annotations: Object.fromEntries(annotations) } },
    (key, value: unknown) =>
      chosen.test(key) && value !== 'None'
        ? undefined
        : value !== null && typeof value === 'object' && !Array.isArray(value)
          ? Object.fromEntries(Object.entries(value).sort())
          : value,
  );
  return [
    `${object.apiVersion} ${object.kind} ${object.metadata.namespace?.replace(namespace, 'NS')}/${object.metadata.name}`,
    JSON.parse(text.replaceAll(namespace, 'NS')),
  ];
}
