import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type RunEvent, runEventSchema, type StepEvent } from '@zakenak/core';
import type { Sandbox } from '@zakenak/sandbox';
import { Compile } from 'typebox/schema';
import { assertCoded, runCli } from './cli-fixture.ts';
import { makeTestSet } from './rollout-fixture.ts';
import { startTestSandbox } from './sandbox-fixture.ts';

let sandbox: Sandbox;
before(async () => {
  sandbox = await startTestSandbox();
});
after(() => sandbox[Symbol.asyncDispose]());

const schema = Compile(runEventSchema);

/** The events of a file; each has to be what the schema says, numbered without a gap, the last of each run its verdict. */
function readEvents(path: string): readonly RunEvent[] {
  const text = readFileSync(path, 'utf8');
  assert.ok(text.endsWith('\n'));
  const events = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as RunEvent);
  for (const event of events) {
    const [, problems] = schema.Errors(event);
    assert.ok(schema.Check(event), `${JSON.stringify(event)} ${JSON.stringify(problems)}`);
  }
  for (const run of new Set(events.map(({ runId }) => runId))) {
    const own = events.filter(({ runId }) => runId === run);
    assert.deepEqual(
      own.map(({ sequence }) => sequence),
      own.map((_, index) => index + 1),
    );
    assert.deepEqual(
      own.filter(({ type }) => type !== 'progress').map(({ type }) => type),
      ['started', 'verdict'],
    );
    assert.equal(own.at(-1)?.type, 'verdict');
  }
  return events;
}

const steps = (events: readonly RunEvent[], stage: string, release?: string) =>
  events.filter(
    (event): event is StepEvent =>
      event.type === 'progress' &&
      event.stage === stage &&
      (release === undefined || event.release === release),
  );

test('a deploy tells who waits for what, every object that gets ready, and its verdict; a failure its rollback', async (t) => {
  const set = await makeTestSet(t, sandbox);
  await set.setValues({ base: { hook: 'ready', readyAfter: '1s' }, api: { readyAfter: '1s' } });
  const deployed = await set.run(['deploy', '--environment', 'test', '--events', 'out/events.ndjson']);
  assert.equal(deployed.exitCode, 0, deployed.stderr);
  const path = join(set.workspace.root, 'out/events.ndjson');
  const first = readEvents(path);
  assert.doesNotMatch(readFileSync(path, 'utf8'), new RegExp(set.canary));
  for (const event of first)
    if (event.type === 'progress' && event.release) assert.equal(event.set, set.name);
  const verdict = first.at(-1);
  assert.ok(verdict?.type === 'verdict' && verdict.exitCode === 0 && verdict.verdict === 'simulated');

  // Who waits for what.
  const queued = steps(first, 'apply', 'web')[0];
  assert.deepEqual(queued?.waitingFor, [{ kind: 'release', name: 'api' }]);
  const order = steps(first, 'apply')
    .filter(({ state }) => state === 'started' || state === 'done')
    .map(({ release, state }) => `${release} ${state}`);
  assert.deepEqual(order, [
    'base started',
    'base done',
    'api started',
    'api done',
    'web started',
    'web done',
  ]);

  // Every change in the number of ready objects, and why they are not.
  for (const release of ['base', 'api', 'web']) {
    const waits = steps(first, 'wait', release);
    const last = waits.at(-1);
    assert.deepEqual([last?.state, last?.count], ['done', { done: 4, total: 4 }], release);
    const applied = steps(first, 'apply', release).flatMap(({ count }) => count?.done ?? []);
    assert.deepEqual(applied, [1, 2, 3, 4], release);
  }
  const unready = steps(first, 'wait', 'base').find(({ waitingFor }) => waitingFor);
  assert.match(
    JSON.stringify(unready?.waitingFor),
    /"kind":"object","name":"Deployment shop-[^"]+\/base","reason":"[^"]+"/,
  );

  const hooks = steps(first, 'hook', 'base').map(
    ({ state, object, message }) => `${state} ${object?.kind} ${message}`,
  );
  assert.equal(hooks[0], 'started Job pre-install hook base-hook');
  assert.equal(hooks.at(-1), 'done Job pre-install hook base-hook');

  // A failure, appended to the same file.
  await set.setValues({ base: { text: 'second' }, api: { simulate: 'crash-loop' } });
  const failed = await set.run(['deploy', '--environment', 'test', '--events', 'out/events.ndjson']);
  assert.equal(failed.exitCode, 1, failed.stderr);
  const second = readEvents(path).slice(first.length);
  const end = second.at(-1);
  assert.ok(
    end?.type === 'verdict' && end.exitCode === 1 && end.verdict === 'rolled-back',
    JSON.stringify(end),
  );
  const states = (stage: string, release: string) => steps(second, stage, release).map(({ state }) => state);
  assert.equal(states('apply', 'api').at(-1), 'failed');
  assert.equal(states('apply', 'web').at(-1), 'skipped');
  const [waits] = steps(second, 'rollback', 'base');
  assert.deepEqual(waits?.waitingFor, [{ kind: 'release', name: 'api' }], 'dependents are put back first');
  const restored = steps(second, 'rollback', 'base');
  assert.ok(restored.some(({ count }) => count && count.done === count.total));
  assert.match(restored.at(-1)?.message ?? '', /^revision 3$/);

  await t.test('the reader of docs/events.md works as it stands', () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/events.md'), 'utf8');
    const [, script = ''] = /node -e '\n([\s\S]*?)\n'\n```/.exec(page) ?? [];
    const cwd = join(set.workspace.root, 'out');
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { cwd, encoding: 'utf8' });
    assert.match(stdout, /^simulated 0\nrolled-back 1\n/, stderr);
    assert.match(stdout, /^base rollback done revision 3$/m);
    assert.match(stdout, /^web apply skipped not begun, because api did not get ready$/m);
  });

  await t.test('the one-liner of the README works as it stands', () => {
    const page = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');
    const [, script = ''] = /^node -e '(.*)'$/m.exec(page) ?? [];
    const cwd = join(set.workspace.root, 'out');
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { cwd, encoding: 'utf8' });
    assert.match(stdout, /^[\d-]+T[\d:.]+Z base rollback done revision 3$/m, stderr);
  });
});

test('events on stdout have it for themselves, and the report goes to stderr', async (t) => {
  const set = await makeTestSet(t, sandbox);
  const args = [
    'plan',
    '--environment',
    'test',
    '--directory',
    set.workspace.root,
    '--kubeconfig',
    sandbox.kubeconfig,
  ];
  const outcome = await runCli([...args, '--events', '-']);
  assert.equal(outcome.exitCode, 0, outcome.stderr);
  const events = outcome.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as RunEvent);
  assert.equal(events[0]?.type, 'started');
  assert.equal(events.at(-1)?.type, 'verdict');
  assert.match(outcome.stderr, /^plan {2}PASSED/m);
  const both = await runCli([...args, '--events', '/dev/stdout', '--json']);
  assertCoded(both, { code: 'events/two-on-stdout', exitCode: 2, remedy: /events\.ndjson/ });
});

test('a bad place is told before anything begins, also where a link leads out of the workspace', async (t) => {
  const set = await makeTestSet(t, sandbox);
  symlinkSync('/tmp', join(set.workspace.root, 'away'));
  for (const [target, code, exitCode] of [
    ['charts', 'events/unwritable', 2],
    ['/dev/fd/99', 'events/unwritable', 2],
    ['away/events', 'files/outside-workspace', 5],
    ['../events', 'files/outside-workspace', 5],
  ] as const) {
    const outcome = await set.run(['deploy', '--environment', 'test', '--events', target]);
    assertCoded(outcome, { code, exitCode });
    assert.doesNotMatch(outcome.stderr, /render|plan/);
  }
});
