import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type CliOptions, reportOf, runCli } from './cli-fixture.ts';
import { address, makeRepository } from './commits-fixture.ts';

const yaml = (commits: object) =>
  JSON.stringify({
    project: 'x',
    environments: { prod: { cluster: { context: 'none' } } },
    policy: { commits: { require: 'signed', ...commits } },
  });

/** A repository with a policy on its base branch, and `zakenak verify` on a pull request against it, as a GitHub runner starts it. */
async function makeJudged(t: TestContext, policy: object) {
  const repository = await makeRepository(t);
  const { root, folder, git, write, commit, makeSshKey } = repository;
  const [key, intruder] = [await makeSshKey(), await makeSshKey()];
  await write('trust/signers', `${address} ${key.publicKey}\n`);
  await write('zakenak.yaml', yaml({ allowedSigners: 'trust/signers', ...policy }));
  git('add', '-A');
  const base = commit({ ssh: key.path });
  git('switch', '-qc', 'topic');
  const event = join(folder, 'event.json');
  const verify = async (
    args: readonly string[] = [],
    more: CliOptions['env'] = {},
    fork = false,
    from = base,
  ) => {
    const head = git('rev-parse', 'HEAD');
    const repo = { full_name: 'o/r', fork: false };
    const ends = {
      base: { sha: from, ref: 'main', repo },
      head: { sha: head, ref: 'topic', repo: fork ? { full_name: 'x/r', fork } : repo },
    };
    await writeFile(event, JSON.stringify({ pull_request: { number: 1, html_url: '', title: '', ...ends } }));
    const env = {
      ...{ GITHUB_ACTIONS: 'true', GITHUB_EVENT_NAME: 'pull_request', GITHUB_EVENT_PATH: event },
      ...{
        GITHUB_SHA: head,
        GITHUB_WORKSPACE: root,
        GITHUB_REPOSITORY: 'o/r',
        GITHUB_REF: 'refs/pull/1/merge',
      },
      ...more,
    };
    const outcome = await runCli(['verify', '--json', ...args], { cwd: root, env });
    const report = reportOf(outcome);
    const unverified = report.outputs.unverified as Readonly<Record<string, string>> | undefined;
    return { report, rules: Object.values(unverified ?? {}), verified: report.outputs.verified };
  };
  return { ...repository, key, intruder, base, verify };
}

test('a pull request is judged by the base branch’s policy, whatever it makes of that policy itself', async (t) => {
  const { git, write, commit, intruder, base, verify } = await makeJudged(t, {
    revokedKeys: 'trust/revoked',
    webFlow: 'deny',
  });
  const changes = [
    { require: 'off' },
    { failOn: 'none' },
    { allowedSigners: 'mine' },
    { mode: 'api' },
    { allowedSigners: 'mine', revokedKeys: 'none', bots: [address], tags: [], minStrength: 2048 },
  ];
  for (const change of changes) {
    git('reset', '-q', '--hard', base);
    await write('mine', `${address} ${intruder.publicKey}\n`);
    await write('trust/signers', `${address} ${intruder.publicKey}\n`);
    await write('zakenak.yaml', yaml(change));
    git('add', '-A');
    commit({ ssh: intruder.path });
    const { report, rules, verified } = await verify();
    const name = JSON.stringify(change);
    assert.deepEqual([report.verdict, rules, verified], ['failed', ['commit/unknown-signer'], 0], name);
    assert.ok(
      report.caveats.some((caveat) => caveat.includes('trust/signers')),
      name,
    );
  }
  // Also where the change takes the policy away.
  git('reset', '-q', '--hard', base);
  git('rm', '-q', 'zakenak.yaml', 'trust/signers');
  commit({ ssh: intruder.path });
  assert.deepEqual((await verify()).rules, ['commit/unknown-signer']);
});

test('below the top of a repository the policy, the signers and what is revoked are the folder’s own', async (t) => {
  const { git, write, commit, key, intruder, verify } = await makeJudged(t, { require: 'off' });
  const policy = { allowedSigners: 'trust/signers', revokedKeys: 'trust/revoked' };
  await write('apps/zakenak.yaml', yaml(policy));
  await write('apps/trust/signers', `${address} ${key.publicKey}\n${address} ${intruder.publicKey}\n`);
  await write('apps/trust/revoked', `${intruder.publicKey}\n`);
  git('add', '-A');
  const own = commit({ ssh: key.path });
  git('rm', '-qr', 'apps/zakenak.yaml', 'apps/trust');
  await write('apps/kept', '');
  git('add', '-A');
  commit({ ssh: intruder.path });
  const { rules } = await verify(['--directory', 'apps'], {}, false, own);
  assert.deepEqual(rules, ['commit/revoked-key']);
});

test('where it is asked the action signs first, by this clone’s settings, but never what a fork brings', async (t) => {
  const { commit, git, key, verify } = await makeJudged(t, {});
  for (const [name, value] of Object.entries({
    ...{ 'gpg.format': 'ssh', 'user.signingKey': key.path, 'user.name': 'signer', 'user.email': address },
  }))
    git('config', name, value);
  const unsigned = commit();
  assert.deepEqual((await verify()).rules, ['commit/unsigned']);
  const refused = await verify(['--sign', 'git'], {}, true);
  assert.equal(refused.report.error?.code, 'pipeline/refused-for-fork');
  assert.equal(git('rev-parse', 'HEAD'), unsigned);
  const { report, rules, verified } = await verify(['--sign', 'git']);
  assert.deepEqual([report.verdict, rules, verified], ['passed', [], 1]);
  assert.deepEqual(report.outputs.signed, { [unsigned]: git('rev-parse', 'HEAD') });
});

test('every key of policy.commits counts as the input of its name does', async (t) => {
  const now = Math.floor(Date.now() / 1000);
  const yesterday = new Date((now - 86_400) * 1000).toISOString().slice(0, 10).replaceAll('-', '');
  const policies: readonly (readonly [
    object,
    (judged: Awaited<ReturnType<typeof makeJudged>>) => Promise<void>,
  ])[] = [
    [
      { revokedKeys: 'trust/revoked' },
      async ({ git, write, key, commit, verify }) => {
        git('switch', '-q', 'main');
        await write('trust/revoked', `${key.publicKey}\n`);
        git('add', '-A');
        commit({ ssh: key.path });
        commit({ ssh: key.path });
        const { rules } = await verify(['--policy-ref', 'HEAD~1']);
        assert.ok(rules.length > 0 && rules.every((rule) => rule === 'commit/revoked-key'), String(rules));
      },
    ],
    [
      { tags: ['v*'] },
      async ({ git, commit, key, verify }) => {
        commit({ ssh: key.path });
        git('tag', 'v1');
        assert.deepEqual((await verify()).rules, ['tag/unsigned']);
      },
    ],
    [
      { failOn: 'none' },
      async ({ commit, verify }) => {
        commit();
        const { report, rules } = await verify();
        assert.deepEqual([report.verdict, rules], ['passed', ['commit/unsigned']]);
        assert.equal((await verify(['--fail-on', 'unverified'])).report.verdict, 'failed');
      },
    ],
    [
      { mode: 'both' },
      async ({ commit, key, verify }) => {
        commit({ ssh: key.path });
        assert.equal((await verify()).report.error?.code, 'commits/no-forge');
        assert.equal((await verify(['--mode', 'local'])).report.verdict, 'passed');
      },
    ],
    [
      { revocationLists: 'trust/signers', caCertificates: 'trust/signers' },
      async ({ git, writeCommit, readCommit, commit, key, verify }) => {
        const text = readCommit(commit({ ssh: key.path }));
        git('reset', '-q', '--hard', writeCommit(text.replace(/SSH SIGNATURE/g, 'SIGNED MESSAGE')));
        assert.equal((await verify()).report.error?.code, 'commits/bad-ca-certificates');
      },
    ],
    [
      { requireDco: true, bots: ['bot@example.invalid'] },
      async ({ commit, key, verify }) => {
        commit({ ssh: key.path, authorEmail: 'bot@example.invalid' });
        assert.deepEqual((await verify()).rules, []);
        commit({ ssh: key.path, authorEmail: 'human@example.invalid' });
        assert.deepEqual((await verify()).rules, ['commit/no-sign-off']);
      },
    ],
  ];
  for (const [policy, check] of policies) await check(await makeJudged(t, policy));

  const strength = await makeJudged(t, {
    minStrength: 3072,
    graceExpired: '48h',
    allowedSigners: 'trust/both',
  });
  const [short, old] = [await strength.makeSshKey('rsa', 2048), await strength.makeSshKey()];
  strength.git('switch', '-q', 'main');
  await strength.write(
    'trust/both',
    `${address} ${short.publicKey}\n${address} valid-before="${yesterday}Z" ${old.publicKey}\n`,
  );
  strength.git('add', '-A');
  const trusted = strength.commit({ ssh: old.path });
  strength.commit({ ssh: short.path });
  const ref = ['--policy-ref', trusted];
  assert.deepEqual((await strength.verify(ref)).rules, ['commit/weak-key']);
  assert.deepEqual(
    (await strength.verify([...ref, '--grace-expired', '1s', '--min-strength', '1024'])).rules,
    ['commit/expired-key'],
  );
});
