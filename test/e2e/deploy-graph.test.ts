import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KubeApi } from '@zakenak/core';
import { connectKube } from '@zakenak/kube';
import type { Sandbox } from '@zakenak/sandbox';
import { dumpNamespace, makeTestSet } from './rollout-fixture.ts';
import { startTestSandbox } from './sandbox-fixture.ts';

let sandbox: Sandbox;
let kube: KubeApi;

before(async () => {
  sandbox = await startTestSandbox();
  kube = await connectKube({ env: {}, kubeconfig: sandbox.kubeconfig });
});
after(() => sandbox?.stop());

/** Numbers from a seed (mulberry32), so that a failure can be seen again. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** An object that was pruned and came back is another one with the same content. */
const withoutUids = (dump: string) =>
  dump
    .replace(/"uid":"[^"]*",/g, '')
    .split('\n')
    .sort()
    .join('\n');

const faults = ['crash-loop', 'image-pull-error'] as const;

for (const seed of [1, 2, 3, 4]) {
  test(`a random graph with a random failing release ends byte for byte as before (seed ${seed})`, async (t) => {
    const random = createRandom(seed);
    const set = await makeTestSet(t, sandbox);
    const names = Array.from({ length: 4 + random(5) }, (_, index) => `r${index}`);
    const releases = names.map((name, index) => {
      const needs = names.slice(0, index).filter(() => random(3) === 0);
      return `    - { name: ${name}, chart: charts/app, timeout: 30s, needs: [${needs.join(', ')}] }`;
    });
    const config = `project: ${set.name.replace(/-test$/, '')}
environments: { test: { cluster: { context: zakenak-sandbox }, values: [values.yaml] } }
deploy:
  namespace: ${set.name}
  releases:
${releases.join('\n')}
`;
    const change = (name: string) => ({
      password: set.canary,
      text: `text ${random(3)}`,
      replicas: 1 + random(2),
      extra: Object.fromEntries(names.filter(() => random(4) === 0).map((key) => [`${name}-${key}`, 'x'])),
    });
    await set.workspace.write({ 'zakenak.yaml': config });
    const write = (values: unknown) => set.workspace.write({ 'values.yaml': JSON.stringify(values) });
    await write(Object.fromEntries(names.map((name) => [name, change(name)])));
    const first = await set.run(['deploy']);
    assert.equal(first.report.verdict, 'simulated', first.report.summary);
    const before = await dumpNamespace(kube, set.name);
    const victim = names[random(names.length)] as string;
    const changed = new Map<string, object>(names.map((name) => [name, change(name)]));
    changed.set(victim, { ...change(victim), text: 'broken', simulate: faults[random(2)] });
    await write(Object.fromEntries(changed));
    const { report } = await set.run(['deploy']);
    assert.equal(report.verdict, 'rolled-back', report.summary);
    assert.ok(
      report.findings.some(({ message }) => message.startsWith(`${victim}: `)),
      JSON.stringify(report.findings),
    );
    assert.equal(withoutUids(await dumpNamespace(kube, set.name)), withoutUids(before));
    assert.equal((await set.run(['status'])).exitCode, 0);
  });
}
