import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createProcessRunner } from '@zakenak/machine';
import { createGit } from './git.ts';
import { resolveRange, resolveRangeSince } from './range.ts';

async function repository(t: TestContext) {
  const root = await mkdtemp(join(tmpdir(), 'zakenak-git-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  const git = (...args: string[]) =>
    execFileSync(
      'git',
      ['-c', 'user.name=t', '-c', 'user.email=t@example.invalid', '-c', 'init.defaultBranch=main', ...args],
      { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    ).trim();
  git('init', '-q');
  const commit = async (name: string, text = name) => {
    await writeFile(join(root, name), text);
    git('add', '-A');
    git('commit', '-qm', name);
    return git('rev-parse', 'HEAD');
  };
  return { root, git, commit, port: createGit({ process: createProcessRunner(), root }) };
}

test('a pull request is what its head has and its base has not, also after the base moved', async (t) => {
  const { git, commit, port } = await repository(t);
  await commit('a');
  git('switch', '-qc', 'topic');
  const one = await commit('b');
  const head = await commit('c d\n"e');
  git('switch', '-q', 'main');
  const base = await commit('moved');
  const range = await resolveRange(
    {
      kind: 'pull-request',
      headSha: head,
      baseSha: base,
      baseBranch: 'main',
      pullRequest: { number: 4, fork: false },
    },
    port,
  );
  assert.deepEqual(await port.commits(range), [head, one]);
  assert.deepEqual(
    (await port.changedFiles(range)).map(({ path, status }) => `${status} ${path}`),
    ['added b', 'added c d\n"e'],
  );
  assert.equal(range.reason, 'pull request #4 against main');
});

test('first, forced and later pushes, tags and a laptop each get their own range', async (t) => {
  const { git, commit, port } = await repository(t);
  const first = await commit('a');
  git('tag', '-a', '-m', 'x', 'v1');
  const second = await commit('b');
  git('tag', 'v2');
  git('switch', '-qc', 'topic');
  const third = await commit('c');
  const commits = async (event: Parameters<typeof resolveRange>[0]) =>
    port.commits(await resolveRange(event, port));
  assert.deepEqual(
    await commits({ kind: 'push', headSha: third, headBranch: 'topic', defaultBranch: 'main' }),
    [third],
  );
  assert.deepEqual(
    await commits({
      kind: 'push',
      headSha: third,
      headBranch: 'topic',
      baseSha: first,
      forced: true,
      defaultBranch: 'main',
    }),
    [third],
  );
  assert.deepEqual(await commits({ kind: 'push', headSha: third, headBranch: 'topic', baseSha: first }), [
    third,
    second,
  ]);
  assert.deepEqual(
    await commits({ kind: 'push', headSha: first, headBranch: 'main', defaultBranch: 'main' }),
    [first],
  );
  assert.deepEqual(await commits({ kind: 'tag', headSha: second, tag: 'v2' }), [second]);
  assert.deepEqual(await commits({ kind: 'tag', headSha: first, tag: 'v1' }), [first]);
  assert.deepEqual(await commits({ kind: 'local' }), [third]);
  assert.deepEqual(
    (await port.tags()).map(({ name, commit: to }) => [name, to]),
    [
      ['v1', first],
      ['v2', second],
    ],
  );
});

test('a forced push is what neither the former tip nor the default branch has, also when nobody says that it was forced', async (t) => {
  const { git, commit, port } = await repository(t);
  const first = await commit('a');
  git('switch', '-qc', 'topic');
  const former = await commit('b');
  git('switch', '-q', 'main');
  const moved = await commit('main');
  git('switch', '-qC', 'topic');
  const head = await commit('rebased');
  const push = { kind: 'push', headSha: head, headBranch: 'topic', defaultBranch: 'main' } as const;
  const commits = async (event: Parameters<typeof resolveRange>[0]) =>
    port.commits(await resolveRange(event, port));
  assert.deepEqual(await commits({ ...push, baseSha: former, forced: true }), [head]);
  assert.deepEqual(await commits({ ...push, baseSha: former }), [head]);
  const gone = { ...push, baseSha: 'd'.repeat(40) };
  assert.deepEqual(await commits(gone), [head]);
  assert.match((await resolveRange(gone, port)).reason, /^forced push/);
  await assert.rejects(commits({ ...gone, forced: false }), { code: 'git/unknown-revision' });
  // On the default branch itself the former tip is all that bounds it.
  const main = { ...push, headBranch: 'main', baseSha: former, forced: true };
  assert.deepEqual(await commits(main), [head, moved]);
  assert.deepEqual(await commits({ ...main, baseSha: 'd'.repeat(40) }), [head, moved, first]);
});

test('a tag is judged since an older commit’s tag, whatever else is tagged at its own', async (t) => {
  const { git, commit, port } = await repository(t);
  await commit('a');
  git('tag', 'v1.0.0');
  const head = await commit('b');
  git('tag', 'v1.1.0');
  git('tag', 'v1');
  git('update-ref', 'refs/tags/-v', head);
  for (const tag of ['v1.1.0', 'v1', '-v']) {
    const range = await resolveRange({ kind: 'tag', headSha: head, tag }, port);
    assert.deepEqual(await port.commits(range), [head], tag);
  }
});

test('what cannot be judged is refused with its own code', async (t) => {
  const { root, git, commit, port } = await repository(t);
  await assert.rejects(resolveRange({ kind: 'local' }, port), { code: 'git/empty-repository', exitCode: 2 });
  await commit('a');
  await commit('b');
  await assert.rejects(port.resolve('--output=x'), { code: 'git/unknown-revision' });
  await assert.rejects(port.resolve('a\nb'), { code: 'git/unknown-revision' });
  await assert.rejects(port.resolve('nope'), { code: 'git/unknown-revision' });
  const shallow = join(root, 'shallow');
  git('clone', '-q', '--depth=1', `file://${root}`, shallow);
  const cut = createGit({ process: createProcessRunner(), root: shallow });
  await assert.rejects(resolveRange({ kind: 'local' }, cut), { code: 'git/shallow-clone', exitCode: 2 });
  await assert.rejects(createGit({ process: createProcessRunner(), root: tmpdir() }).isShallow(), {
    code: 'git/not-a-repository',
  });
  git('switch', '-q', '--detach', 'HEAD');
  git('branch', '-D', 'main');
  await assert.rejects(resolveRange({ kind: 'local' }, port), { code: 'git/detached-head' });
});

test('a hook of the repository does not run', async (t) => {
  const { root, commit, port } = await repository(t);
  await commit('a');
  await writeFile(join(root, '.git/hooks/reference-transaction'), `#!/bin/sh\ntouch ${root}/hook-ran\n`, {
    mode: 0o755,
  });
  await port.run(['update-ref', 'refs/heads/x', 'HEAD']);
  await assert.rejects(access(join(root, 'hook-ran')));
});

test('a branch that only origin has is found by its name, and nothing that reads like an object id or a revision’s expression', async (t) => {
  const { git, commit, port } = await repository(t);
  const first = await commit('a');
  const second = await commit('b');
  const id = 'abcdef0123456789abcdef0123456789abcdef01';
  for (const name of ['release/1.x', id, 'abcd', 'here'])
    git('update-ref', `refs/remotes/origin/${name}`, first);
  git('branch', 'here', second);
  assert.equal(await port.resolve('release/1.x'), first);
  assert.equal(await port.resolve('here'), second, 'what is here comes first');
  for (const name of [id, 'abcd', 'release/1.x~0:x', 'refs/release/1.x', 'release', '..', '@{u}'])
    await assert.rejects(port.resolve(name), { code: 'git/unknown-revision' }, name);
});

test('a range since a named revision ends at the event’s head, and is refused in a cut history', async (t) => {
  const { root, git, commit, port } = await repository(t);
  const first = await commit('a');
  const headSha = await commit('b');
  await commit('c');
  git('update-ref', 'refs/remotes/origin/release', first);
  const range = await resolveRangeSince('release', { kind: 'push', headSha }, port);
  assert.deepEqual(await port.commits(range), [headSha]);
  await assert.rejects(resolveRangeSince('-x', { kind: 'push' }, port), { code: 'git/unknown-revision' });
  const shallow = join(root, 'shallow');
  git('clone', '-q', '--depth=1', `file://${root}`, shallow);
  const cut = createGit({ process: createProcessRunner(), root: shallow });
  await assert.rejects(resolveRangeSince('main', { kind: 'push' }, cut), { code: 'git/shallow-clone' });
});

test('the repository’s own settings run nothing: no monitor, no external diff, no signature program, no foreign transport', async (t) => {
  const { root, git, commit, port } = await repository(t);
  await commit('a', '1');
  await commit('a', '2');
  const trap = join(root, '.git', 'trap');
  await writeFile(trap, `#!/bin/sh\ntouch '${root}/sprung'\n`, { mode: 0o755 });
  for (const [name, value] of Object.entries({
    ...{ 'core.fsmonitor': trap, 'core.pager': trap, 'diff.external': trap, 'gpg.program': trap },
    ...{ 'log.showSignature': 'true', 'core.hooksPath': join(root, '.git') },
  }))
    git('config', name, value);
  await port.run(['status']);
  await port.run(['log', '-p']);
  await port.run(['show', 'HEAD']);
  for (const address of [`file://${root}`, `ext::${trap}`])
    await assert.rejects(
      port.run(['ls-remote', address]),
      { code: 'git/failed', message: /not allowed/ },
      address,
    );
  await assert.rejects(access(join(root, 'sprung')));
});

test('below the top of a repository a path is the folder’s own, as everywhere else', async (t) => {
  const { root, git, commit } = await repository(t);
  await mkdir(join(root, 'apps'));
  await commit('zakenak.yaml', 'top');
  await commit('apps/moved', 'a\nb\nc\n');
  const base = await commit('apps/zakenak.yaml', 'own');
  git('mv', 'apps/moved', 'elsewhere');
  await commit('zakenak.yaml', 'top too');
  await commit('apps/a\nb');
  const head = await commit('apps/zakenak.yaml', 'own too');
  const below = createGit({ process: createProcessRunner(), root: join(root, 'apps') });
  assert.equal(await below.readFile(base, 'zakenak.yaml'), 'own');
  assert.equal(await below.readFile(base, 'apps/zakenak.yaml'), undefined);
  git('clone', '-q', '--bare', root, join(root, 'bare.git'));
  const bare = createGit({ process: createProcessRunner(), root: join(root, 'bare.git') });
  assert.equal(await bare.readFile(base, 'apps/zakenak.yaml'), 'own');
  const changes = await below.changedFiles({ bases: [base], head, reason: '' });
  assert.deepEqual(changes.map(({ path, status }) => `${status} ${path}`).sort(), [
    'added a\nb',
    'deleted moved',
    'modified zakenak.yaml',
  ]);
});
