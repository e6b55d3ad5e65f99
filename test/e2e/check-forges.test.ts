import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Reply, type StandIn, startAzure, startBitbucket, startStandIn } from '@zakenak/forges/testing';
import { parse } from 'yaml';
import {
  cliPath,
  githubEnvironment,
  makeWorkspace,
  plainEnvironment,
  runCli,
  type Workspace,
} from './cli-fixture.ts';
import { makeToken } from './secrets-fixture.ts';

const root = join(import.meta.dirname, '../..');

/** One forge with what it keeps, and the variables of a job on it. */
interface Played {
  readonly standIn: StandIn;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Bodies of the comments, marker and all. */
  comments(): readonly string[];
  statuses(): readonly string[];
  /** Where the log says the comment is. */
  readonly address: RegExp;
}

interface Change {
  readonly workspace: Workspace;
  readonly baseSha: string;
  readonly headSha: string;
  readonly token: string;
}

type Play = (change: Change) => Promise<Played>;

/** A forge whose comments are a list at one path, as GitHub's and GitLab's are. */
async function playList(
  paths: { readonly user: string; readonly list: string; readonly one: string; readonly status: string },
  shape: (id: number, body: string) => object,
) {
  const [comments, statuses]: [string[], string[]] = [[], []];
  const standIn = await startStandIn(({ method, url, sent }): Reply => {
    const { pathname } = url;
    const { body, state, context, name } = (sent ?? {}) as Readonly<Record<string, string>>;
    if (pathname === paths.user) return { status: 200, data: { id: 1, login: 'zakenak' } };
    if (pathname === paths.list && method === 'GET')
      return { status: 200, data: comments.map((text, index) => shape(index + 1, text)) };
    if (pathname === paths.list) return { status: 201, data: shape(comments.push(body ?? ''), body ?? '') };
    if (pathname === paths.status) {
      statuses.push(`${context ?? name} ${state}`);
      return { status: 201, data: {} };
    }
    if (pathname !== `${paths.one}/1`) return { status: 404, data: { message: 'Not Found' } };
    comments[0] = body ?? '';
    return { status: 200, data: shape(1, body ?? '') };
  });
  return { standIn, comments: () => comments, statuses: () => statuses };
}

const plays: Readonly<Record<'github' | 'gitlab' | 'bitbucket' | 'azure', Play>> = {
  async github({ workspace, baseSha, headSha, token }) {
    const own = '/repos/acme/platform';
    const played = await playList(
      {
        user: '/user',
        list: `${own}/issues/7/comments`,
        one: `${own}/issues/comments`,
        status: `${own}/statuses/${headSha}`,
      },
      (id, body) => ({ id, body, user: { login: 'zakenak' }, html_url: `https://github.com/c/${id}` }),
    );
    const repo = { full_name: 'acme/platform' };
    const pull_request = {
      number: 7,
      head: { sha: headSha, ref: 'f', repo },
      base: { sha: baseSha, ref: 'main', repo },
    };
    const more = { GITHUB_SHA: headSha, GITHUB_TOKEN: token, GITHUB_API_URL: played.standIn.origin };
    const env = await githubEnvironment(workspace, 'pull_request', { pull_request }, more);
    return { ...played, env, address: /github\.com\/c\/1/ };
  },
  async gitlab({ workspace, baseSha, headSha, token }) {
    const own = '/api/v4/projects/12';
    const notes = `${own}/merge_requests/7/notes`;
    const played = await playList(
      { user: '/api/v4/user', list: notes, one: notes, status: `${own}/statuses/${headSha}` },
      (id, body) => ({ id, body, author: { id: 1 } }),
    );
    const env = {
      GITLAB_CI: 'true',
      GITLAB_TOKEN: token,
      CI_PROJECT_DIR: workspace.root,
      CI_PROJECT_ID: '12',
      CI_PROJECT_PATH: 'acme/platform',
      CI_PROJECT_NAMESPACE: 'acme',
      CI_PROJECT_NAME: 'platform',
      CI_PROJECT_URL: 'https://gitlab.example.com/acme/platform',
      CI_API_V4_URL: `${played.standIn.origin}/api/v4`,
      CI_PIPELINE_SOURCE: 'merge_request_event',
      CI_COMMIT_SHA: headSha,
      CI_MERGE_REQUEST_IID: '7',
      CI_MERGE_REQUEST_PROJECT_ID: '12',
      CI_MERGE_REQUEST_SOURCE_PROJECT_ID: '12',
      CI_MERGE_REQUEST_TARGET_BRANCH_NAME: 'main',
      CI_MERGE_REQUEST_DIFF_BASE_SHA: baseSha,
    };
    return { ...played, env, address: /merge_requests\/7#note_1/ };
  },
  async bitbucket({ workspace, baseSha, headSha, token }) {
    const standIn = await startBitbucket(token);
    const env = {
      BITBUCKET_BUILD_NUMBER: '3',
      BITBUCKET_TOKEN: token,
      BITBUCKET_CLONE_DIR: workspace.root,
      BITBUCKET_REPO_FULL_NAME: 'acme/platform',
      BITBUCKET_COMMIT: headSha,
      BITBUCKET_BRANCH: 'f',
      BITBUCKET_PR_ID: '7',
      BITBUCKET_PR_DESTINATION_BRANCH: 'main',
      BITBUCKET_PR_DESTINATION_COMMIT: baseSha,
      ZAKENAK_BITBUCKET_API_URL: `${standIn.origin}/2.0`,
      ZAKENAK_BITBUCKET_PROXY: standIn.origin,
    };
    return {
      standIn,
      env,
      comments: () => standIn.comments.filter(({ deleted }) => !deleted).map(({ content }) => content.raw),
      statuses: () => [...standIn.statuses.values()].map(({ key, state }) => `${key} ${state}`),
      address: /bitbucket\.org\/acme\/platform\/pull-requests\/7#comment-1/,
    };
  },
  async azure({ workspace, baseSha, headSha, token }) {
    const standIn = await startAzure(token);
    // Azure names the target branch, not its commit.
    workspace.git('update-ref', 'refs/remotes/origin/main', baseSha);
    const env = {
      TF_BUILD: 'True',
      SYSTEM_ACCESSTOKEN: token,
      SYSTEM_COLLECTIONURI: `${standIn.origin}/acme/`,
      SYSTEM_TEAMPROJECT: 'platform',
      BUILD_SOURCESDIRECTORY: workspace.root,
      BUILD_REPOSITORY_PROVIDER: 'TfsGit',
      BUILD_REPOSITORY_ID: 'r-1',
      BUILD_REPOSITORY_NAME: 'platform',
      BUILD_REPOSITORY_URI: 'https://acme@dev.azure.com/acme/platform/_git/platform',
      BUILD_REASON: 'PullRequest',
      BUILD_SOURCEVERSION: headSha,
      SYSTEM_PULLREQUEST_SOURCECOMMITID: headSha,
      SYSTEM_PULLREQUEST_SOURCEBRANCH: 'refs/heads/f',
      SYSTEM_PULLREQUEST_TARGETBRANCH: 'refs/heads/main',
      SYSTEM_PULLREQUEST_PULLREQUESTID: '7',
      SYSTEM_PULLREQUEST_ISFORK: 'False',
    };
    return {
      standIn,
      env,
      comments: () => standIn.threads.map(({ status, comments: [first] }) => `${status}: ${first?.content}`),
      statuses: () => standIn.statuses.map(({ on, body }) => `${on} ${body['state']}`),
      address: /_git\/platform\/pullrequest\/7\?discussionId=101/,
    };
  },
};

async function makeChange(t: TestContext): Promise<Change> {
  const workspace = await makeWorkspace(t, { 'zakenak.yaml': 'project: shop\n' });
  const baseSha = workspace.git('rev-parse', 'HEAD');
  workspace.git('checkout', '-q', '-b', 'f');
  const headSha = await workspace.commit({
    'a|b.env': `GITHUB_TOKEN=${makeToken()}\n`,
    ...Object.fromEntries(
      Array.from({ length: 11 }, (_, at) => [`${at}.env`, `GITHUB_TOKEN=${makeToken()}\n`]),
    ),
  });
  return { workspace, baseSha, headSha, token: makeToken() };
}

const args = ['check', '--only', 'config,secrets', '--comment', '--status'];

test('on each forge the report is one comment with the same body and one status, and the token is nowhere else', async (t) => {
  const change = await makeChange(t);
  const bodies = new Map<string, string>();
  for (const [name, play] of Object.entries(plays)) {
    const { standIn, env, comments, statuses, address } = await play(change);
    t.after(() => standIn.close());
    for (let round = 0; round < 2; round += 1) {
      const { exitCode, stdout, stderr } = await runCli(args, { env });
      assert.equal(exitCode, 1, `${name}: ${stderr}`);
      assert.match(stderr, address);
      // Azure's own mask command is how its agent learns what to hide.
      const shown = `${stdout}${stderr}`.replace(/^##vso\[task\.setsecret\].*$|^::add-mask::.*$/gm, '');
      assert.ok(!shown.includes(change.token), name);
      assert.doesNotMatch(stderr, /did not reach/);
    }
    assert.equal(comments().length, 1, name);
    const state = { github: 'failure', gitlab: 'failed', bitbucket: 'FAILED', azure: 'failed' }[name];
    const context = name === 'azure' ? 'pullRequests/7' : 'zakenak';
    assert.deepEqual([...new Set(statuses())], [`${context} ${state}`]);
    bodies.set(name, comments()[0] ?? '');
  }
  const github = bodies.get('github') ?? '';
  assert.match(github, /^<!-- zakenak:check -->\n## ❌ check: failed/);
  assert.match(github, /<br>/);
  assert.equal(bodies.get('gitlab'), github);
  assert.equal(bodies.get('azure'), `active: ${github}`);
  // Bitbucket shows HTML as text: the marker and the line breaks in cells have another spelling there.
  assert.equal(
    bodies.get('bitbucket'),
    github.replace('<!-- zakenak:check -->\n', '[//]: # (zakenak:check)\n\n').replaceAll('<br>', ' — '),
  );
});

test('Bitbucket and Azure annotate the worst ten findings, count the others, and need no token for it', async (t) => {
  const change = await makeChange(t);
  const bitbucket = await startBitbucket(change.token);
  t.after(() => bitbucket.close());
  const played = await plays.bitbucket(change);
  t.after(() => played.standIn.close());
  const env = { ...played.env, BITBUCKET_TOKEN: undefined, ZAKENAK_BITBUCKET_PROXY: bitbucket.origin };
  const outcome = await runCli(args, { env });
  assert.equal(outcome.exitCode, 1);
  assert.match(outcome.stderr, /No token for the forge was given: comment and status were left out/);
  const { report, annotations } = bitbucket.reports.get('zakenak-check') ?? {};
  assert.equal(report?.['result'], 'FAILED');
  assert.deepEqual(report?.['data'], [
    { type: 'NUMBER', title: 'Findings', value: 12 },
    { type: 'NUMBER', title: 'Not annotated', value: 2 },
  ]);
  const first = [...(annotations?.values() ?? [])][0];
  assert.deepEqual([annotations?.size, first?.['path'], first?.['line']], [10, '0.env', 1]);
  assert.deepEqual(played.standIn.calls, []);
  const azure = await plays.azure(change);
  t.after(() => azure.standIn.close());
  const { stdout, stderr } = await runCli(['check', '--only', 'config,secrets'], {
    env: { ...azure.env, SYSTEM_ACCESSTOKEN: undefined },
  });
  const issues = stdout.match(/^##vso\[task\.logissue .*$/gm) ?? [];
  assert.equal(issues.length, 10);
  assert.match(
    issues[0] ?? '',
    /^##vso\[task\.logissue type=error;sourcepath=0\.env;linenumber=1;.*code=secret\/[\w-]+\]\S/,
  );
  assert.match(stderr, /2 more findings are in the summary/);
  assert.deepEqual(azure.standIn.calls, []);
});

test('what a token may not do is a warning: the verdict stays, and the status is set although the comment is not', async (t) => {
  const change = await makeChange(t);
  for (const name of ['bitbucket', 'azure'] as const) {
    const { standIn, env, statuses } = await plays[name](change);
    t.after(() => standIn.close());
    standIn.faults.push({
      on: /POST .*(comments|threads)$/,
      reply: { status: 403, data: { message: 'No' } },
    });
    const { exitCode, stderr } = await runCli(args, { env });
    assert.equal(exitCode, 1, stderr);
    assert.match(stderr, /The report did not reach the forge: .* did not let us write the comment: 403 No/);
    assert.equal(statuses().length, 1, name);
  }
});

test('the pipelines that the documentation shows for Bitbucket and Azure do what it says', async (t) => {
  const change = await makeChange(t);
  const page = await readFile(join(root, 'docs/hosts.md'), 'utf8');
  const [bitbucketYaml, azureYaml] = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text = '']) =>
    parse(text),
  );
  const bin = await mkdtemp(join(dirname(change.workspace.root), 'bin-'));
  await writeFile(join(bin, 'zakenak'), `#!/bin/sh\nexec '${process.execPath}' '${cliPath}' "$@"\n`, {
    mode: 0o755,
  });
  const run = (script: string, env: Played['env']) =>
    new Promise<number | null>((end) => {
      const variables = { ...plainEnvironment(), ...env, PATH: `${bin}:${process.env.PATH}` };
      const options = { cwd: change.workspace.root, env: variables, stdio: 'ignore' } as const;
      spawn('bash', ['-euc', script], options).once('close', end);
    });
  const [{ step }] = bitbucketYaml.pipelines['pull-requests']['**'];
  const bitbucket = await plays.bitbucket(change);
  t.after(() => bitbucket.standIn.close());
  assert.deepEqual(bitbucketYaml.clone, { depth: 'full' });
  assert.equal(await run(step.script.join('\n'), bitbucket.env), 1);
  assert.equal(bitbucket.comments().length, 1);
  assert.deepEqual(bitbucket.statuses(), ['zakenak FAILED']);
  for (const path of step.artifacts) {
    const file = path.replace('**', 'report.sarif');
    assert.ok(existsSync(join(change.workspace.root, file)), file);
  }
  const azure = await plays.azure(change);
  t.after(() => azure.standIn.close());
  const [checkout, { script, env }] = azureYaml.steps;
  assert.equal(checkout.fetchDepth, 0);
  const given = Object.entries(env).map(([name, value]) => [
    name,
    value === '$(System.AccessToken)' ? change.token : value,
  ]);
  assert.equal(
    await run(script, { ...azure.env, SYSTEM_ACCESSTOKEN: undefined, ...Object.fromEntries(given) }),
    1,
  );
  assert.equal(azure.comments().length, 1);
  assert.deepEqual(azure.statuses(), ['pullRequests/7 failed']);
});
