import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { KubeApi } from '@zakenak/core';
import { connectKube } from '@zakenak/kube';
import type { Sandbox } from '@zakenak/sandbox';
import { deployment, makeFaultSet } from './deploy-faults-fixture.ts';
import { readWrites } from './rollout-fixture.ts';
import { until } from './sandbox-cli.ts';
import { startTestSandbox } from './sandbox-fixture.ts';

let sandbox: Sandbox;
let kube: KubeApi;

before(async () => {
  sandbox = await startTestSandbox();
  kube = await connectKube({ env: {}, kubeconfig: sandbox.kubeconfig });
});
after(() => sandbox?.stop());

const widgets = (group: string, hasStatus: boolean) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `widgets.${group}` },
  spec: {
    group,
    scope: 'Namespaced',
    names: { kind: 'Widget', plural: 'widgets', singular: 'widget', listKind: 'WidgetList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        },
        ...(hasStatus ? { subresources: { status: {} } } : {}),
      },
    ],
  },
});
const widget = (group: string, wait?: string) => `apiVersion: ${group}/v1
kind: Widget
metadata: { name: one${wait ? `, annotations: { zakenak.dev/wait: ${wait} }` : ''} }
spec: { size: 1 }
`;

describe('custom resources are waited for as their status and their annotation ask', {
  concurrency: 3,
}, () => {
  before(async () => {
    for (const [group, hasStatus] of [
      ['status.example.com', true],
      ['plain.example.com', false],
    ] as const) {
      const crd = await kube.create(widgets(group, hasStatus));
      const isServed = async () => {
        kube.refreshDiscovery();
        return (await kube.resources()).some(({ apiVersion }) => apiVersion === `${group}/v1`);
      };
      await until(`${crd.metadata.name} is served`, isServed, 30_000);
    }
  });

  const deployed = async (t: TestContext, manifest: string, timeout = '60s') => {
    const set = await makeFaultSet(t, sandbox, manifest, timeout);
    const started = performance.now();
    const running = set.run(['deploy', '--on-failure', 'keep']);
    const outcome = running.then((run) => ({ ...run, seconds: (performance.now() - started) / 1_000 }));
    return {
      set,
      outcome,
      one: { apiVersion: 'status.example.com/v1', kind: 'Widget', namespace: set.name, name: 'one' },
    };
  };

  test('one that nobody answers counts as ready after five seconds, and at once on the next deploy', async (t) => {
    const { set, outcome } = await deployed(t, widget('status.example.com'));
    const { exitCode, report, seconds } = await outcome;
    assert.equal(exitCode, 0, report.summary);
    assert.ok(seconds > 4, `it was given ${seconds.toFixed(1)} s`);
    const started = performance.now();
    assert.equal((await set.run(['deploy'])).exitCode, 0);
    assert.ok(performance.now() - started < 4_000);
  });

  test('one whose controller answers late is waited for, and its failure is told', async (t) => {
    const { outcome, one } = await deployed(t, widget('status.example.com'));
    await until('the widget', async () => (await kube.get(one)) !== undefined, 30_000);
    const stalled = { type: 'Stalled', status: 'True', reason: 'NoSprings', message: 'it has no springs' };
    await kube.patch(one, 'merge', { status: { conditions: [stalled] } }, { subresource: 'status' });
    const { exitCode, report } = await outcome;
    assert.equal(exitCode, 1, report.summary);
    assert.match(report.findings[0]?.message ?? '', /^web: Widget \S+\/one: it has no springs/);
  });

  const rules = `health:
  - { apiVersion: status.example.com/v1, kind: Widget, ready: "status.phase == 'Up'", failed: "status.phase == 'Broken'" }
`;

  for (const [phase, exitCode] of [
    ['Up', 0],
    ['Broken', 1],
  ] as const)
    test(`one whose kind has a rule is judged by it and nothing else: ${phase}`, async (t) => {
      const set = await makeFaultSet(t, sandbox, widget('status.example.com'), '60s');
      const config = await readFile(join(set.workspace.root, 'zakenak.yaml'), 'utf8');
      await set.workspace.write({ 'zakenak.yaml': config + rules });
      const one = { apiVersion: 'status.example.com/v1', kind: 'Widget', namespace: set.name, name: 'one' };
      const running = set.run(['deploy', '--on-failure', 'keep']);
      await until('the widget', async () => (await kube.get(one)) !== undefined, 30_000);
      const ready = { type: 'Ready', status: 'True', reason: 'x', message: 'nobody asks for this' };
      await kube.patch(one, 'merge', { status: { conditions: [ready] } }, { subresource: 'status' });
      const early = await Promise.race([running, delay(6_000, 'waits' as const)]);
      assert.equal(early, 'waits', 'neither Ready nor five seconds are what the rule asks for');
      await kube.patch(one, 'merge', { status: { phase } }, { subresource: 'status' });
      const outcome = await running;
      assert.equal(outcome.exitCode, exitCode, outcome.report.summary);
      if (phase === 'Broken')
        assert.match(outcome.report.summary, /Widget \S+\/one: status\.phase == 'Broken' is true/);
      const { releases } = (await set.run(['status'])).report.outputs as {
        releases: readonly { readonly health: string }[];
      };
      if (phase === 'Up') assert.equal(releases[0]?.health, 'ready');
    });

  test('an expression that is none is refused by the plan, and nothing is written', async (t) => {
    const manifest = widget('status.example.com').replace(
      '{ name: one }',
      '{ name: one, annotations: { zakenak.dev/ready-when: "status." } }',
    );
    const set = await makeFaultSet(t, sandbox, manifest);
    const { exitCode, report } = await set.run(['deploy']);
    assert.deepEqual([exitCode, report.error?.code], [2, 'rollout/bad-expression']);
    assert.match(report.error?.message ?? '', /zakenak\.dev\/ready-when of Widget \S+\/one/);
    assert.deepEqual(await readWrites(sandbox, set.name), []);
  });

  test('one that requires an answer is not let go without any', async (t) => {
    const { outcome } = await deployed(t, widget('status.example.com', 'require'), '7s');
    const { exitCode, report } = await outcome;
    assert.equal(exitCode, 1, report.summary);
    assert.match(
      report.findings[0]?.message ?? '',
      /not ready after 7 s: Widget \S+\/one: no controller has written a status for it yet/,
    );
  });

  test('a kind without a status, and one that is ignored, cost no wait', async (t) => {
    for (const manifest of [widget('plain.example.com'), widget('status.example.com', 'ignore')]) {
      const { exitCode, report, seconds } = await (await deployed(t, manifest)).outcome;
      assert.equal(exitCode, 0, report.summary);
      assert.ok(seconds < 4, `it took ${seconds.toFixed(1)} s`);
    }
  });

  test('one that is ignored makes no release unhealthy, and another does', async (t) => {
    for (const [wait, exitCode] of [
      ['ignore', 0],
      ['warn', 1],
    ] as const) {
      const { set, outcome, one } = await deployed(t, widget('status.example.com', wait));
      await outcome;
      const stalled = { type: 'Stalled', status: 'True', reason: 'NoDisk', message: 'there is no disk' };
      await kube.patch(one, 'merge', { status: { conditions: [stalled] } }, { subresource: 'status' });
      const status = await set.run(['status']);
      assert.equal(status.exitCode, exitCode, `${wait}: ${status.report.summary}`);
    }
  });

  test('an object that only warns is a caveat of a deploy that goes on', async (t) => {
    const manifest = deployment({ simulate: 'crash-loop' }).replace(
      '{ name: web }',
      '{ name: web, annotations: { zakenak.dev/wait: warn } }',
    );
    const { exitCode, report } = await (await deployed(t, manifest)).outcome;
    assert.equal(exitCode, 0, report.summary);
    assert.match(
      report.caveats.join('\n'),
      /Deployment \S+\/web: pod web-\S+: container web: CrashLoopBackOff: .*zakenak\.dev\/wait: warn/,
    );
  });

  test('what is ready and yet runs nowhere is told, by a deploy of nothing new as well', async (t) => {
    const manifest = deployment({ spec: 'nodeSelector: { example.com/gpu: present }' })
      .replace('Deployment', 'DaemonSet')
      .replace('replicas: 1, ', '');
    const { set, outcome } = await deployed(t, manifest);
    for (const { exitCode, report } of [await outcome, await set.run(['deploy'])]) {
      assert.equal(exitCode, 0, report.summary);
      assert.match(report.caveats.join('\n'), /DaemonSet \S+\/web: it runs nowhere: no node fits/);
    }
  });
});
