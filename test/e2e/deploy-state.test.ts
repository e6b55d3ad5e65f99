import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { makeTestSet, readWrites, type TestSet } from './rollout-fixture.ts';
import { until } from './sandbox-cli.ts';
import { useCluster } from './sandbox-fixture.ts';

const { sandbox, kube, programs: helms } = await useCluster('helm3', 'helm');

const textOf = async ({ name }: TestSet, release: string): Promise<unknown> => {
  const found = await kube.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: name, name: release });
  return (found?.data as { text?: string } | undefined)?.text;
};

/** A deploy that waits for its first release. */
async function startSlowDeploy(set: TestSet) {
  await set.setValues({ base: { text: 'slow', readyAfter: '60s' } });
  let child: ChildProcess | undefined;
  const ended = set.run(['deploy'], {
    onStart: (started) => {
      child = started;
    },
  });
  await until('the slow deploy waits', async () => (await textOf(set, 'base')) === 'slow', 20_000);
  return { child: child as ChildProcess, ended };
}

const rulesOf = ({ report }: Awaited<ReturnType<TestSet['run']>>) =>
  report.findings.map(({ ruleId }) => ruleId);

const lockOf = ({ report }: Awaited<ReturnType<TestSet['run']>>) => [
  report.outputs['lock-state'],
  report.outputs['freed'],
];

test('a living holder keeps its lock; forced, it stops at its next write and the next deploy goes on', async (t) => {
  const set = await makeTestSet(t, sandbox);
  const { ended } = await startSlowDeploy(set);
  // A process of another machine: nobody here can tell whether it is gone.
  const looked = await set.run(['unlock', '--dry-run']);
  assert.deepEqual([looked.exitCode, ...lockOf(looked)], [0, 'alive', false]);
  const during = await set.run(['status']);
  assert.match(during.report.caveats.join(), /is deploying right now/);
  assert.ok(during.report.outputs['locked-by']);
  const failing = ['rollout/interrupted', 'rollout/last-deploy-failed'];
  assert.deepEqual(
    rulesOf(during).filter((rule) => failing.includes(rule)),
    [],
    'what is under way has not failed',
  );
  const refused = await set.run(['unlock']);
  assert.deepEqual([refused.exitCode, refused.report.error?.code], [5, 'rollout/still-held']);
  const forced = await set.run(['unlock', '--force']);
  assert.deepEqual([forced.exitCode, ...lockOf(forced)], [0, 'alive', true]);
  assert.match(forced.report.caveats.join(), /was alive: it stops at its next write/);
  const { report } = await ended;
  assert.equal(report.error?.code, 'rollout/lock-lost');
  await set.setValues({ base: { text: 'next' } });
  const next = await set.run(['deploy']);
  assert.equal(next.report.verdict, 'simulated', next.report.summary);
});

test('a holder that sleeps past its lease, and one that was killed, are found dead and lose the lock', async (t) => {
  for (const signal of ['SIGSTOP', 'SIGKILL'] as const) {
    const set = await makeTestSet(t, sandbox);
    const { child, ended } = await startSlowDeploy(set);
    child.kill(signal);
    if (signal === 'SIGKILL') {
      await ended;
      const killed = await set.run(['status']);
      assert.ok(rulesOf(killed).includes('rollout/interrupted'), killed.report.summary);
      assert.equal(killed.report.outputs['locked-by'], '');
      assert.match(killed.report.caveats.join(), /is gone: the next deploy takes it over/);
      const shown = await set.run(['rollback', '--dry-run']);
      assert.match(shown.report.summary, /did not finish and would be undone: base\b/);
      assert.deepEqual(shown.report.outputs['releases'], ['base']);
    }
    const freed = await set.run(['unlock']);
    assert.deepEqual([freed.exitCode, ...lockOf(freed)], [0, 'dead', true], freed.report.summary);
    assert.deepEqual(
      freed.report.findings.map(({ ruleId }) => ruleId),
      ['rollout/interrupted'],
    );
    assert.deepEqual(lockOf(await set.run(['unlock', '--dry-run'])), ['free', false]);
    const writes = await readWrites(sandbox, set.name);
    child.kill('SIGCONT');
    if (signal === 'SIGSTOP') assert.equal((await ended).report.error?.code, 'rollout/lock-lost');
    await ended;
    assert.deepEqual(await readWrites(sandbox, set.name), writes);
    assert.equal((await set.run(['rollback'])).exitCode, 0);
    assert.equal(await textOf(set, 'base'), undefined);
  }
});

function startHelm(program: string, set: TestSet, text: string, more: Readonly<Record<string, string>>) {
  const chart = join(set.workspace.root, 'charts/app');
  const args = ['--kubeconfig', sandbox.kubeconfig, '--namespace', set.name, 'upgrade', 'web', chart];
  for (const [key, value] of Object.entries({ text, ...more })) args.push('--set', `${key}=${value}`);
  args.push('--wait', '--timeout', '60s');
  return { child: spawn(program, args, { stdio: 'ignore' }), args };
}

/** Helm, killed while it waits: its revision stays pending. */
async function killHelm(program: string, set: TestSet, text: string): Promise<void> {
  const { child } = startHelm(program, set, text, { simulate: 'never-ready' });
  await until('helm has written', async () => (await textOf(set, 'web')) === text, 30_000);
  child.kill('SIGKILL');
  await once(child, 'close');
}

interface HelmRow {
  readonly revision: number;
  readonly status: string;
}
const helmHistory = (program: string, set: TestSet): readonly HelmRow[] =>
  JSON.parse(
    execFileSync(
      program,
      ['--kubeconfig', sandbox.kubeconfig, '--namespace', set.name, 'history', 'web', '-o', 'json'],
      { encoding: 'utf8' },
    ),
  );

test('a journal that cannot be read keeps nobody from seeing the rest, and its remedy leads out of it', async (t) => {
  const set = await makeTestSet(t, sandbox);
  const { child, ended } = await startSlowDeploy(set);
  child.kill('SIGKILL');
  await ended;
  const [namespace, name] = ['default', `zakenak.journal.${set.name}`];
  const head = { apiVersion: 'v1', kind: 'Secret', namespace, name };
  await kube.patch(head, 'merge', { data: { journal: Buffer.from('nonsense').toString('base64') } });
  for (const [verb, found] of [
    ['status', /base/],
    ['audit', /0 entries/],
    ['unlock', /The lock of \S+ is free/],
  ] as const) {
    const run = await set.run([verb]);
    assert.equal(run.exitCode, 1, run.report.error?.message);
    const damage = run.report.findings.find(({ ruleId }) => ruleId === 'rollout/damaged-state');
    assert.match(damage?.remedy ?? '', new RegExp(`zakenak\\.dev/journal=${set.name}; zakenak deploy`), verb);
    assert.match(`${run.report.summary} ${run.report.sections.map(({ text }) => text).join()}`, found);
  }
  for (const verb of ['plan', 'deploy', 'rollback']) {
    const { exitCode, report } = await set.run([verb]);
    assert.deepEqual([exitCode, report.error?.code], [4, 'rollout/damaged-state'], verb);
  }
  await kube.delete(head);
  await set.setValues({ base: { text: 'next' } });
  const next = await set.run(['deploy']);
  assert.equal(next.report.verdict, 'simulated', next.report.error?.message ?? next.report.summary);
  assert.deepEqual(rulesOf(await set.run(['status'])), []);
});

test('a revision that a killed Helm left pending is freed by unlock where that is forced, and not touched by a deploy before', async (t) => {
  for (const program of helms) {
    const set = await makeTestSet(t, sandbox);
    await set.run(['deploy']);
    await killHelm(program, set, 'one');
    assert.equal(helmHistory(program, set).at(-1)?.status, 'pending-upgrade');
    const asked = await set.run(['unlock']);
    assert.deepEqual([asked.exitCode, rulesOf(asked)], [1, ['rollout/helm-at-work']]);
    assert.equal(
      helmHistory(program, set).at(-1)?.status,
      'pending-upgrade',
      'nobody can tell that it is dead',
    );
    const { report, exitCode } = await set.run(['unlock', '--force']);
    assert.equal(exitCode, 0);
    assert.deepEqual(report.outputs['revisions'], [{ release: 'web', revision: 2, was: 'pending-upgrade' }]);
    assert.equal(helmHistory(program, set).at(-1)?.status, 'failed');
    await killHelm(program, set, 'two');
    const refused = await set.run(['deploy', '--lock-timeout', '2s']);
    assert.deepEqual([refused.exitCode, refused.report.error?.code], [5, 'rollout/helm-at-work']);
    assert.equal(helmHistory(program, set).at(-1)?.status, 'pending-upgrade');
    assert.equal((await set.run(['unlock', '--force'])).exitCode, 0);
    const deployed = await set.run(['deploy']);
    assert.equal(deployed.report.verdict, 'simulated', deployed.report.summary);
    assert.equal(await textOf(set, 'web'), 'first');
    assert.deepEqual(
      helmHistory(program, set).map(({ status }) => status),
      ['superseded', 'failed', 'failed', 'deployed'],
    );
    const idle = await set.run(['unlock']);
    assert.match(idle.report.summary, /^Nobody holds the lock of /);
  }
});

test('a Helm may take as long as the set says: one that has had it is taken for gone, and that is told', async (t) => {
  const set = await makeTestSet(t, sandbox);
  const config = await readFile(join(set.workspace.root, 'zakenak.yaml'), 'utf8');
  const allow = (time: string) =>
    set.workspace.write({ 'zakenak.yaml': config.replace('deploy:\n', `deploy:\n  helmTimeout: ${time}\n`) });
  await set.run(['deploy']);
  for (const program of helms) {
    await killHelm(program, set, `by ${program}`);
    await allow('45m');
    const { report } = await set.run(['deploy', '--lock-timeout', '4s']);
    assert.equal(report.error?.code, 'rollout/helm-at-work');
    assert.match(report.error?.message ?? '', /counts as at work for 45 minutes \(deploy\.helmTimeout\)/);
    await allow('3s');
    const deployed = await set.run(['deploy', '--lock-timeout', '10s']);
    assert.equal(deployed.report.verdict, 'simulated', deployed.report.error?.message);
    assert.match(
      deployed.report.caveats.join(),
      /web: revision \d is pending-upgrade .*taken for gone after 1 \(deploy\.helmTimeout\)/,
    );
    assert.equal(await textOf(set, 'web'), 'first');
  }
});

test('a Helm at work is left to its work, and ends it', async (t) => {
  for (const program of helms) {
    const set = await makeTestSet(t, sandbox);
    await set.run(['deploy']);
    const { child, args } = startHelm(program, set, 'slow', { readyAfter: '8s' });
    await until('helm has written', async () => (await textOf(set, 'web')) === 'slow', 30_000);
    const { exitCode, report } = await set.run(['unlock']);
    assert.deepEqual([exitCode, report.outputs['revisions']], [1, []]);
    assert.match(
      report.findings[0]?.message ?? '',
      /^web: revision 2 is pending-upgrade for \d+ s: a Helm may still be at it/,
    );
    assert.deepEqual(await once(child, 'close'), [0, null], args.join(' '));
    assert.equal(helmHistory(program, set).at(-1)?.status, 'deployed');
    assert.equal((await set.run(['unlock'])).exitCode, 0);
  }
});

const lease = ({ name }: TestSet) => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  namespace: 'default',
  name: `zakenak.${name}`,
});

/** Runs unlock by force against a living deploy, which is stopped as soon as it has lost its lock. */
async function forceUnlock(t: TestContext, set: TestSet) {
  const { child: holder, ended } = await startSlowDeploy(set);
  let unlock: ChildProcess | undefined;
  const unlocked = set.run(['unlock', '--force'], {
    onStart: (started) => {
      unlock = started;
    },
  });
  const holderOf = async () => {
    const live = await kube.get(lease(set));
    return (live?.spec as { holderIdentity?: string } | undefined)?.holderIdentity ?? '';
  };
  await until('the lock is taken', async () => (await holderOf()).includes('waiting until'), 20_000);
  const takenAt = performance.now();
  holder.kill('SIGSTOP');
  t.after(() => holder.kill('SIGCONT'));
  return { holder, ended, unlocked, unlock: unlock as ChildProcess, takenAt };
}

test('a lock taken by force is free when its former holder, stopped all the while, can write no more', async (t) => {
  const set = await makeTestSet(t, sandbox);
  const { holder, ended, unlocked, takenAt } = await forceUnlock(t, set);
  await set.setValues({ base: { text: 'next' }, api: { text: 'next' } });
  const before = await readWrites(sandbox, set.name);
  const next = set.run(['deploy', '--lock-timeout', '60s']).then((run) => ({ run, at: performance.now() }));
  const forced = await unlocked;
  const freedAt = performance.now();
  assert.deepEqual([forced.exitCode, ...lockOf(forced)], [0, 'alive', true], forced.report.summary);
  assert.ok(freedAt - takenAt > 14_000, `free after ${freedAt - takenAt} ms`);
  const deployed = await next;
  assert.equal(deployed.run.report.verdict, 'simulated', deployed.run.report.summary);
  const [first] = (await readWrites(sandbox, set.name)).slice(before.length);
  const wait = Date.parse(first?.at ?? '') - (Date.now() - (performance.now() - takenAt));
  assert.ok(wait > 14_000, `written to ${wait} ms after the lock was taken`);
  const writes = await readWrites(sandbox, set.name);
  holder.kill('SIGCONT');
  assert.equal((await ended).report.error?.code, 'rollout/lock-lost');
  assert.deepEqual(await readWrites(sandbox, set.name), writes, 'it woke and wrote nothing');
  assert.equal(await textOf(set, 'base'), 'next');
});

test('an unlock by force that is killed while it waits gives the lock to nobody before its time', async (t) => {
  const set = await makeTestSet(t, sandbox);
  const { holder, ended, unlocked, unlock } = await forceUnlock(t, set);
  unlock.kill('SIGINT');
  assert.equal((await unlocked).exitCode, 130);
  const early = await set.run(['deploy', '--lock-timeout', '3s']);
  assert.deepEqual([early.exitCode, early.report.error?.code], [5, 'rollout/locked']);
  await set.setValues({ base: { text: 'next' } });
  const late = await set.run(['deploy', '--lock-timeout', '60s']);
  assert.equal(late.report.verdict, 'simulated', late.report.summary);
  holder.kill('SIGCONT');
  assert.equal((await ended).report.error?.code, 'rollout/lock-lost');
});

test('history tells what both Helms tell, and what went out together', async (t) => {
  const set = await makeTestSet(t, sandbox);
  assert.match((await set.run(['history'])).report.summary, /^0 revisions of 0 releases/);
  await set.run(['deploy']);
  await set.setValues({ base: { text: 'second' }, web: { text: 'second' } });
  await set.run(['deploy']);
  const { report, exitCode } = await set.run(['history']);
  assert.equal(exitCode, 0);
  const revisions = report.outputs['revisions'] as readonly {
    readonly release: string;
    readonly revision: number;
    readonly status: string;
    readonly rollout: string;
    readonly set: string;
  }[];
  assert.deepEqual(
    revisions.map(({ release, revision, status }) => `${release} ${revision} ${status}`).sort(),
    ['api 1 deployed', 'base 1 superseded', 'base 2 deployed', 'web 1 superseded', 'web 2 deployed'],
  );
  for (const program of helms)
    assert.deepEqual(
      helmHistory(program, set).map(({ revision, status }) => [revision, status]),
      revisions
        .filter(({ release }) => release === 'web')
        .map(({ revision, status }) => [revision, status])
        .reverse(),
    );
  assert.ok(revisions.every((one) => one.set === set.name));
  const rollouts = report.outputs['rollouts'] as readonly { readonly revisions: readonly string[] }[];
  assert.deepEqual(
    rollouts.map(({ revisions: members }) => [...members].sort()),
    [
      ['base 2', 'web 2'],
      ['api 1', 'base 1', 'web 1'],
    ],
  );
  const one = await set.run(['history', '--release', 'web', '--max', '1']);
  assert.match(
    one.report.sections[0]?.text ?? '',
    /^web {6}2 .* deployed {2}app-1\.2\.3 .*Upgrade complete$/m,
  );
  const unknown = await set.run(['history', '--release', 'wob']);
  assert.deepEqual([unknown.exitCode, unknown.report.error?.code], [2, 'rollout/unknown-release']);
});
