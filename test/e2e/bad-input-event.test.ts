import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  assertCoded,
  type Coded,
  githubEnvironment,
  makeWorkspace,
  readHostFile,
  reportOf,
  runCli,
} from './cli-fixture.ts';

const unreadable = { code: 'host/bad-event-payload', exitCode: 2 };

interface Case extends Coded {
  readonly event?: string;
  readonly payload?: unknown;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

const onGithub: Readonly<Record<string, Case>> = {
  'an event without commits is refused and the known ones are named': {
    event: 'issue_comment',
    code: 'host/unknown-event',
    exitCode: 2,
    message: /issue_comment/,
    remedy: /pull_request/,
  },
  'no event at all is refused': {
    env: { GITHUB_EVENT_NAME: undefined },
    code: 'host/unknown-event',
    exitCode: 2,
  },
  'a payload that is no JSON is refused': { payload: '{ "ref": ', ...unreadable },
  'a payload that is no object is refused': { payload: 'null', ...unreadable, message: /not a JSON object/ },
  'a payload that is a list is refused': { payload: [], ...unreadable },
  'a payload that is not there is refused': {
    env: { GITHUB_EVENT_PATH: '/nonexistent/event.json' },
    ...unreadable,
  },
  'a payload that nobody named is refused': { env: { GITHUB_EVENT_PATH: undefined }, ...unreadable },
  'a pull request whose payload tells of none is refused: it could be a fork’s': {
    event: 'pull_request_target',
    ...unreadable,
    message: /pull_request/,
  },
  'a merge group whose payload tells of none is refused': { event: 'merge_group', ...unreadable },
  'a head commit that is not in the clone is told': {
    env: { GITHUB_SHA: 'a'.repeat(40) },
    code: 'git/unknown-revision',
    exitCode: 2,
    message: /a{40}/,
    remedy: /git fetch origin a{40}/,
  },
  'a base commit that is not in the clone is told': {
    payload: { before: 'b'.repeat(40), ref: 'refs/heads/main' },
    code: 'git/unknown-revision',
    exitCode: 2,
    message: /b{40}/,
  },
};

suite('the forge’s event', { concurrency: 4 }, () => {
  for (const [name, { event = 'push', payload = {}, env, ...wanted }] of Object.entries(onGithub)) {
    test(`on GitHub ${name}`, async (t) => {
      const workspace = await makeWorkspace(t, { 'a.txt': 'a' });
      const before = workspace.snapshot();
      const runner = await githubEnvironment(workspace, event, payload, env);
      const outcome = await runCli(['secrets', '--json'], { env: runner });
      assertCoded(outcome, wanted);
      assert.match(
        outcome.stderr,
        new RegExp(`^::error title=${wanted.code}::`, 'm'),
        'the log shows it too',
      );
      assert.equal(await readHostFile(runner, 'GITHUB_OUTPUT').then((text) => /errored/.test(text)), true);
      assert.match(await readHostFile(runner, 'GITHUB_STEP_SUMMARY'), new RegExp(wanted.code));
      assert.deepEqual(workspace.snapshot(), before);
    });
  }

  test('a runner without its files and without a workspace variable still gets the verdict', async (t) => {
    const workspace = await makeWorkspace(t, { 'a.txt': 'a' });
    const runner = await githubEnvironment(
      workspace,
      'issue_comment',
      {},
      {
        GITHUB_OUTPUT: undefined,
        GITHUB_STEP_SUMMARY: undefined,
        GITHUB_WORKSPACE: undefined,
      },
    );
    const outcome = await runCli(['secrets', '--json'], { env: runner, cwd: workspace.root });
    assertCoded(outcome, { code: 'host/unknown-event', exitCode: 2 });
  });

  for (const variable of ['GITHUB_OUTPUT', 'GITHUB_STEP_SUMMARY']) {
    test(`a ${variable} that cannot be written is told and never passes`, async (t) => {
      const workspace = await makeWorkspace(t);
      const runner = await githubEnvironment(workspace, 'push', {}, { [variable]: '/proc/nothing/here' });
      const outcome = await runCli(['check', '--only', 'config', '--json'], { env: runner });
      assertCoded(outcome, { code: 'host/file-unwritable', exitCode: 3, message: new RegExp(variable) });
    });
  }

  test('a checkout that is not there is told', async (t) => {
    const workspace = await makeWorkspace(t);
    const runner = await githubEnvironment(workspace, 'push', {}, { GITHUB_WORKSPACE: '/nonexistent' });
    assertCoded(await runCli(['lint', '--json'], { env: runner }), {
      code: 'usage/no-such-folder',
      exitCode: 2,
    });
  });

  test('GitLab’s unknown pipeline source is refused, and its inputs come as variables', async (t) => {
    const workspace = await makeWorkspace(t, { 'a.txt': 'a' });
    const gitlab = { CI: 'true', GITLAB_CI: 'true', CI_PROJECT_DIR: workspace.root };
    const run = (env: Record<string, string>) =>
      runCli(['secrets', '--json'], { env: { ...gitlab, ...env } });
    assertCoded(await run({ CI_PIPELINE_SOURCE: 'chat' }), {
      code: 'host/unknown-event',
      exitCode: 2,
      message: /chat/,
      remedy: /merge_request_event/,
    });
    assertCoded(await run({}), { code: 'host/unknown-event', exitCode: 2, message: /none/ });
    const bad = { CI_PIPELINE_SOURCE: 'push', ZAKENAK_INPUT_SCOPE: 'everything' };
    assertCoded(await run(bad), { code: 'input/invalid', exitCode: 2, message: /scope/ });
  });

  test('GitLab’s merge request is judged from its target to its head', async (t) => {
    const workspace = await makeWorkspace(t, { 'a.txt': 'a' });
    const base = workspace.git('rev-parse', 'HEAD');
    workspace.git('switch', '-q', '--detach', 'HEAD');
    const head = await workspace.commit({ 'b.txt': 'b' });
    const outcome = await runCli(['secrets', '--json'], {
      env: {
        CI: 'true',
        GITLAB_CI: 'true',
        CI_PROJECT_DIR: workspace.root,
        CI_PIPELINE_SOURCE: 'merge_request_event',
        CI_COMMIT_SHA: head,
        CI_MERGE_REQUEST_IID: '3',
        CI_MERGE_REQUEST_SOURCE_PROJECT_ID: '1',
        CI_MERGE_REQUEST_PROJECT_ID: '1',
        CI_MERGE_REQUEST_TARGET_BRANCH_SHA: base,
        CI_MERGE_REQUEST_TARGET_BRANCH_NAME: 'main',
      },
    });
    const report = reportOf(outcome);
    assert.equal(report.verdict, 'passed', outcome.stderr);
    assert.equal(report.outputs['commits-scanned'], 1);
  });
});
