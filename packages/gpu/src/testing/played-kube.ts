import assert from 'node:assert/strict';
import type { KubeApi, KubeObject, KubeWatchEvent } from '@zakenak/core';

/** A cluster in memory for the tests of this package: what it holds, and what becomes of the probe pod. */
export interface Play {
  readonly nodes?: readonly KubeObject[];
  readonly pods?: readonly KubeObject[];
  readonly daemonSets?: readonly KubeObject[];
  readonly services?: readonly KubeObject[];
  /** Further states of the pod after its creation: `spec` and `status`; the watch then stays open. */
  readonly course?: readonly { readonly spec?: unknown; readonly status: unknown }[];
  readonly log?: string;
  readonly server?: string;
  readonly createFails?: Error;
}

/** A KubeApi that answers from the play, fails on every call that no smoke test makes, and keeps what was created and deleted. */
export function playKube(
  play: Play,
): KubeApi & { readonly created: KubeObject[]; readonly deleted: string[] } {
  const created: KubeObject[] = [];
  const deleted: string[] = [];
  const unexpected = (call: string) => async () => assert.fail(`unexpected call: ${call}`);
  const kinds: Readonly<Record<string, readonly KubeObject[] | undefined>> = {
    Node: play.nodes,
    Pod: play.pods,
    DaemonSet: play.daemonSets,
    Service: play.services,
    RuntimeClass: [],
  };
  return {
    created,
    deleted,
    target: { context: 'played', server: play.server ?? 'https://10.0.0.1:6443', namespace: 'default' },
    version: async () => ({ major: 1, minor: 34, gitVersion: 'v1.34.4' }),
    resources: unexpected('resources'),
    unavailableApis: unexpected('unavailableApis'),
    refreshDiscovery: () => assert.fail('unexpected call: refreshDiscovery'),
    warnings: () => [],
    aheadMs: () => 0,
    heldUp: () => undefined,
    get: async ({ kind, name }) => kinds[kind]?.find(({ metadata }) => metadata.name === name),
    async list({ kind }) {
      const items = kinds[kind];
      assert.ok(items, `unexpected list of ${kind}`);
      return { items, resourceVersion: '1' };
    },
    async create(object, _options, signal) {
      assert.ok(!signal?.aborted, 'the create must not hang on the run’s own signal');
      if (play.createFails) throw play.createFails;
      const made = { ...object, metadata: { ...object.metadata, uid: 'uid-1', resourceVersion: '1' } };
      created.push(made);
      return made;
    },
    fenced: () => assert.fail('unexpected call: fenced'),
    replace: unexpected('replace'),
    apply: unexpected('apply'),
    patch: unexpected('patch'),
    async delete({ name }, _options, signal) {
      assert.ok(!signal?.aborted, 'the delete must not hang on the run’s own signal');
      deleted.push(name);
      return true;
    },
    async *watch({ fieldSelector }, signal): AsyncGenerator<KubeWatchEvent> {
      const pod = created.at(-1);
      assert.ok(pod && fieldSelector === `metadata.name=${pod.metadata.name}`);
      for (const state of play.course ?? []) yield { type: 'MODIFIED', object: { ...pod, ...state } };
      if (!signal.aborted)
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    },
    async logs() {
      assert.ok(play.log !== undefined, 'unexpected read of a log');
      return play.log;
    },
  };
}

/** A Node that offers `gpus`. */
export function node(name: string, gpus: number, labels: Readonly<Record<string, string>> = {}): KubeObject {
  const amounts = { 'nvidia.com/gpu': String(gpus) };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels },
    status: { capacity: amounts, allocatable: amounts, conditions: [{ type: 'Ready', status: 'True' }] },
  };
}

/** A state of the probe pod on a node. */
export function podOn(
  nodeName: string,
  phase: string,
  more: object = {},
): Pick<KubeObject, 'spec' | 'status'> {
  return { spec: { nodeName }, status: { phase, ...more } };
}
