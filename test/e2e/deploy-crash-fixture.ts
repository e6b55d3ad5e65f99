import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import type { KubeApi } from '@zakenak/core';
import type { ApiProxy } from './api-proxy.ts';
import type { TestSet } from './rollout-fixture.ts';

/** Names and generated ids differ from set to set; what they stand for does not. */
export const normalise = (dump: string, { name, canary }: TestSet): string =>
  dump
    .replaceAll(name, 'SET')
    .replaceAll(Buffer.from(canary).toString('base64'), 'SECRET')
    .replaceAll(canary, 'SECRET')
    // What controllers write on a claim in their own time.
    .replace(/,"(?:pv|volume|volume\.beta)\.kubernetes\.io\/[^"]*":"[^"]*"/g, '')
    .replace(/,"volumeName":"[^"]*"/g, '')
    .replace(/"uid":"[^"]*"|"clusterIPs?":(?:"[^"]*"|\[[^\]]*\])/g, '""');

/** Kills a run with SIGKILL right after its `nth` write has reached the server; false where it ended before that. */
export async function killAfterWrite(
  set: TestSet,
  proxy: ApiProxy,
  nth: number,
  args: readonly string[] = ['deploy'],
): Promise<boolean> {
  let killed = false;
  const { signal } = await set.run([...args, '--kubeconfig', proxy.kubeconfig], {
    onStart: (child) =>
      proxy.afterWrite(nth, () => {
        killed = true;
        child.kill('SIGKILL');
      }),
  });
  assert.equal(signal, killed ? 'SIGKILL' : null);
  return killed;
}

/** The simulated node holds 110 pods. */
export async function remove({ name }: TestSet, kube: KubeApi): Promise<void> {
  await kube.delete({ apiVersion: 'v1', kind: 'Namespace', name });
}

/** Runs `body` for 1, 2, 3… until it says that there was no such write, three at a time. Returns how many there were. */
export async function forEveryWrite(body: (nth: number) => Promise<boolean>): Promise<number> {
  let [next, last] = [1, Number.POSITIVE_INFINITY];
  const worker = async (): Promise<void> => {
    for (let nth = next++; nth < last; nth = next++) if (!(await body(nth))) last = Math.min(last, nth);
  };
  await Promise.all([worker(), worker(), worker()]);
  return last - 1;
}

/** What a rollout keeps of itself when it has ended: nothing unfinished in Helm's records, one deployed revision, at most ten, and no journal. */
export async function assertSettled(
  set: TestSet,
  kube: KubeApi,
  deployed: readonly string[],
  when: string,
): Promise<void> {
  const select = { apiVersion: 'v1', kind: 'Secret' };
  const journal = await kube.list({
    ...select,
    namespace: 'default',
    labelSelector: `zakenak.dev/journal=${set.name}`,
  });
  assert.deepEqual(
    journal.items.map(({ metadata }) => metadata.name),
    [],
    `${when}: the journal`,
  );
  const { items } = await kube.list({ ...select, namespace: set.name, labelSelector: 'owner=helm' });
  const found = new Map<string, string[]>();
  for (const { metadata } of items) {
    const { name = '', status = '' } = metadata.labels ?? {};
    found.set(name, [...(found.get(name) ?? []), status]);
  }
  for (const [name, statuses] of found) {
    const count = (status: string): number => statuses.filter((one) => one === status).length;
    assert.equal(count('deployed'), deployed.includes(name) ? 1 : 0, `${when}: ${name}: ${statuses}`);
    assert.ok(!statuses.some((status) => /^pending|ing$/.test(status)), `${when}: ${name}: ${statuses}`);
    assert.ok(statuses.length <= 10, `${when}: ${name} has ${statuses.length} revisions`);
  }
}

/** The phase of the rollout that did not finish, from its journal; undefined where there is none. */
export async function unfinishedPhase({ name }: TestSet, kube: KubeApi): Promise<string | undefined> {
  const ref = { apiVersion: 'v1', kind: 'Secret', namespace: 'default', name: `zakenak.journal.${name}` };
  const { journal } = ((await kube.get(ref))?.data ?? {}) as { readonly journal?: string };
  if (journal === undefined) return undefined;
  const packed = Buffer.from(Buffer.from(journal, 'base64').toString('latin1'), 'base64');
  for (const bytes of [packed, Buffer.from(journal, 'base64')])
    if (bytes[0] === 0x1f) return (JSON.parse(gunzipSync(bytes).toString('utf8')) as { phase: string }).phase;
  throw new Error(`the journal of ${name} cannot be read`);
}
