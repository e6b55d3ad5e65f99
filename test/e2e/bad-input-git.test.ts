import assert from 'node:assert/strict';
import { chmodSync, chownSync, readdirSync, truncateSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite, test } from 'node:test';
import {
  assertCoded,
  githubEnvironment,
  makeWorkspace,
  openWorkspace,
  reportOf,
  runCli,
  type Workspace,
} from './cli-fixture.ts';

/** Verbs that judge commits; each has to refuse what it cannot see whole. */
const judging = ['secrets', 'verify --allowed-signers signers', 'lint --changed-only'];
const chart = { 'charts/a/Chart.yaml': 'apiVersion: v2\nname: a\nversion: 0.1.0\n', signers: '' };

function run(workspace: Workspace, command: string, env: Record<string, string | undefined> = {}) {
  return runCli([...command.split(' '), '--json', '--directory', workspace.root], { env });
}

suite('the repository', { concurrency: 4 }, () => {
  for (const command of judging) {
    test(`a shallow clone is refused by zakenak ${command}`, async (t) => {
      const origin = await makeWorkspace(t, chart);
      await origin.commit({ 'b.txt': 'b' });
      const folder = join(dirname(origin.root), 'clone');
      origin.git('clone', '-q', '--depth', '1', `file://${origin.root}`, folder);
      const clone = openWorkspace(folder);
      const before = clone.snapshot();
      assertCoded(await run(clone, command), {
        code: 'git/shallow-clone',
        exitCode: 2,
        remedy: /fetch-depth: 0/,
      });
      assert.deepEqual(clone.snapshot(), before);
    });

    test(`a repository without a commit is refused by zakenak ${command}`, async (t) => {
      const workspace = await makeWorkspace(t, chart, { git: 'empty' });
      assertCoded(await run(workspace, command), { code: 'git/empty-repository', exitCode: 2 });
    });

    test(`a folder that is no repository is refused by zakenak ${command}`, async (t) => {
      const workspace = await makeWorkspace(t, chart, { git: 'none' });
      assertCoded(await run(workspace, command), { code: 'git/not-a-repository', exitCode: 2 });
    });
  }

  test('a pull request in a shallow clone is told to be shallow, not to lack its base', async (t) => {
    const origin = await makeWorkspace(t, chart);
    const base = origin.git('rev-parse', 'HEAD');
    const head = await origin.commit({ 'b.txt': 'b' });
    const folder = join(dirname(origin.root), 'clone');
    origin.git('clone', '-q', '--depth', '1', `file://${origin.root}`, folder);
    const clone = openWorkspace(folder);
    const repo = { full_name: 'acme/platform' };
    const pull = { number: 1, head: { sha: head, repo }, base: { sha: base, ref: 'main', repo } };
    const env = await githubEnvironment(clone, 'pull_request', { pull_request: pull });
    assertCoded(await runCli(['check', '--json'], { env }), { code: 'git/shallow-clone', exitCode: 2 });
  });

  test('a detached HEAD is judged against the default branch', async (t) => {
    const workspace = await makeWorkspace(t, chart);
    workspace.git('switch', '-q', '--detach', 'HEAD');
    await workspace.commit({ 'b.txt': 'b' });
    const report = reportOf(await run(workspace, 'secrets'));
    assert.equal(report.verdict, 'passed');
    assert.equal(report.outputs['commits-scanned'], 1);
  });

  test('a detached HEAD without any branch to compare it with is refused', async (t) => {
    const workspace = await makeWorkspace(t, chart);
    workspace.git('switch', '-q', '--detach', 'HEAD');
    workspace.git('branch', '-D', 'main');
    assertCoded(await run(workspace, 'secrets'), { code: 'git/detached-head', exitCode: 2 });
  });

  test('a detached HEAD makes no release', async (t) => {
    const workspace = await makeWorkspace(t, chart);
    workspace.git('switch', '-q', '--detach', 'HEAD');
    const before = workspace.snapshot();
    const outcome = await run(workspace, 'release --push=false');
    assertCoded(outcome, { code: 'releases/detached-head', exitCode: 2 });
    assert.deepEqual(workspace.snapshot(), before);
  });

  test('revisions that do not exist, or would be options, are refused', async (t) => {
    const workspace = await makeWorkspace(t, chart);
    for (const base of ['nope', '--output=x', 'HEAD~99', 'main..main', 'a b'])
      assertCoded(
        await run(workspace, 'secrets', {}).then(() =>
          runCli(['secrets', '--json', '--directory', workspace.root, `--base=${base}`]),
        ),
        {
          code: 'git/unknown-revision',
          exitCode: 2,
        },
      );
  });

  test('a repository of another user is refused with git’s reason', {
    skip: process.getuid?.() === 0 ? false : 'only root can give a folder away',
  }, async (t) => {
    const workspace = await makeWorkspace(t, chart);
    chownSync(workspace.root, 12_345, 12_345);
    chownSync(join(workspace.root, '.git'), 12_345, 12_345);
    assertCoded(await run(workspace, 'secrets'), {
      code: 'git/dubious-ownership',
      exitCode: 5,
      remedy: /safe\.directory/,
    });
  });

  test('a damaged repository is not taken for an empty one', async (t) => {
    const workspace = await makeWorkspace(t, chart);
    workspace.git('repack', '-q', '-a', '-d');
    const packs = join(workspace.root, '.git/objects/pack');
    for (const name of readdirSync(packs).filter((file) => file.endsWith('.pack'))) {
      chmodSync(join(packs, name), 0o600);
      truncateSync(join(packs, name), 40);
    }
    const outcome = await run(workspace, 'secrets');
    assertCoded(outcome, { code: 'git/damaged-repository', exitCode: 2, remedy: /git fsck/ });
  });
});
