import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { KubeApi } from '@zakenak/core';
import { connectKube } from '@zakenak/kube';
import type { Sandbox } from '@zakenak/sandbox';
import { deployment, makeFaultSet } from './deploy-faults-fixture.ts';
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
});
