import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { annotationsOf, buildBundle, makeWorkspace, runStep, type StepResult } from './actions-fixture.ts';
import { createTestToolchain } from './sandbox-fixture.ts';
import { makeToken } from './secrets-fixture.ts';

let bundled: Awaited<ReturnType<typeof buildBundle>>;

before(async () => {
  await createTestToolchain().prepare(['git', 'helm', 'kubeconform', 'gitleaks', 'ssh-keygen']);
  bundled = await buildBundle();
});

after(() => bundled?.remove());

const configMap = (line: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\ndata:\n  ${line}\n`;
const chart = {
  'helm-charts/web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 0.1.0\n',
  'helm-charts/web/values.yaml': 'greeting: hello\n',
  'helm-charts/web/templates/configmap.yaml': configMap('greeting: {{ .Values.greeting }}'),
};

/** What people get to see: the runner keeps ::add-mask:: to itself. */
const seenOf = (result: StepResult) =>
  JSON.stringify(result.stdout.replace(/^::add-mask::.*$/gm, '')) + JSON.stringify({ ...result, stdout: '' });

const say = (result: StepResult) => `${result.stdout}\n${result.stderr}`;

test('lint-helm passes a chart that holds, and hands on what it counted', async (t) => {
  const workspace = await makeWorkspace(t);
  const base = await workspace.commit(chart);
  await workspace.commit({ 'README.md': 'x\n' });
  const inputs = { 'output-dir': 'reports' };
  const step = await runStep(bundled.folder, 'lint-helm', workspace.folder, inputs, workspace.push(base));
  assert.equal(step.exitCode, 0, say(step));
  // Helm's advice fails nothing.
  assert.deepEqual(annotationsOf(step), [
    '::notice file=helm-charts/web/Chart.yaml,title=charts/helm-lint::icon is recommended (helm lint)',
  ]);
  assert.deepEqual(step.outputs, {
    'changed-charts': '["helm-charts/web"]',
    'findings-count': '1',
    'new-count': '1',
    errors: '0',
    warnings: '0',
    result: 'passed',
    'report-file': 'reports/report.md',
    'sarif-file': 'reports/report.sarif',
  });
  assert.match(step.summary, /passed/i);
  const sarif = JSON.parse(await readFile(join(workspace.folder, 'reports/report.sarif'), 'utf8'));
  assert.equal(sarif.version, '2.1.0');
});

test('lint-helm fails a pull request whose template breaks, on the template’s line', async (t) => {
  const workspace = await makeWorkspace(t);
  const base = await workspace.commit(chart);
  const broken = configMap('greeting: {{ required "name it" .Values.name }}');
  await workspace.commit({ 'helm-charts/web/templates/configmap.yaml': broken });
  const occasion = workspace.pullRequest(base);
  const step = await runStep(
    bundled.folder,
    'lint-helm',
    workspace.folder,
    { 'changed-only': 'true' },
    occasion,
  );
  assert.equal(step.exitCode, 1, say(step));
  assert.equal(step.outputs.result, 'failed');
  assert.equal(step.outputs.errors, '1');
  const [annotation = ''] = annotationsOf(step);
  assert.match(annotation, /^::error file=helm-charts\/web\/templates\/configmap\.yaml,line=6,/);
  assert.match(annotation, /name it/);
  assert.match(step.summary, /helm-charts\/web\/templates\/configmap\.yaml/);
});

test('a bad input ends with 2, its code as the annotation’s title, and the remedy in the summary', async (t) => {
  const workspace = await makeWorkspace(t);
  const base = await workspace.commit(chart);
  const inputs = { 'fail-on': 'sometimes' };
  const step = await runStep(bundled.folder, 'lint-helm', workspace.folder, inputs, workspace.push(base));
  assert.equal(step.exitCode, 2, say(step));
  assert.equal(step.outputs.result, 'errored');
  assert.match(annotationsOf(step)[0] ?? '', /^::error title=input\/invalid::/);
  assert.match(step.summary, /input\/invalid/);
});

test('an action runs from the source tree too, as `uses: ./actions/lint-helm` has it', async (t) => {
  const workspace = await makeWorkspace(t);
  const base = await workspace.commit(chart);
  const source = join(import.meta.dirname, '../../actions');
  const step = await runStep(source, 'lint-helm', workspace.folder, {}, workspace.push(base));
  assert.equal(step.exitCode, 0, say(step));
  assert.equal(step.outputs['changed-charts'], '["helm-charts/web"]');
});

test('scan-secrets stops a pull request with a leaked token, and shows it nowhere', async (t) => {
  const workspace = await makeWorkspace(t);
  const base = await workspace.commit({ 'README.md': 'x\n' });
  const token = makeToken();
  await workspace.commit({ 'deploy.env': `FIRST=1\nGITHUB_TOKEN=${token}\n` });
  // Removed again, and still in the history that would be merged.
  await workspace.commit({ 'deploy.env': 'FIRST=1\n' });
  const occasion = workspace.pullRequest(base);
  const step = await runStep(bundled.folder, 'scan-secrets', workspace.folder, {}, occasion);
  assert.equal(step.exitCode, 1, say(step));
  assert.equal(step.outputs['new-count'], '1');
  assert.equal(step.outputs['commits-scanned'], '2');
  assert.match(annotationsOf(step)[0] ?? '', /^::error file=deploy\.env,line=2/);
  assert.equal(seenOf(step).includes(token), false);
});

test('scan-secrets passes a push without secrets', async (t) => {
  const workspace = await makeWorkspace(t);
  const base = await workspace.commit({ 'README.md': 'x\n' });
  await workspace.commit({ 'README.md': 'y\n' });
  const step = await runStep(bundled.folder, 'scan-secrets', workspace.folder, {}, workspace.push(base));
  assert.equal(step.exitCode, 0, say(step));
  assert.equal(step.outputs['commits-scanned'], '1');
  assert.equal(step.outputs.result, 'passed');
});

test('a shallow clone is refused, not passed', async (t) => {
  const workspace = await makeWorkspace(t);
  const base = await workspace.commit({ 'README.md': 'x\n' });
  await workspace.commit({ 'README.md': 'y\n' });
  const occasion = workspace.pullRequest(base);
  const shallow = join(await mkdtemp(join(tmpdir(), 'zakenak-shallow-')), 'clone');
  t.after(() => rm(join(shallow, '..'), { recursive: true, force: true }));
  execFileSync('git', ['clone', '-q', '--depth', '1', `file://${workspace.folder}`, shallow]);
  const step = await runStep(bundled.folder, 'scan-secrets', shallow, {}, occasion);
  assert.equal(step.exitCode, 2, say(step));
  assert.equal(step.outputs.result, 'errored');
  assert.match(annotationsOf(step)[0] ?? '', /title=git\/shallow-clone::.*fetch-depth/);
});

test('sign-verify-commits lets signed commits through, and names the one that is not', async (t) => {
  const { workspace, key } = await makeSignedWorkspace(t);
  const base = workspace.git('rev-parse', 'HEAD');
  const signed = signedCommit(workspace.folder, key);
  const good = await runStep(
    bundled.folder,
    'sign-verify-commits',
    workspace.folder,
    {},
    workspace.push(base),
  );
  assert.equal(good.exitCode, 0, say(good));
  assert.equal(good.outputs.total, '1');
  assert.deepEqual(Object.keys(JSON.parse(good.outputs['signer-map'] ?? '{}')), [signed]);
  const unsigned = await workspace.commit({ 'a.txt': 'a\n' });
  const occasion = workspace.pullRequest(base);
  const bad = await runStep(bundled.folder, 'sign-verify-commits', workspace.folder, {}, occasion);
  assert.equal(bad.exitCode, 1, say(bad));
  assert.equal(bad.outputs.verified, '1');
  assert.deepEqual(JSON.parse(bad.outputs.unverified ?? '{}'), { [unsigned]: 'commit/unsigned' });
  assert.match(bad.summary, new RegExp(unsigned.slice(0, 7)));
});

test('a pull request cannot bring its own signers', async (t) => {
  const { workspace } = await makeSignedWorkspace(t);
  const base = workspace.git('rev-parse', 'HEAD');
  const intruder = await makeKey(t);
  await workspace.commit({ '.zakenak/allowed_signers': await signersLine(intruder) });
  signedCommit(workspace.folder, intruder);
  const occasion = workspace.pullRequest(base);
  const step = await runStep(bundled.folder, 'sign-verify-commits', workspace.folder, {}, occasion);
  assert.equal(step.exitCode, 1, say(step));
  assert.equal(step.outputs.verified, '0');
});

test('pipeline judges a pull request as a whole, each stage’s findings at once', async (t) => {
  const workspace = await makeWorkspace(t);
  const base = await workspace.commit({ ...chart, 'zakenak.yaml': config });
  await workspace.commit({ 'README.md': 'better\n' });
  const good = await runStep(bundled.folder, 'pipeline', workspace.folder, {}, workspace.pullRequest(base));
  assert.equal(good.exitCode, 0, say(good));
  const stages = JSON.parse(good.outputs.verdicts ?? '{}');
  assert.deepEqual([stages.config, stages.lint, stages.secrets], ['passed', 'passed', 'passed']);
  const token = makeToken();
  await workspace.commit({
    'leak.env': `GITHUB_TOKEN=${token}\n`,
    'helm-charts/web/templates/configmap.yaml': configMap('greeting: {{ .Values.greeting | nope }}'),
  });
  const bad = await runStep(
    bundled.folder,
    'pipeline',
    workspace.folder,
    {},
    workspace.pullRequest(base, true),
  );
  assert.equal(bad.exitCode, 1, say(bad));
  const verdicts = JSON.parse(bad.outputs.verdicts ?? '{}');
  assert.deepEqual([verdicts.lint, verdicts.secrets], ['failed', 'failed']);
  const places = annotationsOf(bad).map((line) => /file=([^,]+)/.exec(line)?.[1]);
  assert.ok(places.includes('leak.env'), say(bad));
  assert.ok(places.includes('helm-charts/web/templates/configmap.yaml'), say(bad));
  assert.equal(seenOf(bad).includes(token), false);
});

test('a zakenak.yaml that does not load is told with line and column, beside the other stages’ findings', async (t) => {
  const workspace = await makeWorkspace(t);
  const base = await workspace.commit({ ...chart, 'zakenak.yaml': config });
  await workspace.commit({ 'zakenak.yaml': config.replace('deploy:', 'deplyo:') });
  const step = await runStep(bundled.folder, 'pipeline', workspace.folder, {}, workspace.pullRequest(base));
  assert.equal(step.exitCode, 1, say(step));
  assert.ok(
    annotationsOf(step).some(
      (line) => /file=zakenak\.yaml,line=\d+,col=\d+/.test(line) && /deploy/.test(line),
    ),
    say(step),
  );
});

test('the report becomes one comment and one status, found again by the next run', async (t) => {
  const workspace = await makeWorkspace(t);
  const base = await workspace.commit(chart);
  await workspace.commit({ 'README.md': 'better\n' });
  const github = await startGithub(t);
  const occasion = workspace.pullRequest(base);
  const env = { GITHUB_API_URL: github.url };
  const inputs = { token: randomBytes(20).toString('hex'), comment: 'true', status: 'true' };
  for (let round = 0; round < 2; round += 1) {
    const step = await runStep(bundled.folder, 'lint-helm', workspace.folder, inputs, { ...occasion, env });
    assert.equal(step.exitCode, 0, say(step));
    assert.equal(step.stderr.includes('did not reach'), false, say(step));
    assert.match(github.comments[0]?.body ?? '', /lint-helm[\s\S]*passed/i);
  }
  const broken = configMap('greeting: {{ required "name it" .Values.name }}');
  await workspace.commit({ 'helm-charts/web/templates/configmap.yaml': broken });
  const failed = await runStep(bundled.folder, 'lint-helm', workspace.folder, inputs, {
    ...workspace.pullRequest(base),
    env,
  });
  assert.equal(failed.exitCode, 1, say(failed));
  assert.equal(github.comments.length, 1);
  assert.match(github.comments[0]?.body ?? '', /lint-helm[\s\S]*failed/i);
  assert.deepEqual(
    github.statuses.map(({ context, state }) => [context, state]),
    [
      ['zakenak', 'success'],
      ['zakenak', 'success'],
      ['zakenak', 'failure'],
    ],
  );
  assert.deepEqual([...github.tokens], [`token ${inputs.token}`]);
});

/** The part of GitHub's API that comments and statuses need, on loopback. */
async function startGithub(t: TestContext) {
  const comments: { id: number; body: string }[] = [];
  const statuses: { context: string; state: string }[] = [];
  const tokens = new Set<string>();
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const body = text === '' ? {} : JSON.parse(text);
    tokens.add(request.headers.authorization ?? 'none');
    const answer = (status: number, value: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    const route = `${request.method} ${request.url?.replace(/\?.*/, '')}`;
    const page = (comment: { id: number; body: string }) => ({
      ...comment,
      html_url: 'https://github.com/c',
      user: { login: 'github-actions[bot]', type: 'Bot' },
    });
    // A workflow's token may not ask who it is.
    if (route === 'GET /user') return answer(403, { message: 'Resource not accessible by integration' });
    if (route === 'GET /repos/acme/platform/issues/7/comments') return answer(200, comments.map(page));
    if (route === 'POST /repos/acme/platform/issues/7/comments') {
      comments.push({ id: comments.length + 1, body: body.body });
      return answer(201, page(comments.at(-1) ?? { id: 0, body: '' }));
    }
    const patched = comments.find(({ id }) => route === `PATCH /repos/acme/platform/issues/comments/${id}`);
    if (patched) return answer(200, page(Object.assign(patched, { body: body.body })));
    if (route.startsWith('POST /repos/acme/platform/statuses/')) {
      statuses.push(body);
      return answer(201, {});
    }
    return answer(404, { message: route });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, comments, statuses, tokens };
}

const config = `project: shop
environments:
  prod:
    cluster: { context: current }
deploy:
  releases:
    - { name: web, chart: helm-charts/web }
`;

/** A repository whose first commit lists one signer. */
async function makeSignedWorkspace(t: TestContext) {
  const workspace = await makeWorkspace(t);
  const key = await makeKey(t);
  await workspace.commit({ '.zakenak/allowed_signers': await signersLine(key) });
  return { workspace, key };
}

async function makeKey(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'zakenak-key-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, randomBytes(4).toString('hex'));
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', path]);
  return path;
}

async function signersLine(key: string): Promise<string> {
  return `test@example.invalid ${await readFile(`${key}.pub`, 'utf8')}`;
}

function signedCommit(cwd: string, key: string): string {
  const settings = ['-c', 'gpg.format=ssh', '-c', `user.signingKey=${key}`];
  execFileSync('git', [...settings, 'commit', '-q', '-S', '--allow-empty', '-m', 'feat: signed'], { cwd });
  return execFileSync('git', ['rev-parse', 'HEAD'], { cwd, encoding: 'utf8' }).trim();
}
