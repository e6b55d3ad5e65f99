import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { detectHost } from './detect.ts';

const [a = '', b = '', c = ''] = ['a', 'b', 'c'].map((digit) => digit.repeat(40));
const read = (env: Record<string, string>) => detectHost(env, '/', () => {}).readEvent();

test('a GitLab merge train is judged as the merge that it tests, against the target that it merges into', async () => {
  const event = await read({
    GITLAB_CI: 'true',
    CI_PIPELINE_SOURCE: 'merge_request_event',
    CI_MERGE_REQUEST_EVENT_TYPE: 'merge_train',
    CI_COMMIT_SHA: a,
    CI_MERGE_REQUEST_SOURCE_BRANCH_SHA: b,
    CI_MERGE_REQUEST_TARGET_BRANCH_SHA: c,
    CI_MERGE_REQUEST_IID: '3',
    CI_MERGE_REQUEST_PROJECT_ID: '1',
    CI_MERGE_REQUEST_SOURCE_PROJECT_ID: '2',
  });
  assert.deepEqual([event.kind, event.headSha, event.baseSha], ['merge-group', a, c]);
  assert.equal(event.pullRequest?.fork, true);
});

test('GitHub’s pull request that GitLab only builds for is one, and a fork’s unless both repositories are named alike', async () => {
  const env = {
    GITLAB_CI: 'true',
    CI_PIPELINE_SOURCE: 'external_pull_request_event',
    CI_COMMIT_SHA: a,
    CI_EXTERNAL_PULL_REQUEST_IID: '5',
    CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_SHA: b,
    CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_SHA: c,
    CI_EXTERNAL_PULL_REQUEST_TARGET_REPOSITORY: 'o/r',
  };
  const event = await read(env);
  assert.deepEqual([event.kind, event.headSha, event.baseSha], ['pull-request', b, c]);
  assert.equal(event.pullRequest?.fork, true);
  const own = await read({ ...env, CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY: 'o/r' });
  assert.equal(own.pullRequest?.fork, false);
});

test('Bitbucket’s pull requests, tags and pushes are told apart, and outputs become a file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'zakenak-bitbucket-'));
  const env = {
    BITBUCKET_BUILD_NUMBER: '9',
    BITBUCKET_COMMIT: a,
    BITBUCKET_CLONE_DIR: folder,
    BITBUCKET_REPO_FULL_NAME: 'o/r',
  };
  // An abbreviated id is no id: the destination branch's tip is looked up instead.
  const request = {
    BITBUCKET_PR_ID: '4',
    BITBUCKET_BRANCH: 'topic',
    BITBUCKET_PR_DESTINATION_BRANCH: 'main',
    BITBUCKET_PR_DESTINATION_COMMIT: 'abcdef012345',
  };
  assert.deepEqual(await read({ ...env, ...request }), {
    kind: 'pull-request',
    headSha: a,
    headBranch: 'topic',
    baseBranch: 'main',
    pullRequest: { number: 4, fork: false },
  });
  assert.deepEqual(await read({ ...env, BITBUCKET_TAG: 'v1' }), { kind: 'tag', headSha: a, tag: 'v1' });
  assert.deepEqual(await read({ ...env, BITBUCKET_BRANCH: 'x' }), {
    kind: 'push',
    headSha: a,
    headBranch: 'x',
  });
  const host = detectHost({ ...env, ZAKENAK_INPUT_FAIL_ON: 'any' }, '/', () => {});
  await host.setOutput('leaks-count', '1\nX=2');
  await host.appendSummary('# done');
  assert.equal(await readFile(join(folder, 'zakenak.env'), 'utf8'), 'ZAKENAK_LEAKS_COUNT=1 X=2\n');
  assert.equal(await readFile(join(folder, 'zakenak-summary.md'), 'utf8'), '# done\n');
  assert.equal(host.readInput('fail-on'), 'any');
  assert.equal(host.runUrl, 'https://bitbucket.org/o/r/pipelines/results/9');
  await rm(folder, { recursive: true });
});

test('Azure’s pull request is judged by its source branch’s commit, and is a fork’s unless Azure says no', async () => {
  const env = {
    TF_BUILD: 'True',
    BUILD_REASON: 'PullRequest',
    BUILD_SOURCEVERSION: a,
    SYSTEM_PULLREQUEST_SOURCECOMMITID: b,
    SYSTEM_PULLREQUEST_SOURCEBRANCH: 'refs/heads/topic',
    SYSTEM_PULLREQUEST_TARGETBRANCH: 'main',
    SYSTEM_PULLREQUEST_PULLREQUESTID: '12',
  };
  assert.deepEqual(await read({ ...env, SYSTEM_PULLREQUEST_ISFORK: 'False' }), {
    kind: 'pull-request',
    headSha: b,
    headBranch: 'topic',
    baseBranch: 'main',
    pullRequest: { number: 12, fork: false },
  });
  assert.equal((await read(env)).pullRequest?.fork, true);
  const build = { TF_BUILD: 'True', BUILD_SOURCEVERSION: a };
  const kinds = [
    { ...build, BUILD_REASON: 'IndividualCI', BUILD_SOURCEBRANCH: 'refs/heads/x' },
    { ...build, BUILD_REASON: 'IndividualCI', BUILD_SOURCEBRANCH: 'refs/tags/v1' },
    { ...build, BUILD_REASON: 'Schedule', BUILD_SOURCEBRANCH: 'refs/heads/main' },
    { ...build, BUILD_REASON: 'Manual', BUILD_SOURCEBRANCH: 'refs/heads/main' },
  ].map(async (one) => (await read(one)).kind);
  assert.deepEqual(await Promise.all(kinds), ['push', 'tag', 'schedule', 'manual']);
  await assert.rejects(read({ TF_BUILD: 'True', BUILD_REASON: 'CheckInShelveset' }), {
    code: 'host/unknown-event',
  });
});

test('no value breaks out of an Azure logging command, and each summary is a file of its own', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'zakenak-azure-'));
  const written: string[] = [];
  const host = detectHost({ TF_BUILD: 'True', AGENT_TEMPDIRECTORY: folder }, '/', (text) =>
    written.push(text),
  );
  await host.setOutput('a;]b', 'x\n##vso[task.complete]%0A');
  host.mask('first%\nsecond');
  await host.appendSummary('one');
  await host.appendSummary('two');
  assert.deepEqual(written.slice(0, 3), [
    '##vso[task.setvariable variable=a%3B%5Db;isOutput=true]x%0A##vso[task.complete]%AZP250A\n',
    '##vso[task.setsecret]first%AZP25\n',
    '##vso[task.setsecret]second\n',
  ]);
  const paths = written.slice(3).map((line) => line.replace('##vso[task.uploadsummary]', '').trim());
  assert.deepEqual(await Promise.all(paths.map((path) => readFile(path, 'utf8'))), ['one\n', 'two\n']);
  await rm(folder, { recursive: true });
});
