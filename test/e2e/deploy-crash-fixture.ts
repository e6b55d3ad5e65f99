import assert from 'node:assert/strict';
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

/** Kills a deploy with SIGKILL right after its `nth` write has reached the server; false where it ended before that. */
export async function killAfterWrite(
  set: TestSet,
  proxy: ApiProxy,
  nth: number,
  flags: readonly string[] = [],
): Promise<boolean> {
  let killed = false;
  const { signal } = await set.run(['deploy', ...flags, '--kubeconfig', proxy.kubeconfig], {
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
