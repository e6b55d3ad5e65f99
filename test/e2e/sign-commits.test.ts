import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setupSigning, signByForge, signCommits, signSpec, verifyCommits } from '@zakenak/commits';
import { type CommitRange, parseInputs } from '@zakenak/core';
import { createGithubForge } from '@zakenak/forges';
import { createSystemClock } from '@zakenak/machine';
import { address, makeRepository } from './commits-fixture.ts';
import { authority, makeX509 } from './x509-fixture.ts';

const inputs = (values: Record<string, string>) => parseInputs(signSpec, (name) => values[name]);
type Repository = Awaited<ReturnType<typeof makeRepository>>;

const rangeOf = ({ git }: Repository, base?: string): CommitRange => ({
  bases: base ? [base] : [],
  head: git('rev-parse', 'HEAD'),
  reason: 'test',
});

/** Unsigned commits of several shapes: another author, an encoding, a body, a merge. Gives the first, which is the base. */
function makeUnsigned({ git, run, commit }: Repository): string {
  git('config', 'user.name', 'signer');
  git('config', 'user.email', address);
  const base = commit({ message: 'base' });
  commit({
    message: 'one\n\nwith a body\nparent 1111\ncommitter x',
    authorEmail: 'other@example.com',
    time: 1_700_000_000,
  });
  git('switch', '-qc', 'side');
  commit({ message: 'side', email: 'somebody@example.com' });
  git('switch', '-q', 'main');
  run('git', ['-c', 'i18n.commitEncoding=ISO-8859-1', 'commit', '-q', '--allow-empty', '-m', 'encoded'], {});
  git('merge', '-q', '--no-ff', '-m', 'merge', 'side');
  return base;
}

/** What of a history has to survive: everything but ids, signatures and other people's committer lines. */
const shapeOf = ({ git }: Repository, base: string) => [
  git('log', '--topo-order', '--format=%T %an %ae %ad %s %b %e', `${base}..HEAD`),
  git('rev-list', '--topo-order', '--parents', `${base}..HEAD`).replace(/[0-9a-f]{40}/g, 'id'),
];

/** git's own word on every commit since the base. */
function gitVerdicts({ git, root, env }: Repository, base: string): readonly boolean[] {
  return git('rev-list', `${base}..HEAD`)
    .split('\n')
    .map((id) => spawnSync('git', ['verify-commit', id], { cwd: root, env }).status === 0);
}

async function signAndCheck(t: TestContext, repository: Repository, base: string): Promise<void> {
  const { git, ports, request } = repository;
  const before = shapeOf(repository, base);
  await t.test('signs, and leaves all else', async () => {
    const report = await signCommits({ range: rangeOf(repository, base) }, ports);
    assert.deepEqual([report.verdict, Object.keys(report.outputs.signed as object).length], ['passed', 4]);
    assert.equal(git('rev-parse', 'main'), report.outputs.head);
    assert.deepEqual(gitVerdicts(repository, base), [true, true, true, true]);
    assert.deepEqual(shapeOf(repository, base), before);
    assert.equal(git('status', '--porcelain', '--untracked-files=no'), '');
    const verified = await verifyCommits(request({ base }), ports);
    assert.deepEqual([verified.verdict, verified.outputs.verified], ['passed', 4]);
    assert.deepEqual(git('log', '--format=%ce', `${base}..HEAD`).split('\n'), Array(4).fill(address));
    assert.match(git('cat-file', 'commit', 'HEAD^1'), /^encoding ISO-8859-1$/m);
  });
  await t.test('a second time there is nothing to sign', async () => {
    const again = await signCommits({ range: rangeOf(repository, base) }, ports);
    assert.deepEqual(again.outputs.signed, {});
  });
}

test('commits are signed by SSH', async (t) => {
  const repository = await makeRepository(t);
  const { makeSshKey, ports, git } = repository;
  const base = makeUnsigned(repository);
  const key = await makeSshKey();
  await setupSigning(inputs({ action: 'setup', key: `${key.path}.pub`, principal: address }), ports);
  await signAndCheck(t, repository, base);
  git('config', 'user.signingKey', '/nonexistent');
  repository.commit();
  await assert.rejects(signCommits({ range: rangeOf(repository, base) }, ports), {
    code: 'commits/signing-failed',
  });
  git('config', '--unset', 'user.signingKey');
  await assert.rejects(signCommits({ range: rangeOf(repository, base) }, ports), {
    code: 'commits/no-signing-key',
  });
  git('config', 'user.email', '');
  await assert.rejects(signCommits({ range: rangeOf(repository, base) }, ports), {
    code: 'commits/no-identity',
  });
});

test('commits are signed by gpg, after a setup that puts the public key into the keyring', async (t) => {
  const repository = await makeRepository(t);
  const { makeGpgKey, ports, git } = repository;
  const base = makeUnsigned(repository);
  const key = makeGpgKey(`signer <${address}>`);
  const wanted = inputs({ key });
  const first = await setupSigning(wanted, ports);
  assert.deepEqual(first.outputs.changed, [
    ...['gpg.format', 'user.signingKey', 'commit.gpgSign', 'tag.gpgSign'],
    `.zakenak/keyring/${key}.asc`,
  ]);
  assert.deepEqual((await setupSigning(wanted, ports)).outputs.changed, []);
  await signAndCheck(t, repository, base);
  git('config', 'user.email', 'other@example.invalid');
  for (const bad of [{ key }, { key: 'nobody@example.invalid' }])
    await assert.rejects(setupSigning(inputs(bad), ports), { code: 'commits/bad-signing-key' });
});

test('commits are signed by gpgsm, after a setup that puts the root of the certificate among the authorities', async (t) => {
  const repository = await makeRepository(t);
  const { ports, git } = repository;
  const x509 = makeX509(repository);
  const root = x509.certificate('Root', { extensions: authority });
  await x509.teachGpgsm([root], [x509.certificate('Signer', { issuer: root, algorithm: 'rsa:2048' })]);
  const base = makeUnsigned(repository);
  const wanted = inputs({ key: address, format: 'x509' });
  const first = await setupSigning(wanted, ports);
  const changed = first.outputs.changed as readonly string[];
  assert.deepEqual(changed.slice(0, 4), ['gpg.format', 'user.signingKey', 'commit.gpgSign', 'tag.gpgSign']);
  assert.match(changed[4] ?? '', /^\.zakenak\/ca_certificates\/[0-9A-F]{40}\.pem$/);
  assert.deepEqual((await setupSigning(wanted, ports)).outputs.changed, []);
  await signAndCheck(t, repository, base);
  git('config', 'user.email', 'other@example.invalid');
  await assert.rejects(setupSigning(wanted, ports), { code: 'commits/bad-signing-key' });
});

test('a signature of somebody else is never replaced, and one’s own only where its ground moved', async (t) => {
  const repository = await makeRepository(t);
  const { makeSshKey, commit, ports, git } = repository;
  git('config', 'user.name', 'signer');
  git('config', 'user.email', address);
  const [mine, theirs] = [await makeSshKey(), await makeSshKey()];
  await setupSigning(inputs({ key: `${mine.path}.pub`, principal: address }), ports);
  const base = commit({ ssh: mine.path });
  const kept = commit({ ssh: mine.path });
  commit();
  const moved = commit({ ssh: mine.path });
  const report = await signCommits({ range: rangeOf(repository, base) }, ports);
  const signed = report.outputs.signed as Readonly<Record<string, string>>;
  assert.deepEqual([kept in signed, moved in signed, Object.keys(signed).length], [false, true, 2]);
  assert.deepEqual(gitVerdicts(repository, base), [true, true, true]);
  commit();
  const head = commit({ ssh: theirs.path, email: 'other@example.invalid' });
  await assert.rejects(signCommits({ range: rangeOf(repository, base) }, ports), {
    code: 'commits/signature-of-another',
    exitCode: 5,
  });
  assert.equal(git('rev-parse', 'HEAD'), head, 'the branch stays where it was');
});

/** Plays the few calls of GitHub's API on a real repository: createCommitOnBranch makes the very commit there. */
async function playGithub(t: TestContext, { folder, run }: Repository) {
  const bare = join(folder, 'forge.git');
  const there = (args: readonly string[], env: Record<string, string> = {}, input?: string | Buffer) =>
    run('git', ['-C', bare, ...args], env, input);
  const state = { rules: [] as object[], protection: 404, tamper: false, verified: true };
  const names = { GIT_AUTHOR_NAME: 'bot', GIT_AUTHOR_EMAIL: 'bot@example.invalid' };
  const bot = { ...names, GIT_COMMITTER_NAME: 'GitHub', GIT_COMMITTER_EMAIL: 'noreply@github.com' };
  const create = (input: {
    readonly branch: { readonly branchName: string };
    readonly expectedHeadOid: string;
    readonly message: { readonly headline: string; readonly body: string };
    readonly fileChanges: {
      readonly additions: readonly { readonly path: string; readonly contents: string }[];
      readonly deletions: readonly { readonly path: string }[];
    };
  }) => {
    const index = { ...bot, GIT_INDEX_FILE: join(folder, 'forge.index') };
    there(['read-tree', input.expectedHeadOid], index);
    const entries = input.fileChanges.additions.map(({ path, contents }) => {
      const bytes = state.tamper ? Buffer.from('other') : Buffer.from(contents, 'base64');
      return `100644 ${there(['hash-object', '-w', '--stdin'], index, bytes)}\t${path}\0`;
    });
    for (const { path } of input.fileChanges.deletions) entries.push(`0 ${'0'.repeat(40)}\t${path}\0`);
    there(['update-index', '-z', '--index-info'], index, entries.join(''));
    const tree = there(['write-tree'], index);
    const message = `${input.message.headline}\n\n${input.message.body}`;
    const oid = there(['commit-tree', tree, '-p', input.expectedHeadOid, '-m', message], index);
    // The head that was expected has to be the branch's.
    there(['update-ref', `refs/heads/${input.branch.branchName}`, oid, input.expectedHeadOid]);
    return { createCommitOnBranch: { commit: { oid, tree: { oid: tree } } } };
  };
  const server = createServer(async (incoming, response) => {
    const send = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    const path = new URL(incoming.url ?? '', 'http://x').pathname;
    if (path === '/repos/o/r') return send(200, { default_branch: 'main' });
    if (path === '/repos/o/r/rules/branches/main') return send(200, state.rules);
    if (path === '/repos/o/r/branches/main/protection/required_signatures')
      return send(state.protection, { enabled: state.protection === 200 });
    const { query, variables } = JSON.parse((await incoming.toArray()).join(''));
    if (!query.startsWith('mutation')) {
      const signature = { isValid: state.verified, state: state.verified ? 'VALID' : 'UNSIGNED' };
      const found = Object.entries(variables).filter(([name]) => name.startsWith('oid'));
      const repository = Object.fromEntries(
        found.map(([name, oid]) => [name.replace('oid', 'commit'), { oid, signature }]),
      );
      return send(200, { data: { repository } });
    }
    try {
      return send(200, { data: create(variables.input) });
    } catch {
      return send(200, {
        errors: [{ message: 'Expected branch to point to another commit', type: 'STALE_DATA' }],
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    state,
    there,
    bare,
    forge: createGithubForge({ owner: 'o', repo: 'r', token: 'none', apiUrl, clock: createSystemClock() }),
  };
}

test('the forge makes the commits itself, the same files in each, or none of them', async (t) => {
  const repository = await makeRepository(t);
  const { git, write, commit, ports } = repository;
  await write('a.txt', 'a\n');
  await write('gone.txt', 'gone\n');
  git('add', '-A');
  const base = commit({ message: 'base' });
  const { forge, state, there, bare } = await playGithub(t, repository);
  git('clone', '-q', '--bare', '.', bare);
  await write('a.txt', `b\0${'é'.repeat(9)}\n`);
  await write('new/file -n\nx.txt', 'new\n');
  git('rm', '-q', 'gone.txt');
  git('add', '-A');
  commit({ message: 'feat: one\n\nwhy\n\nRefs: 1', authorEmail: 'author@example.com' });
  await write('a.txt', 'c\n');
  git('add', '-A');
  commit({ message: 'two' });
  const make = () =>
    signByForge({ range: rangeOf(repository, base), branch: 'main' }, { git: ports.git, forge });
  const report = await make();
  assert.deepEqual([report.verdict, Object.keys(report.outputs.signed as object).length], ['passed', 2]);
  assert.equal(there(['rev-parse', 'main']), report.outputs.head);
  assert.equal(there(['rev-parse', 'main^{tree}']), git('rev-parse', 'HEAD^{tree}'));
  assert.equal(
    there(['log', '-1', '--format=%B', 'main~1']),
    'feat: one\n\nwhy\n\nRefs: 1\nCo-authored-by: author <author@example.com>',
  );
  // The branch has moved since: nothing is written over it.
  await assert.rejects(make(), { code: 'forge/branch-moved' });
  const reset = () => there(['update-ref', 'refs/heads/main', base]);
  reset();
  state.verified = false;
  await assert.rejects(make(), { code: 'commits/forge-undecided' });
  reset();
  Object.assign(state, { verified: true, tamper: true });
  await assert.rejects(make(), { code: 'commits/cannot-sign' });
  reset();
  state.tamper = false;
  await write('run.sh', '#!/bin/sh\n');
  git('add', '-A');
  git('update-index', '--chmod=+x', 'run.sh');
  commit({ message: 'executable' });
  await assert.rejects(make(), { code: 'commits/cannot-sign', exitCode: 5 });
  assert.equal(there(['rev-parse', 'main']), base, 'what cannot be made whole is not begun');
  const none = { git: ports.git, forge: undefined };
  await assert.rejects(signByForge({ range: rangeOf(repository, base), branch: 'main' }, none), {
    code: 'commits/no-forge',
  });
});

test('the setup says whether the forge demands signatures', async (t) => {
  const repository = await makeRepository(t);
  const { ports, makeSshKey } = repository;
  const { forge, state } = await playGithub(t, repository);
  const key = await makeSshKey();
  const setup = async () => {
    const wanted = inputs({ key: `${key.path}.pub`, principal: address });
    const { outputs, caveats } = await setupSigning(wanted, { ...ports, forge });
    return [outputs['branch-protection'], caveats.length];
  };
  assert.deepEqual(await setup(), ['not-required', 1]);
  state.protection = 403;
  assert.deepEqual(await setup(), ['unknown', 0]);
  state.protection = 200;
  assert.deepEqual(await setup(), ['required', 0]);
  Object.assign(state, { protection: 404, rules: [{ type: 'required_signatures' }] });
  assert.deepEqual(await setup(), ['required', 0]);
});
