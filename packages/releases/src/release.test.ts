import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Forge, type FullForge, type Git, parseInputs } from '@zakenak/core';
import { collectingLog, fakeClock } from '@zakenak/core/testing';
import { createGit } from '@zakenak/git';
import { createFiles, createProcessRunner } from '@zakenak/machine';
import type { ReleaseRequest } from './plan.ts';
import { release } from './release.ts';
import { spec } from './spec.ts';
import { gitEnvironment, makeRepository, type TemporaryRepository } from './testing/repository.ts';

const request = (given: Record<string, string> = {}): ReleaseRequest =>
  parseInputs(spec, (name) => given[name]);

const runner = createProcessRunner(gitEnvironment);
const gitIn = (root: string): Git => createGit({ process: runner, root });

function portsOf(repository: TemporaryRepository, git: Git = gitIn(repository.folder)) {
  return {
    git,
    files: createFiles(repository.folder),
    clock: fakeClock('2026-11-24T10:00:00Z'),
    log: collectingLog(),
  };
}

/** A clone whose v1.2.0 was released and pushed. */
async function releasedRepository(): Promise<TemporaryRepository> {
  const repository = await makeRepository();
  await repository.commit('feat: begin');
  await repository.sh(['tag', '-a', '-m', 'v1.2.0', 'v1.2.0']);
  await repository.sh(['push', '-q', 'origin', 'main', 'v1.2.0']);
  return repository;
}

async function pushChange(repository: TemporaryRepository, message: string): Promise<string> {
  const sha = await repository.commit(message);
  await repository.sh(['push', '-q', 'origin', 'main']);
  return sha;
}

test('a release commits the changelog, tags it and pushes both with the floating tags', async () => {
  await using repository = await releasedRepository();
  const { remote, sh } = repository;
  const change = await pushChange(repository, 'feat(api): lists');
  const report = await release(request({ 'floating-tags': 'major-minor' }), portsOf(repository));
  assert.equal(report.verdict, 'passed');
  assert.equal(report.summary, 'Released v1.3.0 (also v1, v1.3).');
  assert.equal(report.outputs.version, '1.3.0');
  assert.equal(report.outputs['previous-version'], '1.2.0');
  const tip = await sh(['rev-parse', 'main'], remote);
  assert.equal(report.outputs.sha, tip);
  assert.equal(await sh(['rev-parse', 'main^'], remote), change);
  for (const tag of ['v1.3.0', 'v1', 'v1.3'])
    assert.equal(await sh(['rev-parse', `${tag}^{commit}`], remote), tip, tag);
  assert.equal(await sh(['cat-file', '-t', 'v1.3.0'], remote), 'tag');
  const changelog = await sh(['show', 'main:CHANGELOG.md'], remote);
  assert.match(changelog, /## \[1\.3\.0\] - 2026-11-24\n\n### Added\n\n- \*\*api:\*\* lists \([0-9a-f]{7}\)/);
  assert.equal((await readFile(join(repository.folder, 'CHANGELOG.md'), 'utf8')).trim(), changelog);
  assert.equal(await sh(['status', '--porcelain']), '');
  assert.equal(await sh(['rev-parse', 'HEAD']), tip);
  await sh(['fsck', '--strict'], remote);
});

test('a second run right after releases nothing and writes nothing', async () => {
  await using repository = await releasedRepository();
  await pushChange(repository, 'fix: a');
  await release(request(), portsOf(repository));
  const before = await repository.sh(['for-each-ref'], repository.remote);
  const report = await release(request(), portsOf(repository));
  assert.equal(report.verdict, 'skipped');
  assert.equal(report.outputs.version, '1.2.1');
  assert.equal(await repository.sh(['for-each-ref'], repository.remote), before);
});

test('chores alone are nothing to release', async () => {
  await using repository = await releasedRepository();
  await pushChange(repository, 'docs: a word');
  const report = await release(request(), portsOf(repository));
  assert.equal(report.verdict, 'skipped');
  assert.equal(report.summary, 'Nothing to release since v1.2.0.');
});

test('the first release takes the initial version, whatever the messages look like', async () => {
  await using repository = await makeRepository();
  await pushChange(repository, 'first try');
  const report = await release(request({ 'initial-version': '2.0.0' }), portsOf(repository));
  assert.equal(report.outputs.tag, 'v2.0.0');
  assert.equal(report.outputs['previous-version'], '');
});

test('a dry run changes no ref, neither here nor on the remote', async () => {
  await using repository = await releasedRepository();
  await pushChange(repository, 'feat!: all new');
  const refs = async () => [
    await repository.sh(['for-each-ref']),
    await repository.sh(['for-each-ref'], repository.remote),
  ];
  const before = await refs();
  const report = await release(request({ 'dry-run': 'true' }), portsOf(repository));
  assert.equal(report.verdict, 'skipped');
  assert.equal(report.outputs.version, '2.0.0');
  assert.equal(report.outputs.released, false);
  assert.deepEqual(await refs(), before);
});

test('without a changelog commit the tag names the checked-out commit', async () => {
  await using repository = await releasedRepository();
  const sha = await pushChange(repository, 'fix: a');
  const report = await release(request({ changelog: 'off' }), portsOf(repository));
  assert.equal(report.outputs.sha, sha);
  assert.equal(await repository.sh(['rev-parse', 'v1.2.1^{commit}'], repository.remote), sha);
});

test('a changelog in a folder keeps its neighbours and its history', async () => {
  await using repository = await releasedRepository();
  await repository.commit('docs: a', 'docs/nested/CHANGES.md');
  await pushChange(repository, 'fix: b');
  await release(request({ changelog: './docs/nested/CHANGES.md' }), portsOf(repository));
  const changed = await repository.sh(['show', '--name-status', '--format=', 'main'], repository.remote);
  assert.equal(changed, 'M\tdocs/nested/CHANGES.md');
});

test('prereleases count up, move no floating tag and end in the stable version', async () => {
  await using repository = await releasedRepository();
  await pushChange(repository, 'feat: a');
  const first = await release(request({ prerelease: 'rc', 'floating-tags': 'major' }), portsOf(repository));
  assert.equal(first.outputs.tag, 'v1.3.0-rc.1');
  await pushChange(repository, 'fix: b');
  const second = await release(request({ prerelease: 'rc', 'floating-tags': 'major' }), portsOf(repository));
  assert.equal(second.outputs.tag, 'v1.3.0-rc.2');
  assert.equal(await repository.sh(['tag', '--list', 'v1'], repository.remote), '');
  const stable = await release(request({ 'floating-tags': 'major' }), portsOf(repository));
  assert.equal(stable.outputs.tag, 'v1.3.0');
  assert.match(String(stable.outputs.changelog), /- a \(.*- b \(/s);
  assert.equal(await repository.sh(['tag', '--list', 'v1'], repository.remote), 'v1');
});

test('version tags that only the remote has are fetched before the version is decided', async () => {
  await using repository = await releasedRepository();
  await pushChange(repository, 'fix: a');
  await repository.sh(['tag', '-d', 'v1.2.0']);
  const report = await release(request(), portsOf(repository));
  assert.equal(report.outputs.version, '1.2.1');
});

test('a signed release can be verified by git', async () => {
  await using repository = await releasedRepository();
  const key = join(repository.folder, '..', 'key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  const signers = join(repository.folder, '..', 'signers');
  await writeFile(signers, `test@example.invalid ${await readFile(`${key}.pub`, 'utf8')}`);
  await repository.sh(['config', 'gpg.format', 'ssh']);
  await repository.sh(['config', 'user.signingkey', key]);
  await repository.sh(['config', 'gpg.ssh.allowedSignersFile', signers]);
  await pushChange(repository, 'fix: a');
  const report = await release(request({ sign: 'true' }), portsOf(repository));
  assert.equal(report.outputs.tag, 'v1.2.1');
  await repository.sh(['fetch', '-q', 'origin', 'tag', 'v1.2.1']);
  await repository.sh(['verify-tag', 'v1.2.1']);
  await repository.sh(['verify-commit', 'v1.2.1^{commit}']);
});

test('a key that is not there is a coded error and leaves no tag', async () => {
  await using repository = await releasedRepository();
  await repository.sh(['config', 'gpg.format', 'ssh']);
  await repository.sh(['config', 'user.signingkey', '/nowhere/key']);
  await pushChange(repository, 'fix: a');
  await rejectsWith(release(request({ sign: 'true' }), portsOf(repository)), 'releases/signing-failed', 3);
  assert.equal(await repository.sh(['tag', '--list', 'v1.2.1']), '');
});

test('a release page is made for the tag, and made up for when it failed', async () => {
  await using repository = await releasedRepository();
  await pushChange(repository, 'feat: a');
  const pages: string[] = [];
  const forge = (fail: boolean): Forge =>
    ({
      createRelease: async ({ tag, notes, prerelease }: Parameters<FullForge['createRelease']>[0]) => {
        if (fail) throw new Error('down');
        pages.push(`${tag} ${prerelease} ${notes.startsWith('### Added')}`);
        return { url: `https://forge.invalid/${tag}` };
      },
    }) as Forge;
  const wanted = request({ 'create-release': 'true' });
  await assert.rejects(release(wanted, { ...portsOf(repository), forge: forge(true) }), /down/);
  const report = await release(wanted, { ...portsOf(repository), forge: forge(false) });
  assert.equal(report.outputs['release-url'], 'https://forge.invalid/v1.3.0');
  assert.deepEqual(pages, ['v1.3.0 false true']);
  await rejectsWith(release(wanted, portsOf(repository)), 'releases/no-forge', 2);
});

for (const sign of ['false', 'true']) {
  for (const push of ['true', 'false']) {
    test(`a run that is killed after any step is completed by the next one (push ${push}, sign ${sign})`, async () => {
      await using original = await releasedRepository();
      await useSigningKey(original);
      await pushChange(original, 'feat: a');
      let steps = Number.POSITIVE_INFINITY;
      for (let step = 1; step <= steps; step += 1) {
        await using repository = await original.copy();
        const wanted = request({ push, sign, 'floating-tags': 'major' });
        const outcome = await release(
          wanted,
          portsOf(repository, dyingGit(gitIn(repository.folder), step)),
        ).then(
          () => 'done',
          (error: Error) => error.message,
        );
        if (outcome === 'done') {
          steps = step;
          break;
        }
        assert.equal(outcome, 'killed');
        await release(wanted, portsOf(repository));
        const where = push === 'true' ? repository.remote : repository.folder;
        const at = (name: string) => repository.sh(['rev-parse', `${name}^{commit}`], where);
        const tip = await at('main');
        assert.deepEqual([await at('v1.3.0'), await at('v1')], [tip, tip], `killed after step ${step}`);
        assert.equal(
          await repository.sh(['rev-list', '--count', 'v1.2.0..main'], where),
          '2',
          `step ${step}`,
        );
        assert.equal(await repository.sh(['status', '--porcelain']), '', `step ${step}`);
        assert.equal(await repository.sh(['rev-parse', 'HEAD']), tip, `step ${step}`);
      }
      assert.ok(steps > 5 && steps < 12, `${steps} steps`);
    });
  }
}

test('a branch that moved during the release makes the push fail whole', async () => {
  await using repository = await releasedRepository();
  await pushChange(repository, 'feat: a');
  const racing: Git = {
    ...gitIn(repository.folder),
    run: async (args, options) => {
      if (args.includes('push')) {
        const tree = await repository.sh(['rev-parse', 'main^{tree}'], repository.remote);
        const config = ['-c', 'user.name=Other', '-c', 'user.email=other@example.invalid'];
        const parent = ['-p', 'main', '-m', 'fix: meanwhile'];
        const other = await repository.sh([...config, 'commit-tree', tree, ...parent], repository.remote);
        await repository.sh(['update-ref', 'refs/heads/main', other], repository.remote);
      }
      return gitIn(repository.folder).run(args, options);
    },
  };
  const before = await repository.sh(['for-each-ref']);
  await rejectsWith(
    release(request({ 'floating-tags': 'major' }), portsOf(repository, racing)),
    'releases/push-rejected',
    4,
  );
  assert.equal(await repository.sh(['tag', '--list', 'v1.3.0', 'v1'], repository.remote), '');
  assert.equal(await repository.sh(['for-each-ref']), before);
  const next = await release(request(), portsOf(repository));
  assert.match(next.summary, /newer commits/);
});

test('a remote that is not there is told in the words of git that name it', async () => {
  await using repository = await releasedRepository();
  await repository.sh(['remote', 'remove', 'origin']);
  await assert.rejects(
    release(request(), portsOf(repository)),
    /cannot be read: fatal: 'origin' does not appear/,
  );
});

test('every state that a release must not start from is a coded error', async (context) => {
  const cases: Record<
    string,
    [string, number, (repository: TemporaryRepository) => Promise<unknown>, ReleaseRequest?]
  > = {
    'a changed file': [
      'releases/dirty-tree',
      2,
      async ({ folder }) => writeFile(join(folder, 'file-1.txt'), 'x'),
    ],
    'a detached HEAD': ['releases/detached-head', 2, ({ sh }) => sh(['checkout', '-q', '--detach'])],
    'another branch': ['releases/wrong-branch', 5, ({ sh }) => sh(['checkout', '-q', '-b', 'other'])],
    'unpushed commits': ['releases/branch-ahead', 2, ({ commit }) => commit('fix: mine')],
    'a remote that is gone': [
      'releases/remote-unreachable',
      4,
      ({ sh }) => sh(['remote', 'set-url', 'origin', '/nowhere']),
    ],
    'a version tag only here': ['releases/tag-mismatch', 5, ({ sh }) => sh(['tag', 'v7.0.0'])],
    'a version tag that moved': ['releases/tag-mismatch', 5, ({ sh }) => sh(['tag', '-f', 'v1.2.0', 'HEAD'])],
    'a taken tag': [
      'releases/tag-exists',
      5,
      async ({ sh }) => {
        const tree = await sh(['rev-parse', 'HEAD^{tree}']);
        await sh(['tag', 'v1.3.0', await sh(['commit-tree', tree, '-m', 'elsewhere'])]);
        await sh(['push', '-q', 'origin', 'v1.3.0']);
      },
    ],
    'no identity': [
      'releases/no-identity',
      2,
      async ({ sh }) => {
        await sh(['config', '--unset', 'user.name']);
        await sh(['config', '--unset', 'user.email']);
      },
    ],
    'a bad version': ['releases/bad-input', 2, async () => {}, request({ 'release-as': 'two' })],
    'a changelog outside': ['files/outside-workspace', 5, async () => {}, request({ changelog: '../x.md' })],
  };
  for (const [name, [code, exitCode, spoil, wanted]] of Object.entries(cases)) {
    await context.test(name, async () => {
      await using repository = await releasedRepository();
      await pushChange(repository, 'feat: a');
      await spoil(repository);
      const before = await repository.sh(['for-each-ref']);
      await rejectsWith(release(wanted ?? request(), portsOf(repository)), code, exitCode);
      assert.equal(await repository.sh(['for-each-ref']), before);
    });
  }
});

test('a shallow clone is refused', async () => {
  await using repository = await releasedRepository();
  await pushChange(repository, 'feat: a');
  const shallow = join(repository.folder, '..', 'shallow');
  await repository.sh(['clone', '-q', '--depth=1', `file://${repository.remote}`, shallow]);
  await rejectsWith(release(request(), portsOf(repository, gitIn(shallow))), 'releases/shallow-clone', 2);
});

async function useSigningKey(repository: TemporaryRepository): Promise<void> {
  const key = join(repository.folder, '..', 'key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  await repository.sh(['config', 'gpg.format', 'ssh']);
  await repository.sh(['config', 'user.signingkey', key]);
}

const writing = ['hash-object', 'mktree', 'mktag', 'commit-tree', '--sign', 'update-ref', 'push', 'merge'];

/** A git whose nth writing command still happens, and whose caller is dead afterwards. */
function dyingGit(git: Git, step: number): Git {
  let count = 0;
  return {
    ...git,
    async run(args, options) {
      const result = await git.run(args, options);
      if (args.some((arg) => writing.includes(arg))) count += 1;
      if (count >= step) throw new Error('killed');
      return result;
    },
  };
}

async function rejectsWith(work: Promise<unknown>, code: string, exitCode: number): Promise<void> {
  await assert.rejects(work, (error: { code?: string; exitCode?: number; remedy?: string }) => {
    assert.deepEqual([error.code, error.exitCode], [code, exitCode]);
    assert.ok(error.remedy);
    return true;
  });
}
