import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createRedactor, type ProgressEvent } from '@zakenak/core';
import stringWidth from 'string-width';
import { createFakeTerminal } from '../testing/fake-terminal.ts';
import { createEventStream } from './event-stream.ts';
import { createLiveTable } from './live-table.ts';

/** A table on a fake terminal, with a clock that moves by `pass` only. */
function open(t: TestContext, columns: number, rows: number) {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  let nowMs = 0;
  const clock = { now: () => new Date(Date.UTC(2026, 0, 1) + nowMs), monotonicMs: () => nowMs };
  const redactor = createRedactor();
  const stream = createEventStream({ clock, redactor, runId: 'run' });
  const terminal = createFakeTerminal(columns, rows);
  const table = createLiveTable(terminal, { colour: false, elapsedMs: stream.elapsedMs });
  stream.attach(table);
  stream.begin({ verb: 'deploy', version: '1' });
  const pass = (ms: number) => {
    for (let left = ms; left > 0; left -= 100) {
      const step = Math.min(100, left);
      nowMs += step;
      t.mock.timers.tick(step);
    }
  };
  const tell = (release: string, event: Partial<ProgressEvent>) =>
    stream.emit({ stage: 'apply', subject: release, release, state: 'started', ...event });
  return { terminal, table, stream, redactor, pass, tell };
}

const notReady = (name: string, reason: string) =>
  ({ waitingFor: [{ kind: 'object', name, reason }], waitingForTotal: 3 }) as const;

test('a row for each release: its state, its ready objects, what it waits for, its time', (t) => {
  const { terminal, tell, pass } = open(t, 100, 24);
  tell('base', {});
  tell('web', { state: 'waiting', waitingFor: [{ kind: 'release', name: 'base' }], waitingForTotal: 1 });
  pass(100);
  assert.deepEqual(terminal.lines(), [
    '· base  applying  0s',
    '… web   queued    0s  waits for base',
    'deploy  apply  1 applying, 1 queued  0s',
    '',
  ]);
  tell('base', {
    stage: 'wait',
    state: 'waiting',
    count: { done: 2, total: 5 },
    ...notReady('Deployment shop/base', '0 of 1 available'),
  });
  pass(2_000);
  assert.deepEqual(terminal.lines(), [
    '… base  waiting  2/5  2s  Deployment shop/base: 0 of 1 available (and 2 more)',
    '… web   queued        2s  waits for base',
    'deploy  wait  1 waiting, 1 queued  2s',
    '',
  ]);
  tell('base', { stage: 'wait', state: 'done', count: { done: 5, total: 5 } });
  tell('base', { state: 'done' });
  tell('web', {});
  pass(400);
  assert.deepEqual(terminal.lines(), [
    '✔ base  ready     5/5  2.1s',
    '· web   applying         0s',
    'deploy  apply  1 ready, 1 applying  2s',
    '',
  ]);
});

test('at most ten frames a second, whatever happens, and one a second while nothing does', (t) => {
  const { terminal, tell, pass } = open(t, 80, 24);
  for (let done = 0; done < 2_000; done += 1) {
    tell('base', { stage: 'wait', state: 'waiting', count: { done, total: 2_000 } });
    if (done % 20 === 0) pass(10);
  }
  assert.ok(terminal.writes >= 8 && terminal.writes <= 11, String(terminal.writes));
  const before = terminal.writes;
  pass(5_000);
  assert.ok(terminal.writes - before <= 6, String(terminal.writes - before));
});

test('every line is narrower than the terminal, whatever the names are made of', (t) => {
  for (const columns of [120, 60, 30, 12, 5]) {
    const { terminal, tell, pass, table } = open(t, columns, 24);
    tell('ascii-name-that-is-rather-long-for-a-release', notReady('Deployment shop/a', 'x'.repeat(200)));
    tell('日本語のリリース名はとても幅が広い', notReady('배포 데이터베이스', '可用 0 / 1'));
    tell('👩‍👩‍👧‍👦-family', { message: 'e\u0301'.repeat(90) });
    tell('evil\u001b[2J\u202e\nname', { message: '\r\u0007\u001b]0;title\u0007\t' });
    pass(200);
    for (const line of terminal.lines()) {
      assert.ok(stringWidth(line) < columns, `${columns}: ${line}`);
      assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f\u202e]/);
    }
    if (columns === 120) assert.match(terminal.lines().join('\n'), /evil\\x1b\[2J\\u202e\\nname/);
    table.close();
    t.mock.timers.reset();
  }
});

test('more releases than lines: what failed and what runs is shown, the rest is counted', (t) => {
  const { terminal, tell, pass } = open(t, 80, 8);
  for (let n = 0; n < 20; n += 1)
    tell(`r${String(n).padStart(2, '0')}`, { state: n < 15 ? 'done' : 'started' });
  tell('r07', { state: 'started' });
  tell('r07', { state: 'failed', message: 'it broke' });
  pass(200);
  const lines = terminal.lines();
  assert.equal(lines.length, 8, 'the cursor is on the last line, nothing has scrolled');
  assert.match(lines[0] ?? '', /^✖ r07 {2}failed {4}.*it broke$/);
  assert.deepEqual(
    lines.slice(1, 5).map((line) => line.slice(0, 5)),
    ['· r15', '· r16', '· r17', '· r18'],
  );
  assert.equal(lines[5], '  and 15 more: 14 ready, 1 applying');
});

test('a terminal of three lines shows the sum only, and one of one line breaks nothing', (t) => {
  const { terminal, tell, pass } = open(t, 80, 2);
  for (const name of ['a', 'b', 'c']) tell(name, {});
  pass(200);
  assert.deepEqual(terminal.lines(), ['deploy  apply  3 applying  0s', '']);
  terminal.resize(80, 1);
  pass(1_200);
});

test('a line that is logged stands above the table', (t) => {
  const { terminal, table, tell, pass } = open(t, 80, 24);
  table.print('before\n');
  tell('base', {});
  pass(100);
  table.print('first\nsecond\n');
  pass(100);
  table.print('without an end');
  assert.deepEqual(terminal.lines(), [
    'before',
    'first',
    'second',
    'without an end',
    '· base  applying  0s',
    'deploy  apply  1 applying  0s',
    '',
  ]);
});

test('a terminal that got narrower keeps nothing of the former frame, one that got wider neither', (t) => {
  const { terminal, table, tell, pass } = open(t, 100, 24);
  table.print('log\n');
  tell('base', {
    stage: 'wait',
    state: 'waiting',
    ...notReady('Deployment shop/base', 'not yet '.repeat(8)),
  });
  pass(100);
  for (const columns of [30, 10, 100]) {
    terminal.resize(columns, 24);
    pass(200);
    const lines = terminal.lines();
    assert.equal(lines.length, 4, lines.join('\n'));
    assert.equal(lines[0], 'log');
    assert.match(lines[1] ?? '', /^… b/);
  }
});

test('what stays is one line, and one for each failure; afterwards lines are just written', (t) => {
  const { terminal, table, stream, tell, pass } = open(t, 80, 24);
  tell('base', {});
  tell('web', {});
  pass(100);
  tell('base', { state: 'done' });
  tell('web', { state: 'failed', message: 'pod web-1: CrashLoopBackOff' });
  stream.end({ verdict: 'failed', exitCode: 1, summary: '' });
  table.close();
  table.close();
  table.print('report\n');
  pass(3_000);
  assert.deepEqual(terminal.lines(), [
    '✖ web  failed  0.1s  pod web-1: CrashLoopBackOff',
    '✖ deploy  1 ready, 1 failed  0.1s',
    'report',
    '',
  ]);
});

test('a run without any step leaves the terminal alone', (t) => {
  const { terminal, table, stream, pass } = open(t, 80, 24);
  pass(2_000);
  stream.end({ verdict: 'passed', exitCode: 0, summary: '' });
  table.close();
  assert.equal(terminal.writes, 0);
});

test('after fg the table is drawn below what the shell wrote', (t) => {
  const { terminal, table, tell, pass } = open(t, 80, 24);
  tell('base', {});
  pass(100);
  terminal.write('[1]+ Stopped\nzakenak deploy\n');
  table.forget();
  pass(200);
  assert.deepEqual(terminal.lines().slice(1, 5), [
    'deploy  apply  1 applying  0s',
    '[1]+ Stopped',
    'zakenak deploy',
    '· base  applying  0s',
  ]);
});

test('of other verbs what runs is shown, and what is done is counted', (t) => {
  const { terminal, stream, pass } = open(t, 80, 24);
  const emit = (stage: string, subject: string, state: ProgressEvent['state'], message?: string) =>
    stream.emit({ stage, subject, state, ...(message ? { message } : {}) });
  emit('build', 'web', 'started', 'buildx');
  emit('build', '1/3', 'waiting', 'FROM node');
  emit('build', '2/3', 'waiting', 'RUN npm ci');
  emit('lint', 'charts/a', 'started');
  emit('lint', 'charts/a', 'done');
  emit('lint', 'charts/b', 'started');
  pass(200);
  assert.deepEqual(terminal.lines(), [
    '· web       build  0s  buildx',
    '… 2/3       build  0s  RUN npm ci',
    '· charts/b  lint   0s',
    'deploy  lint  3 running, 1 done  0s',
    '',
  ]);
  emit('build', 'web', 'done');
  pass(200);
  assert.deepEqual(terminal.lines().slice(0, 1), ['· charts/b  lint  0s']);
});
