import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { annotationsOf, buildBundle, makeWorkspace, runStep, type StepResult } from './actions-fixture.ts';

let bundled: Awaited<ReturnType<typeof buildBundle>>;
before(async () => {
  bundled = await buildBundle();
});
after(() => bundled?.remove());

const say = (result: StepResult) => `${result.stdout}\n${result.stderr}`;

test('release makes the next version from the commits, and all of it reaches the remote at once', async (t) => {
  const { workspace, remote, onRemote } = await makeReleased(t);
  const before = workspace.git('rev-parse', 'HEAD');
  await workspace.commit({ 'a.txt': 'a\n' }, 'feat(web): a greeting');
  workspace.git('push', '-q', 'origin', 'main');
  const inputs = { 'floating-tags': 'major-minor' };
  const step = await runStep(bundled.folder, 'release', workspace.folder, inputs, workspace.push(before));
  assert.equal(step.exitCode, 0, say(step));
  assert.deepEqual(
    [step.outputs.released, step.outputs.version, step.outputs['previous-version'], step.outputs.tag],
    ['true', '1.3.0', '1.2.3', 'v1.3.0'],
  );
  assert.match(step.outputs.changelog ?? '', /a greeting/);
  const head = onRemote('rev-parse', 'main');
  for (const tag of ['v1.3.0', 'v1.3', 'v1'])
    assert.equal(onRemote('rev-parse', `${tag}^{commit}`), head, `${tag} in ${remote}`);
  assert.match(onRemote('show', 'main:CHANGELOG.md'), /1\.3\.0/);
  const again = await runStep(bundled.folder, 'release', workspace.folder, inputs, workspace.push(before));
  assert.equal(again.exitCode, 0, say(again));
  assert.equal(again.outputs.released, 'false');
  assert.equal(onRemote('rev-parse', 'main'), head);
});

test('a dry run on a pull request says what would come, and changes nothing', async (t) => {
  const { workspace, onRemote } = await makeReleased(t);
  const base = workspace.git('rev-parse', 'HEAD');
  await workspace.commit({ 'a.txt': 'a\n' }, 'fix: a leak');
  workspace.git('push', '-q', 'origin', 'main');
  const refs = onRemote('for-each-ref');
  const inputs = { 'dry-run': 'true' };
  const step = await runStep(
    bundled.folder,
    'release',
    workspace.folder,
    inputs,
    workspace.pullRequest(base, true),
  );
  assert.equal(step.exitCode, 0, say(step));
  assert.equal(step.outputs.version, '1.2.4');
  assert.equal(onRemote('for-each-ref'), refs);
});

test('commits that were not pushed are not released, and a fork releases nothing', async (t) => {
  const { workspace, onRemote } = await makeReleased(t);
  const before = workspace.git('rev-parse', 'HEAD');
  await workspace.commit({ 'a.txt': 'a\n' }, 'feat: a greeting');
  const refs = onRemote('for-each-ref');
  const ahead = await runStep(bundled.folder, 'release', workspace.folder, {}, workspace.push(before));
  assert.equal(ahead.exitCode, 2, say(ahead));
  assert.match(annotationsOf(ahead)[0] ?? '', /^::error title=releases\/branch-ahead::/);
  const fork = await runStep(
    bundled.folder,
    'release',
    workspace.folder,
    {},
    workspace.pullRequest(before, true),
  );
  assert.equal(fork.exitCode, 5, say(fork));
  assert.equal(onRemote('for-each-ref'), refs);
});

/** A clone with a bare remote, released once as v1.2.3. */
async function makeReleased(t: TestContext) {
  const remote = join(await mkdtemp(join(tmpdir(), 'zakenak-remote-')), 'remote.git');
  t.after(() => rm(join(remote, '..'), { recursive: true, force: true }));
  execFileSync('git', ['init', '-q', '--bare', '-b', 'main', remote]);
  const workspace = await makeWorkspace(t);
  await workspace.commit({ 'README.md': 'x\n' }, 'feat: begin');
  workspace.git('remote', 'add', 'origin', remote);
  workspace.git('tag', 'v1.2.3');
  workspace.git('push', '-q', 'origin', 'main', 'v1.2.3');
  const onRemote = (...args: readonly string[]) =>
    execFileSync('git', args, { cwd: remote, encoding: 'utf8' }).trim();
  return { workspace, remote, onRemote };
}
