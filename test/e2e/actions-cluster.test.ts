import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { connectKube } from '@zakenak/kube';
import type { Sandbox } from '@zakenak/sandbox';
import { annotationsOf, buildBundle, makeWorkspace, runStep, type StepResult } from './actions-fixture.ts';
import { createTestToolchain, startTestSandbox } from './sandbox-fixture.ts';

const toolchain = createTestToolchain();
let bundled: Awaited<ReturnType<typeof buildBundle>>;
let sandbox: Sandbox;

before(async () => {
  await toolchain.prepare(['git', 'helm', 'buildctl', 'buildkitd', 'runc']);
  [bundled, sandbox] = await Promise.all([buildBundle(), startTestSandbox()]);
});

after(async () => {
  await sandbox?.stop();
  await bundled?.remove();
});

const say = (result: StepResult) => `${result.stdout}\n${result.stderr}`;

test('build-push-image pushes, and its digest is the registry’s', async (t) => {
  const workspace = await makeWorkspace(t);
  const base = await workspace.commit({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' });
  const image = `${sandbox.registry}/acme/app`;
  const inputs = { image, push: 'true', tags: 'a,b', builder: 'private', 'insecure-registry': 'true' };
  const step = await runStep(
    bundled.folder,
    'build-push-image',
    workspace.folder,
    inputs,
    workspace.push(base),
  );
  assert.equal(step.exitCode, 0, say(step));
  for (const tag of ['a', 'b']) assert.equal(await digestOf('acme/app', tag), step.outputs.digest);
  assert.equal(step.outputs['image-ref'], `${image}@${step.outputs.digest}`);
  assert.equal(step.outputs.pushed, 'true');
  assert.deepEqual(JSON.parse(step.outputs.tags ?? ''), [`${image}:a`, `${image}:b`]);
});

test('build-push-image names the line of a Dockerfile that does not build, and pushes nothing', async (t) => {
  const workspace = await makeWorkspace(t);
  const base = await workspace.commit({ 'app/Dockerfile': 'FROM scratch\nCOPY missing /\n' });
  const image = `${sandbox.registry}/acme/broken`;
  const inputs = { image, context: 'app', push: 'true', builder: 'private', 'insecure-registry': 'true' };
  const step = await runStep(
    bundled.folder,
    'build-push-image',
    workspace.folder,
    inputs,
    workspace.push(base),
  );
  assert.equal(step.exitCode, 1, say(step));
  assert.match(annotationsOf(step)[0] ?? '', /^::error file=app\/Dockerfile,line=2/);
  assert.equal(step.outputs.result, 'failed');
  assert.equal(await digestOf('acme/broken', 'main'), undefined);
});

test('a fork’s pull request pushes nothing, deploys nothing and reaches no GPU', async (t) => {
  const workspace = await makeWorkspace(t);
  const base = await workspace.commit({
    Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n',
    ...release('fork'),
  });
  const fork = workspace.pullRequest(base, true);
  const asked = {
    'build-push-image': { image: `${sandbox.registry}/acme/fork`, push: 'true', builder: 'private' },
    plan: {},
    'deploy-to-wsl2-runner': {},
    'gpu-smoke-test': {},
  };
  for (const [action, inputs] of Object.entries(asked)) {
    const step = await runStep(bundled.folder, action, workspace.folder, inputs, fork);
    assert.equal(step.exitCode, 5, `${action}: ${say(step)}`);
    assert.match(annotationsOf(step)[0] ?? '', /^::error title=pipeline\/refused-for-fork::/, action);
  }
  assert.equal(await digestOf('acme/fork', 'pr-7'), undefined);
});

test('plan shows, deploy does exactly that, Helm reads it, and a second deploy writes nothing', async (t) => {
  const { workspace, base, env } = await makePlatform(t, 'hello');
  const occasion = { ...workspace.push(base), env };
  const planned = await runStep(
    bundled.folder,
    'plan',
    workspace.folder,
    { 'plan-file': 'plan.json' },
    { ...workspace.pullRequest(base), env },
  );
  assert.equal(planned.exitCode, 0, say(planned));
  assert.equal(planned.outputs['has-changes'], 'true');
  assert.match(planned.summary, /ConfigMap/);
  assert.equal((await readConfigMap('hello')) === undefined, true, 'a plan writes nothing');
  const deployed = await runStep(
    bundled.folder,
    'deploy-to-wsl2-runner',
    workspace.folder,
    { plan: 'plan.json' },
    occasion,
  );
  assert.equal(deployed.exitCode, 0, say(deployed));
  assert.equal(deployed.outputs['plan-id'], planned.outputs['plan-id']);
  assert.deepEqual(JSON.parse(deployed.outputs.revisions ?? ''), { hello: 1 });
  assert.deepEqual(await readConfigMap('hello'), { greeting: 'hello' });
  const helm = await toolchain.resolve('helm');
  const listed = execFileSync(helm, ['list', '-A', '-o', 'json'], {
    env: { ...process.env, KUBECONFIG: sandbox.kubeconfig },
    encoding: 'utf8',
  });
  assert.equal((JSON.parse(listed) as { name: string; status: string }[])[0]?.status, 'deployed');
  const again = await runStep(bundled.folder, 'deploy-to-wsl2-runner', workspace.folder, {}, occasion);
  assert.equal(again.exitCode, 0, say(again));
  assert.equal(again.outputs['has-changes'], 'false');
  assert.deepEqual(JSON.parse(again.outputs.revisions ?? ''), { hello: 1 });
});

test('a release that never becomes ready puts the whole set back, and that is no success', async (t) => {
  const { workspace, base, env } = await makePlatform(t, 'whole');
  const first = { ...workspace.push(base), env };
  const good = await runStep(bundled.folder, 'deploy-to-wsl2-runner', workspace.folder, {}, first);
  assert.equal(good.exitCode, 0, say(good));
  const before = await workspace.commit(release('whole', 'changed', neverReady));
  const occasion = { ...workspace.push(before), env };
  const inputs = { 'wait-timeout': '6s' };
  const step = await runStep(bundled.folder, 'deploy-to-wsl2-runner', workspace.folder, inputs, occasion);
  assert.equal(step.exitCode, 1, say(step));
  assert.equal(step.outputs.result, 'rolled-back');
  assert.equal(step.outputs['rolled-back'], 'true');
  assert.deepEqual(await readConfigMap('whole'), { greeting: 'hello' });
  assert.ok(
    annotationsOf(step).some((line) => line.startsWith('::error ')),
    say(step),
  );
  assert.match(step.summary, /rolled/i);
});

test('a cluster that does not answer is exit code 4 with a remedy', async (t) => {
  const { workspace, base } = await makePlatform(t, 'dead');
  const text = await readFile(sandbox.kubeconfig, 'utf8');
  // Port 1 of loopback: nothing listens there.
  const dead = text.replaceAll(sandbox.apiServer, 'https://127.0.0.1:1');
  assert.notEqual(dead, text);
  await workspace.commit({ kubeconfig: dead });
  const inputs = { kubeconfig: 'kubeconfig' };
  const step = await runStep(bundled.folder, 'plan', workspace.folder, inputs, workspace.push(base));
  assert.equal(step.exitCode, 4, say(step));
  assert.match(annotationsOf(step)[0] ?? '', /^::error title=kube\/unreachable::/);
});

test('gpu-smoke-test says simulated on a simulated node, and fails where it has to be real', async (t) => {
  const workspace = await makeWorkspace(t);
  const base = await workspace.commit({ 'README.md': 'x\n' });
  const occasion = { ...workspace.push(base), env: { KUBECONFIG: sandbox.kubeconfig } };
  const inputs = { level: 'kubernetes', timeout: '30s' };
  const step = await runStep(bundled.folder, 'gpu-smoke-test', workspace.folder, inputs, occasion);
  assert.equal(step.exitCode, 0, say(step));
  assert.equal(step.outputs.result, 'simulated');
  assert.equal(step.outputs['level-reached'], 'kubernetes');
  assert.equal(step.outputs['gpu-count'], '2');
  assert.match(step.summary, /simulated/i);
  const real = { ...inputs, 'require-real': 'true' };
  const refused = await runStep(bundled.folder, 'gpu-smoke-test', workspace.folder, real, occasion);
  assert.equal(refused.exitCode, 1, say(refused));
  assert.equal(refused.outputs.result, 'failed');
});

/** A chart, and the zakenak.yaml that releases it. */
function release(name: string, greeting = 'hello', more = ''): Readonly<Record<string, string>> {
  const configMap = `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\ndata: { greeting: ${greeting} }\n`;
  return {
    'zakenak.yaml': `project: ${name}\nenvironments:\n  test:\n    cluster: { context: current }\ndeploy:\n  namespace: default\n  releases:\n    - { name: ${name}, chart: helm-charts/${name} }\n`,
    [`helm-charts/${name}/Chart.yaml`]: `apiVersion: v2\nname: ${name}\nversion: 0.1.0\n`,
    [`helm-charts/${name}/templates/all.yaml`]: `${configMap}${more}`,
  };
}

/** No node has that many GPUs. */
const neverReady = `---
apiVersion: apps/v1
kind: Deployment
metadata: { name: never }
spec:
  replicas: 1
  selector: { matchLabels: { app: never } }
  template:
    metadata: { labels: { app: never } }
    spec:
      containers:
        - name: never
          image: registry.invalid/never:1
          resources: { limits: { nvidia.com/gpu: 99 } }
`;

async function makePlatform(t: TestContext, name: string) {
  const workspace = await makeWorkspace(t);
  const base = await workspace.commit({ 'README.md': 'x\n' });
  await workspace.commit(release(name));
  return { workspace, base, env: { KUBECONFIG: sandbox.kubeconfig } };
}

async function readConfigMap(name: string): Promise<unknown> {
  const kube = await connectKube({ env: {}, kubeconfig: sandbox.kubeconfig });
  const found = await kube.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default', name });
  return found && (found as { data?: unknown }).data;
}

async function digestOf(repository: string, tag: string): Promise<string | undefined> {
  const accept = 'application/vnd.oci.image.manifest.v1+json';
  const url = `http://${sandbox.registry}/v2/${repository}/manifests/${tag}`;
  const answer = await fetch(url, { method: 'HEAD', headers: { accept } });
  return answer.ok ? (answer.headers.get('docker-content-digest') ?? undefined) : undefined;
}

test('every action tells its own bad use, and none throws', async (t) => {
  const workspace = await makeWorkspace(t);
  const base = await workspace.commit({ 'README.md': 'x\n' });
  const config = join('missing', 'zakenak.yaml');
  for (const action of ['plan', 'deploy-to-wsl2-runner', 'lint-helm', 'pipeline', 'build-push-image']) {
    const step = await runStep(bundled.folder, action, workspace.folder, { config }, workspace.push(base));
    assert.match(say(step), /config\/not-found/, action);
    assert.notEqual(step.exitCode, 70, action);
    assert.notEqual(step.exitCode, 0, action);
  }
});
