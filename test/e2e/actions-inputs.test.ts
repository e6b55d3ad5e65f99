import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chownSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import { annotationsOf, makeWorkspace, type Occasion, runStep, type StepResult } from './actions-fixture.ts';
import { createTestToolchain } from './sandbox-fixture.ts';
import { makeToken } from './secrets-fixture.ts';

const source = join(import.meta.dirname, '../../actions');

before(() => createTestToolchain().prepare(['git', 'helm', 'kubeconform', 'gitleaks', 'ssh-keygen']));

const say = (result: StepResult) => `${result.stdout}\n${result.stderr}`;

/** A step that ends as it should. */
async function step(
  workspace: { readonly folder: string },
  action: string,
  inputs: Readonly<Record<string, string>>,
  occasion: Occasion,
  exitCode: number,
): Promise<StepResult> {
  const result = await runStep(source, action, workspace.folder, inputs, occasion);
  assert.equal(result.exitCode, exitCode, `${JSON.stringify(inputs)}\n${say(result)}`);
  return result;
}

const codeOf = (result: StepResult) => /^::error title=([\w/-]+)::/.exec(annotationsOf(result)[0] ?? '')?.[1];

const pod = (...containers: readonly string[]) =>
  `apiVersion: v1\nkind: Pod\nmetadata: { name: web }\nspec:\n  containers:\n${containers
    .map((name) => `    - { name: ${name}, image: "web:latest", resources: {} }\n`)
    .join('')}`;
const chartOf = (name: string, version: string, ...containers: readonly string[]) => ({
  [`helm-charts/${name}/Chart.yaml`]: `apiVersion: v2\nname: ${name}\nversion: ${version}\n`,
  [`helm-charts/${name}/templates/pod.yaml`]: pod(...containers),
});

test('lint-helm: severity-threshold is fail-on, and both at odds are refused', async (t) => {
  const workspace = await makeWorkspace(t);
  const base = await workspace.commit(chartOf('web', '0.1.0', 'a'));
  const occasion = workspace.push(base);
  await step(workspace, 'lint-helm', {}, occasion, 0);
  await step(workspace, 'lint-helm', { 'severity-threshold': 'medium' }, occasion, 1);
  await step(workspace, 'lint-helm', { 'severity-threshold': 'high', 'fail-on': 'high' }, occasion, 0);
  const inputs = { 'severity-threshold': 'none', 'fail-on': 'low' };
  assert.equal(codeOf(await step(workspace, 'lint-helm', inputs, occasion, 2)), 'input/conflict');
});

test('lint-helm: base-ref is what changed-only and version-bump compare with, from where it branched off', async (t) => {
  const workspace = await makeWorkspace(t);
  const { git, commit } = workspace;
  const first = await commit({ ...chartOf('web', '0.1.0', 'a'), ...chartOf('db', '0.1.0', 'a') });
  git('switch', '-q', '-c', 'topic');
  await commit(chartOf('web', '0.1.0', 'a', 'b'));
  const before = await commit({ 'README.md': 'x\n' });
  await commit({ 'README.md': 'y\n' });
  // Only origin's, as in a CI host's checkout; and it has moved on.
  git('switch', '-q', '--detach', first);
  const moved = await commit(chartOf('db', '0.2.0', 'a'));
  git('update-ref', 'refs/remotes/origin/release/1.x', moved);
  git('branch', '-q', '-D', 'main');
  git('switch', '-q', 'topic');
  const inputs = { 'changed-only': 'true', 'version-bump': 'error' };
  const event = await step(workspace, 'lint-helm', inputs, workspace.push(before), 0);
  assert.equal(event.outputs.result, 'skipped', 'nothing of the push is a chart’s');
  const named = await step(
    workspace,
    'lint-helm',
    { ...inputs, 'base-ref': 'release/1.x' },
    workspace.push(before),
    1,
  );
  assert.equal(named.outputs['changed-charts'], '["helm-charts/web"]');
  assert.match(annotationsOf(named)[0] ?? '', /title=charts\/version-not-raised::.*it was 0\.1\.0/);
  for (const ref of ['-x', 'nowhere', 'a b']) {
    const refused = await step(
      workspace,
      'lint-helm',
      { ...inputs, 'base-ref': ref },
      workspace.push(before),
      2,
    );
    assert.equal(codeOf(refused), 'git/unknown-revision', ref);
  }
});

test('lint-helm: what is in the base branch’s baseline is counted and does not fail, what is new does', async (t) => {
  const workspace = await makeWorkspace(t);
  const { commit, folder } = workspace;
  const strict = { 'fail-on': 'low' };
  const first = await commit(chartOf('web', '0.1.0', 'a', 'b'));
  const before = await step(workspace, 'lint-helm', strict, workspace.push(first), 1);
  const count = before.outputs['findings-count'];
  assert.equal(before.outputs['new-count'], count);
  const written = await step(
    workspace,
    'lint-helm',
    { ...strict, 'update-baseline': 'true' },
    workspace.push(first),
    0,
  );
  assert.deepEqual([written.outputs['findings-count'], written.outputs['new-count']], [count, '0']);
  const text = await readFile(join(folder, '.zakenak/lint-baseline.json'), 'utf8');
  const { known } = JSON.parse(text) as { known: readonly Readonly<Record<string, unknown>>[] };
  assert.deepEqual(Object.keys(known[0] ?? {}), ['rule', 'path', 'hash', 'severity', 'count', 'reason']);

  const base = await commit({});
  // The change moves what is known, brings one more, and a baseline that would excuse it.
  await commit({ 'helm-charts/web/templates/pod.yaml': `# moved\n${pod('a', 'b', 'more')}` });
  await step(workspace, 'lint-helm', { 'update-baseline': 'true' }, workspace.push(base), 0);
  await commit({});
  const judged = await step(workspace, 'lint-helm', strict, workspace.pullRequest(base), 1);
  assert.ok(Number(judged.outputs['new-count']) > 0, say(judged));
  assert.ok(Number(judged.outputs['findings-count']) > Number(judged.outputs['new-count']));
  for (const line of annotationsOf(judged).filter((each) => each.startsWith('::warning')))
    assert.match(line, /more/, 'only what the change brings');
  assert.match(judged.summary, /The change edits \.zakenak\/lint-baseline\.json; the base branch’s was used/);

  await commit({ '.zakenak/lint-baseline.json': '{}' });
  const broken = await step(workspace, 'lint-helm', strict, workspace.push(base), 2);
  assert.equal(codeOf(broken), 'charts/bad-baseline');
});

test('format says which report files output-dir gets; outputs name only what is there', async (t) => {
  const workspace = await makeWorkspace(t);
  const base = await workspace.commit(chartOf('web', '0.1.0', 'a'));
  const occasion = workspace.push(base);
  const format = { format: 'sarif, junit', 'output-dir': 'out' };
  const some = await step(workspace, 'lint-helm', format, occasion, 0);
  assert.deepEqual((await readdir(join(workspace.folder, 'out'))).sort(), ['junit.xml', 'report.sarif']);
  assert.deepEqual(
    [some.outputs['sarif-file'], some.outputs['report-file']],
    ['out/report.sarif', undefined],
  );
  for (const [inputs, code] of [
    [{ format: 'sarif' }, 'usage/format-without-folder'],
    [{ format: 'gl-secret-detection', 'output-dir': 'out' }, 'input/invalid'],
  ] as const)
    assert.equal(codeOf(await step(workspace, 'lint-helm', inputs, occasion, 2)), code);
});

test('scan-secrets: every format at once, GitLab’s own too, and the secret in none of them', async (t) => {
  const workspace = await makeWorkspace(t);
  const base = await workspace.commit({ 'README.md': 'x\n' });
  const token = makeToken();
  const leaking = await workspace.commit({ 'old.env': `GITHUB_TOKEN=${token}\n` });
  const head = await workspace.commit({ 'old.env': '', 'deploy.env': `A=1\nGITHUB_TOKEN=${token}\n` });
  const inputs = { 'output-dir': 'out', redact: '100' };
  const found = await step(workspace, 'scan-secrets', inputs, workspace.push(base), 1);
  assert.equal(found.outputs.head, head);
  const texts = new Map<string, string>();
  for (const name of await readdir(join(workspace.folder, 'out')))
    texts.set(name, await readFile(join(workspace.folder, 'out', name), 'utf8'));
  assert.equal(texts.size, 6);
  for (const [name, text] of texts) assert.equal(text.includes(token), false, name);
  const { scan, vulnerabilities } = JSON.parse(texts.get('gl-secret-detection-report.json') ?? '');
  assert.equal(scan.status, 'success');
  assert.deepEqual(
    vulnerabilities.map((each: { location: object }) => each.location),
    [
      { file: 'deploy.env', commit: { sha: head }, start_line: 2, end_line: 2 },
      { file: 'old.env', commit: { sha: leaking }, start_line: 1, end_line: 1 },
    ],
  );
  for (const redact of ['0', '50', '101']) {
    const refused = await step(workspace, 'scan-secrets', { redact }, workspace.push(base), 5);
    assert.equal(codeOf(refused), 'secrets/redact-refused');
    assert.equal(say(refused).includes(token), false);
  }
});

test('scan-secrets: config is zakenak.yaml, and gitleaks’ own configuration is told its place', async (t) => {
  const workspace = await makeWorkspace(t);
  const base = await workspace.commit({ '.gitleaks.toml': '[extend]\nuseDefault = true\n' });
  await workspace.commit({ 'README.md': 'x\n' });
  const refused = await step(
    workspace,
    'scan-secrets',
    { config: '.gitleaks.toml' },
    workspace.push(base),
    2,
  );
  assert.equal(codeOf(refused), 'config/toml');
  assert.match(annotationsOf(refused)[0] ?? '', /gitleaks-config/);
  await step(workspace, 'scan-secrets', { 'gitleaks-config': '.gitleaks.toml' }, workspace.push(base), 0);
});

/** A key that may sign commits of the workspace, which signs them from now on. */
async function signWith(t: TestContext, git: (...args: string[]) => string): Promise<string> {
  const keys = await mkdtemp(join(tmpdir(), 'zakenak-keys-'));
  t.after(() => rm(keys, { recursive: true, force: true }));
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(keys, 'id')]);
  git('config', 'gpg.format', 'ssh');
  git('config', 'user.signingKey', join(keys, 'id'));
  git('config', 'commit.gpgSign', 'true');
  return readFile(join(keys, 'id.pub'), 'utf8');
}

test('sign-verify-commits: policy-file is read where the files of trust are, and has to be there', async (t) => {
  const workspace = await makeWorkspace(t);
  const { git, commit, pullRequest, push } = workspace;
  const key = await signWith(t, git);
  const policy = (commits: object) =>
    JSON.stringify({
      project: 'x',
      environments: { prod: { cluster: { context: 'none' } } },
      policy: { commits: { require: 'signed', ...commits } },
    });
  const trust = { signers: `test@example.invalid ${key}` };
  const base = await commit({
    ...trust,
    'policy.yaml': policy({ allowedSigners: 'signers', requireDco: true }),
  });
  // The change lifts the demand, and then takes the file away: neither counts.
  await commit({ 'policy.yaml': policy({ allowedSigners: 'signers' }) });
  const inputs = { 'policy-file': 'policy.yaml' };
  const judged = await step(workspace, 'sign-verify-commits', inputs, pullRequest(base), 1);
  assert.match(judged.outputs.unverified ?? '', /commit\/no-sign-off/);
  assert.match(judged.summary, /The change edits policy\.commits/);
  git('rm', '-q', 'policy.yaml');
  await commit({});
  await step(workspace, 'sign-verify-commits', inputs, pullRequest(base), 1);
  await step(workspace, 'sign-verify-commits', { ...inputs, 'policy-ref': base }, push(base), 1);
  const same = { ...inputs, config: 'policy.yaml' };
  await step(workspace, 'sign-verify-commits', same, pullRequest(base), 1);
  for (const [given, occasion, code] of [
    [{ 'policy-file': 'other.yaml' }, pullRequest(base), 'pipeline/policy-not-found'],
    [inputs, push(base), 'pipeline/policy-not-found'],
    [{ ...inputs, config: 'other.yaml' }, pullRequest(base), 'input/conflict'],
  ] as const)
    assert.equal(codeOf(await step(workspace, 'sign-verify-commits', given, occasion, 2)), code);
  const signers = { 'allowed-signers': 'signers' };
  await step(workspace, 'sign-verify-commits', signers, pullRequest(base), 0);
});

test('what a pull request edits of that which judges it does not count, and is told, for each action', async (t) => {
  const workspace = await makeWorkspace(t);
  const { commit, pullRequest } = workspace;
  const policy = (parts: object) =>
    JSON.stringify({
      project: 'x',
      environments: { prod: { cluster: { context: 'none' } } },
      policy: parts,
    });
  const base = await commit({
    'zakenak.yaml': policy({ charts: { failOn: 'medium' }, secrets: { failOn: 'any' } }),
  });
  await commit({
    ...chartOf('web', '0.1.0', 'a'),
    'deploy.env': `GITHUB_TOKEN=${makeToken()}\n`,
    'zakenak.yaml': policy({ charts: { failOn: 'none' }, secrets: { failOn: 'new' } }),
    '.zakenak/lint-ignore': '* **\n',
    '.gitleaksignore': 'deploy.env:github-pat:1\n',
  });
  const lint = await step(workspace, 'lint-helm', {}, pullRequest(base), 1);
  assert.match(lint.summary, /edits policy\.charts of zakenak\.yaml/);
  assert.match(lint.summary, /edits \.zakenak\/lint-ignore/);
  const secrets = await step(workspace, 'scan-secrets', {}, pullRequest(base), 1);
  assert.match(secrets.summary, /edits policy\.secrets of zakenak\.yaml/);
  assert.match(secrets.summary, /edits \.gitleaksignore/);
});

test('a fork’s pull request needs no token and no right to write: comment and status are left out, the verdict stays', async (t) => {
  const workspace = await makeWorkspace(t);
  const { git, commit, pullRequest } = workspace;
  const key = await signWith(t, git);
  const base = await commit({
    '.zakenak/allowed_signers': `test@example.invalid ${key}`,
    ...chartOf('web', '0.1.0', 'a'),
  });
  await commit({ 'README.md': 'x\n' });
  const inputs = { comment: 'true', status: 'true' };
  for (const action of ['lint-helm', 'scan-secrets', 'sign-verify-commits']) {
    const judged = await step(workspace, action, inputs, pullRequest(base, true), 0);
    assert.equal(judged.outputs.result, 'passed', action);
    assert.match(judged.stderr, /comment and status were left out/, action);
  }
});

test('a checkout that belongs to another user is judged: the workspace is trusted, for the step alone', {
  skip: process.getuid?.() === 0 ? false : 'only root can give a folder away',
}, async (t) => {
  const workspace = await makeWorkspace(t);
  const { git, commit, folder } = workspace;
  const key = await signWith(t, git);
  const base = await commit({
    '.zakenak/allowed_signers': `test@example.invalid ${key}`,
    ...chartOf('web', '0.1.0', 'a'),
  });
  await commit({ 'helm-charts/web/values.yaml': 'a: 1\n', 'deploy.env': `GITHUB_TOKEN=${makeToken()}\n` });
  const occasion = workspace.pullRequest(base);
  for (const path of [folder, join(folder, '.git')]) chownSync(path, 12_345, 12_345);
  assert.throws(() => git('status'), /dubious ownership/);
  const lint = await step(workspace, 'lint-helm', { 'changed-only': 'true' }, occasion, 0);
  assert.equal(lint.outputs['changed-charts'], '["helm-charts/web"]');
  const secrets = await step(workspace, 'scan-secrets', {}, occasion, 1);
  assert.equal(secrets.outputs['new-count'], '1');
  const verified = await step(workspace, 'sign-verify-commits', {}, occasion, 0);
  assert.equal(verified.outputs.verified, '1');
  assert.throws(() => git('status'), /dubious ownership/, 'nothing of it stays');
});
