import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { cp } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { after, before, test } from 'node:test';
import type { KubeApi } from '@zakenak/core';
import { connectKube } from '@zakenak/kube';
import type { Sandbox } from '@zakenak/sandbox';
import { startApiProxy } from './api-proxy.ts';
import { makeWorkspace, reportOf, runCli } from './cli-fixture.ts';
import { makeTestSet, readWrites, type TestSet } from './rollout-fixture.ts';
import { until } from './sandbox-cli.ts';
import { startTestSandbox } from './sandbox-fixture.ts';

let sandbox: Sandbox;
let kube: KubeApi;

before(async () => {
  sandbox = await startTestSandbox();
  kube = await connectKube({ env: {}, kubeconfig: sandbox.kubeconfig });
});
after(() => sandbox?.stop());

const releases = ['base', 'api', 'web'] as const;

const textOf = async ({ name }: TestSet, release: string): Promise<string | undefined> => {
  const found = await kube.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: name, name: release });
  return (found?.data as { text?: string } | undefined)?.text;
};

/** Starts a deploy that stays long enough at its first release for others to step in. */
async function startSlowDeploy(set: TestSet, readyAfter: string) {
  await set.setValues({ base: { text: 'slow', readyAfter } });
  let child: ChildProcess | undefined;
  const ended = set.run(['deploy'], {
    onStart: (started) => {
      child = started;
    },
  });
  await until('the slow deploy waits', async () => (await textOf(set, 'base')) === 'slow', 20_000);
  return { child: child as ChildProcess, ended };
}

test('a deploy that was stopped past its lease writes nothing more when it wakes', async (t) => {
  const set = await makeTestSet(t, sandbox);
  const { child, ended } = await startSlowDeploy(set, '40s');
  child.kill('SIGSTOP');
  await set.setValues({ base: { text: 'second' }, api: { text: 'second' }, web: { text: 'second' } });
  const second = await set.run(['deploy', '--lock-timeout', '1m']);
  assert.equal(second.report.verdict, 'simulated', second.report.summary);
  const before = await readWrites(sandbox, set.name);
  child.kill('SIGCONT');
  const { report, exitCode } = await ended;
  assert.equal(report.error?.code, 'rollout/lock-lost');
  assert.equal(exitCode, 4);
  assert.deepEqual(await readWrites(sandbox, set.name), before);
  assert.equal(await textOf(set, 'base'), 'second');
});

test('a deploy that was stopped while it took the lock writes nothing when it is told that it has it', async (t) => {
  await using proxy = await startApiProxy(sandbox);
  const set = await makeTestSet(t, sandbox);
  await set.setValues({ base: { text: 'first' } });
  let child: ChildProcess | undefined;
  const ended = set.run(['deploy', '--kubeconfig', proxy.kubeconfig], {
    onStart: (started) => {
      child = started;
      proxy.afterWrite(1, () => started.kill('SIGSTOP'));
    },
  });
  await until('it takes the lock', async () => proxy.writes === 1, 20_000);
  await set.setValues({ base: { text: 'second' } });
  const second = await set.run(['deploy', '--lock-timeout', '1m']);
  assert.equal(second.report.verdict, 'simulated', second.report.summary);
  const before = await readWrites(sandbox, set.name);
  child?.kill('SIGCONT');
  const { report } = await ended;
  assert.equal(report.error?.code, 'rollout/lock-lost', report.summary);
  assert.deepEqual(await readWrites(sandbox, set.name), before);
  assert.equal(await textOf(set, 'base'), 'second');
});

test('a deploy of a newer commit stops a running one between two operations and goes on from there', async (t) => {
  const set = await makeTestSet(t, sandbox);
  await set.workspace.commit();
  const { ended } = await startSlowDeploy(set, '40s');
  await set.setValues({ base: { text: 'newer' } });
  await set.workspace.commit();
  const newer = await set.run(['deploy', '--lock-timeout', '30s']);
  assert.equal(newer.report.verdict, 'simulated', newer.report.summary);
  const { report, exitCode } = await ended;
  assert.equal(report.error?.code, 'rollout/preempted');
  assert.equal(exitCode, 5);
  assert.equal(await textOf(set, 'base'), 'newer');
});

test('a hook that a stopped deploy was at does not stand in the way of the newer commit’s, which is another', async (t) => {
  const set = await makeTestSet(t, sandbox);
  const hook = `{{- if hasKey .Values "migrate" }}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-migrate
  annotations: { helm.sh/hook: pre-upgrade, helm.sh/hook-delete-policy: hook-succeeded }
spec:
  template:
    metadata: { annotations: { zakenak.dev/simulate: {{ .Values.migrate | quote }} } }
    spec: { restartPolicy: Never, containers: [{ name: hook, image: "example/hook:1" }] }
{{- end }}
`;
  await set.workspace.write({ 'charts/app/templates/migrate.yaml': hook });
  await set.workspace.commit();
  await set.run(['deploy']);
  await set.setValues({ base: { text: 'second', migrate: 'never-complete' } });
  await set.workspace.commit();
  const older = set.run(['deploy']);
  const job = { apiVersion: 'batch/v1', kind: 'Job', namespace: set.name, name: 'base-migrate' };
  await until('the hook runs', async () => Boolean(await kube.get(job)), 20_000);
  await set.setValues({ base: { text: 'third', migrate: '' } });
  await set.workspace.commit();
  const newer = await set.run(['deploy', '--lock-timeout', '30s']);
  assert.equal(newer.report.verdict, 'simulated', newer.report.summary);
  assert.equal((await older).report.error?.code, 'rollout/preempted');
  assert.equal(await textOf(set, 'base'), 'third');
  assert.equal(await kube.get(job), undefined);
});

test('an API server that is busy, fails and drops connections delays a deploy and changes nothing about it', async (t) => {
  const set = await makeTestSet(t, sandbox);
  await using proxy = await startApiProxy(sandbox);
  let [count, disturbed] = [0, 0];
  // Every third request meets one of them, the watches' too: a retry may meet the next.
  const disturb = ({ url = '' }: IncomingMessage) => {
    count += 1;
    if (count % 3 !== 0 || url.startsWith('/version')) return undefined;
    disturbed += 1;
    const kinds = [
      { status: 429, headers: { 'retry-after': '1' } },
      { status: 500 },
      { status: 503 },
      'drop',
    ] as const;
    return kinds[disturbed % kinds.length];
  };
  proxy.intercept(disturb);
  const { report } = await set.run(['deploy', '--kubeconfig', proxy.kubeconfig]);
  assert.equal(report.verdict, 'simulated', report.error?.message ?? report.summary);
  assert.ok(disturbed > 10, `${disturbed} requests were disturbed`);
  const again = await set.run(['deploy']);
  assert.equal(again.report.outputs['has-changes'], false);
});

test('eight deploys of different contents at once: no two write at a time, and each one’s state was whole', async (t) => {
  const set = await makeTestSet(t, sandbox);
  const texts = Array.from({ length: 8 }, (_, index) => `text-${index}`);
  // Each from a checkout of its own, as runners have them.
  const runs = await Promise.all(
    texts.map(async (text) => {
      const { root, write } = await makeWorkspace(t);
      await cp(set.workspace.root, root, { recursive: true });
      await write({
        'values.yaml': JSON.stringify(Object.fromEntries(releases.map((name) => [name, { text }]))),
      });
      const place = ['--directory', root, '--kubeconfig', sandbox.kubeconfig];
      return reportOf(await runCli(['deploy', '--json', '--lock-timeout', '4m', ...place]));
    }),
  );
  assert.deepEqual(
    runs.map(({ verdict }) => verdict),
    texts.map(() => 'simulated'),
    runs.map(({ error, summary }) => error?.message ?? summary).join('\n'),
  );
  const revisions = new Map<string, readonly string[]>();
  for (const name of releases) {
    const labelSelector = `owner=helm,name=${name}`;
    const { items } = await kube.list({
      apiVersion: 'v1',
      kind: 'Secret',
      namespace: set.name,
      labelSelector,
    });
    const ordered = items
      .map(({ metadata }) => metadata.labels ?? {})
      .sort((a, b) => Number(a['version']) - Number(b['version']));
    assert.equal(ordered.length, 8, name);
    revisions.set(
      name,
      ordered.map((labels) => labels['zakenak.dev/rollout'] ?? ''),
    );
  }
  // One after the other through the whole set: the same rollouts in the same order everywhere.
  assert.deepEqual(revisions.get('api'), revisions.get('base'));
  assert.deepEqual(revisions.get('web'), revisions.get('base'));
  assert.equal(new Set(revisions.get('base')).size, 8);
  const last = await Promise.all(releases.map((name) => textOf(set, name)));
  assert.equal(new Set(last).size, 1, last.join());
  // Of the objects' writes, too, those of one deploy stand together.
  const written = (await readWrites(sandbox, set.name)).filter(
    ({ resource, verb }) => resource === 'configmaps' && verb !== 'delete',
  );
  assert.deepEqual(
    written.map(({ name }) => name),
    texts.flatMap(() => releases),
  );
});
