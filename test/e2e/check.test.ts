import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readdir, readFile, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import {
  cacheFolder,
  githubEnvironment,
  makeWorkspace,
  openWorkspace,
  readHostFile,
  reportOf,
  runCli,
} from './cli-fixture.ts';
import { plays } from './forges-fixture.ts';
import { makeToken } from './secrets-fixture.ts';

const chartYaml = (name: string) => `apiVersion: v2\nname: ${name}\nversion: 0.1.0\n`;
const configMap = (data: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: ${data}\n`;

/** A change in which each stage of the review finds something, and lint more than ten things. */
const base = {
  'zakenak.yaml': `project: shop
environments: { test: { cluster: { context: none } } }
policy: { commits: { require: signed, allowedSigners: .zakenak/allowed_signers } }
`,
  '.zakenak/allowed_signers': '',
};
const changed = () => ({
  'deploy.env': `GITHUB_TOKEN=${makeToken()}\n`,
  ...Object.fromEntries(
    Array.from({ length: 12 }, (_, index) => `charts/app-${String(index).padStart(2, '0')}`).flatMap(
      (folder) => [
        [`${folder}/Chart.yaml`, chartYaml(folder.slice('charts/'.length))],
        [`${folder}/values.yaml`, 'a: 1\n'],
        [`${folder}/templates/map.yaml`, configMap('[1]')],
        [`${folder}/templates/other.yaml`, configMap('{ a: {{ .Values.a | quote }} }')],
      ],
    ),
  ),
});

const files = ['report.md', 'report.sarif', 'junit.xml', 'gl-code-quality-report.json'];

test('the same tree gives the same bytes under GitHub, GitLab, Bitbucket and Azure', async (t) => {
  const origin = await makeWorkspace(t, base);
  const baseSha = origin.git('rev-parse', 'HEAD');
  origin.git('checkout', '-q', '-b', 'feature');
  const headSha = await origin.commit(changed());
  const parent = dirname(origin.root);
  /** A checkout of its own for each host, in a folder of another name. */
  const checkout = async (name: string) => {
    const root = join(parent, `${name}-checkout-${'x'.repeat(name.length)}`);
    await cp(origin.root, root, { recursive: true });
    // Azure names the target branch, not its commit.
    openWorkspace(root).git('update-ref', 'refs/remotes/origin/main', baseSha);
    return openWorkspace(root);
  };
  const temporary = await mkdtemp(join(parent, 'agent-'));
  const hosts = {
    github: async (root: string) =>
      githubEnvironment(
        openWorkspace(root),
        'pull_request',
        {
          pull_request: {
            number: 7,
            head: { sha: headSha, ref: 'feature', repo: { full_name: 'acme/platform' } },
            base: { sha: baseSha, ref: 'main', repo: { full_name: 'acme/platform' } },
          },
        },
        { GITHUB_REF: 'refs/pull/7/merge', GITHUB_SHA: headSha },
      ),
    gitlab: async (root: string) => ({
      GITLAB_CI: 'true',
      CI_PROJECT_DIR: root,
      CI_PIPELINE_SOURCE: 'merge_request_event',
      CI_COMMIT_SHA: headSha,
      CI_MERGE_REQUEST_IID: '7',
      CI_MERGE_REQUEST_PROJECT_ID: '1',
      CI_MERGE_REQUEST_SOURCE_PROJECT_ID: '1',
      CI_MERGE_REQUEST_SOURCE_BRANCH_NAME: 'feature',
      CI_MERGE_REQUEST_TARGET_BRANCH_NAME: 'main',
      CI_MERGE_REQUEST_DIFF_BASE_SHA: baseSha,
    }),
    bitbucket: async (root: string) => ({
      BITBUCKET_BUILD_NUMBER: '3',
      BITBUCKET_CLONE_DIR: root,
      BITBUCKET_REPO_FULL_NAME: 'acme/platform',
      BITBUCKET_COMMIT: headSha,
      BITBUCKET_BRANCH: 'feature',
      BITBUCKET_PR_ID: '7',
      BITBUCKET_PR_DESTINATION_BRANCH: 'main',
      BITBUCKET_PR_DESTINATION_COMMIT: baseSha,
    }),
    azure: async (root: string) => ({
      TF_BUILD: 'True',
      BUILD_SOURCESDIRECTORY: root,
      BUILD_REASON: 'PullRequest',
      BUILD_SOURCEVERSION: headSha,
      BUILD_SOURCEBRANCH: 'refs/pull/7/merge',
      SYSTEM_PULLREQUEST_SOURCECOMMITID: headSha,
      SYSTEM_PULLREQUEST_SOURCEBRANCH: 'refs/heads/feature',
      SYSTEM_PULLREQUEST_TARGETBRANCH: 'refs/heads/main',
      SYSTEM_PULLREQUEST_PULLREQUESTNUMBER: '7',
      SYSTEM_PULLREQUEST_ISFORK: 'False',
      AGENT_TEMPDIRECTORY: temporary,
    }),
  };
  const seen = new Map<string, ReadonlyMap<string, string>>();
  for (const [name, environment] of Object.entries(hosts)) {
    const { root } = await checkout(name);
    const env = { ...(await environment(root)), ZAKENAK_CACHE_DIR: await freshCache(parent) };
    const args = ['check', '--build', 'off', '--json', '--output-dir', '.zakenak/out', '--directory', root];
    const outcome = await runCli(args, { env });
    assert.equal(outcome.exitCode, 1, `${name}: ${outcome.stdout}${outcome.stderr}`);
    const bytes = new Map<string, string>();
    for (const file of files) bytes.set(file, await readFile(join(root, '.zakenak/out', file), 'utf8'));
    const report = JSON.parse(await readFile(join(root, '.zakenak/out/report.json'), 'utf8'), (key, value) =>
      key === 'timings' ? undefined : value,
    );
    bytes.set('report.json', JSON.stringify(report));
    assert.deepEqual(
      report.parts.map(({ tool, verdict }: { tool: string; verdict: string }) => `${tool} ${verdict}`),
      [
        'config passed',
        'lint-helm failed',
        'scan-secrets failed',
        'sign-verify-commits failed',
        'build-push-image skipped',
        'plan skipped',
      ],
    );
    for (const text of bytes.values()) assert.ok(!text.includes(root) && !text.includes(parent), name);
    bytes.set('summary', await summaryOf(name, root, env, temporary));
    seen.set(name, bytes);
  }
  const [first, ...others] = [...seen];
  for (const [name, bytes] of others)
    for (const [file, text] of bytes) assert.equal(text, first?.[1].get(file), `${file} of ${name}`);
});

/** A cache that knows the programs and no findings. */
async function freshCache(parent: string): Promise<string> {
  const folder = await mkdtemp(join(parent, 'cache-'));
  for (const name of ['tools', 'schemas']) await symlink(join(cacheFolder, name), join(folder, name));
  return folder;
}

async function summaryOf(
  host: string,
  root: string,
  env: Readonly<Record<string, string | undefined>>,
  temporary: string,
): Promise<string> {
  if (host === 'github') return (await readHostFile(env, 'GITHUB_STEP_SUMMARY')).trim();
  if (host !== 'azure') return (await readFile(join(root, 'zakenak-summary.md'), 'utf8')).trim();
  const [folder = ''] = await readdir(temporary);
  return (await readFile(join(temporary, folder, 'Zakenak.md'), 'utf8')).trim();
}

test('the stages run side by side, each has its SARIF, and the worst ten findings are annotated', async (t) => {
  const workspace = await makeWorkspace(t, base);
  const before = workspace.git('rev-parse', 'HEAD');
  const after = await workspace.commit(changed());
  const env = await githubEnvironment(
    workspace,
    'push',
    { before, after, ref: 'refs/heads/main' },
    { GITHUB_SHA: after },
  );
  await mkdir(join(workspace.root, '.zakenak'), { recursive: true });
  const events = join(dirname(workspace.root), 'events.ndjson');
  const outcome = await runCli(
    ['check', '--build', 'off', '--json', '--output-dir', 'out', '--events', events],
    { env },
  );
  assert.equal(outcome.exitCode, 1, outcome.stderr);
  const lines = (await readFile(events, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const stages = lines
    .filter(({ stage }) => stage === 'check')
    .map(({ subject, state }) => `${subject} ${state}`);
  const started = ['lint', 'secrets', 'verify'].map((name) => stages.indexOf(`${name} started`));
  const ended = ['lint', 'secrets', 'verify'].map((name) => stages.indexOf(`${name} failed`));
  assert.ok(started.every((at) => at >= 0) && ended.every((at) => at >= 0), stages.join(', '));
  assert.ok(Math.max(...started) < Math.min(...ended), stages.join(', '));
  const sarif = JSON.parse(await readFile(join(workspace.root, 'out/report.sarif'), 'utf8'));
  const tools = sarif.runs.map((run: { tool: { driver: { name: string } } }) => run.tool.driver.name);
  assert.deepEqual(tools, ['zakenak/gitleaks', 'zakenak/helm', 'zakenak/kubeconform', 'zakenak/zakenak']);
  const annotations = outcome.stderr.match(/^::(error|warning|notice) (file|title)=.*$/gm) ?? [];
  assert.equal(annotations.length, 10);
  const findings = reportOf(outcome).parts.flatMap((part) => part.findings);
  assert.ok(findings.length > 20);
  assert.match(outcome.stderr, new RegExp(`^${findings.length - 10} more findings are in the summary`, 'm'));
  assert.match(
    await readHostFile(env, 'GITHUB_STEP_SUMMARY'),
    /lint-helm[\s\S]*scan-secrets[\s\S]*sign-verify-commits/,
  );
});

test('under GitLab the report becomes one note and one status of the merge request', async (t) => {
  const workspace = await makeWorkspace(t, base);
  const head = workspace.git('rev-parse', 'HEAD');
  const token = makeToken();
  const played = await plays.gitlab({ workspace, baseSha: head, headSha: head, token });
  t.after(() => played.standIn.close());
  for (let round = 0; round < 2; round += 1) {
    const outcome = await runCli(['check', '--only', 'config', '--comment', '--status'], { env: played.env });
    assert.equal(outcome.exitCode, 0, outcome.stderr);
    assert.match(outcome.stderr, /merge_requests\/7#note_1/);
    assert.ok(!`${outcome.stdout}${outcome.stderr}`.includes(token));
  }
  const notes = played.comments();
  assert.equal(notes.length, 1);
  assert.match(notes[0] ?? '', /^<!-- zakenak:check -->\n## ✅ check: passed/);
  assert.deepEqual(played.statuses(), ['zakenak success', 'zakenak success']);
});
