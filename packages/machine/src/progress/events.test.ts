import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, closeSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createRedactor, type RunEvent } from '@zakenak/core';
import { descriptorOf, openEventFile } from './event-file.ts';
import { createEventStream } from './event-stream.ts';

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'zakenak-events-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function open(now: { ms: number } = { ms: 0 }) {
  const redactor = createRedactor();
  const clock = { now: () => new Date(Date.UTC(2026, 0, 1) + now.ms), monotonicMs: () => now.ms };
  const stream = createEventStream({ clock, redactor, runId: 'run' });
  const seen: RunEvent[] = [];
  stream.attach({ see: (event) => void seen.push(event) });
  return { stream, redactor, seen };
}

const readEvents = (path: string): readonly RunEvent[] =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

test('events are numbered without a gap, timed, and end with the verdict', () => {
  const now = { ms: 0 };
  const { stream, seen } = open(now);
  stream.begin({ verb: 'deploy', version: '1' });
  now.ms = 100;
  const about = { stage: 'wait', subject: 'web', release: 'web' };
  stream.emit({ ...about, state: 'waiting', count: { done: 0, total: 2 } });
  stream.emit({ ...about, state: 'waiting', count: { done: 0, total: 2 } });
  now.ms = 350;
  stream.emit({ ...about, state: 'waiting', count: { done: 1, total: 2 } });
  stream.end({ verdict: 'passed', exitCode: 0, summary: 'ok' });
  stream.end({ verdict: 'errored', exitCode: 1, summary: 'twice' });
  stream.emit({ ...about, state: 'done' });
  assert.deepEqual(
    seen.map((event) => [
      event.sequence,
      event.type,
      event.elapsedMs,
      event.type === 'progress' ? event.sinceMs : -1,
    ]),
    [
      [1, 'started', 0, -1],
      [2, 'progress', 100, 0],
      [3, 'progress', 350, 250],
      [4, 'verdict', 350, -1],
    ],
  );
  assert.equal(seen[1]?.time, '2026-01-01T00:00:00.100Z');
});

test('a secret is masked wherever an event may hold it, and what it is made of stays JSON', () => {
  const { stream, redactor, seen } = open();
  for (const secret of ['hunter-two', 'null', 'true', '12345', 'wait', '"done']) redactor.add(secret);
  const text = 'with hunter-two inside';
  stream.emit({
    stage: 'wait',
    subject: text,
    release: text,
    state: 'waiting',
    message: text,
    object: { apiVersion: 'v1', kind: 'Secret', name: 'hunter-two' },
    waitingFor: [{ kind: 'object', name: text, reason: text }],
    count: { done: 12_345, total: 12_345 },
  });
  stream.end({ verdict: 'failed', exitCode: 1, summary: text });
  const line = JSON.stringify(seen);
  assert.doesNotMatch(line, /hunter-two/);
  assert.equal(line.match(/\*\*\*/g)?.length, 7);
  assert.match(line, /"stage":"wait".*"state":"waiting".*"done":12345/);
});

test('a file is appended to, and a half line of a killed run is ended first', async (t) => {
  const path = join(await folderOf(t), 'deep/er/events.ndjson');
  for (const half of ['', '{"half":']) {
    if (half) appendFileSync(path, half);
    const { stream } = open();
    const file = openEventFile(path, { onFailure: assert.fail });
    stream.attach(file);
    stream.begin({ verb: 'deploy', version: '1' });
    await file.close();
  }
  const lines = readFileSync(path, 'utf8').split('\n');
  assert.deepEqual(
    lines.map((line) => line.slice(0, 8)),
    ['{"schema', '{"half":', '{"schema', ''],
  );
});

test('a run that is killed has written every event but at most the last', async (t) => {
  const path = join(await folderOf(t), 'events.ndjson');
  const script = `
    const { openEventFile } = await import(${JSON.stringify(join(import.meta.dirname, 'event-file.ts'))});
    const file = openEventFile(${JSON.stringify(path)}, { onFailure: console.error });
    for (let n = 1; n <= 500; n += 1) file.see({ n });
    process.kill(process.pid, 'SIGKILL');`;
  const { signal } = spawnSync(process.execPath, ['--input-type=module', '-e', script]);
  assert.equal(signal, 'SIGKILL');
  assert.equal(readEvents(path).length, 500);
});

test('an open file, a pipe and a socket take the events', async (t) => {
  const folder = await folderOf(t);
  const script = `
    const { openEventFile } = await import(${JSON.stringify(join(import.meta.dirname, 'event-file.ts'))});
    const file = openEventFile('/dev/fd/3', { onFailure: console.error });
    for (let n = 1; n <= 5000; n += 1) file.see({ n, text: 'x'.repeat(100) });
    await file.close();`;
  const path = join(folder, 'three');
  const fd = openSync(path, 'w');
  spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'inherit', 'inherit', fd],
  });
  closeSync(fd);
  assert.equal(readEvents(path).length, 5_000);
  // Node gives a child a socket; a slow reader loses nothing.
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
  });
  let text = '';
  for await (const chunk of child.stdio[3] as NodeJS.ReadableStream) text += chunk;
  assert.equal(text.trimEnd().split('\n').length, 5_000);
  const command = `"$0" --input-type=module -e "$1" 3>&1 >/dev/null | (sleep 0.3; wc -l)`;
  assert.equal(
    execFileSync('sh', ['-c', command, process.execPath, script], { encoding: 'utf8' }).trim(),
    '5000',
  );
});

test('a place that cannot be written to is told before anything begins', async (t) => {
  const folder = await folderOf(t);
  execFileSync('mkfifo', [join(folder, 'fifo')]);
  const bad = [
    folder,
    '/proc/zakenak/events',
    '/dev/fd/999',
    '/dev/fd/0x',
    join(folder, 'fifo'),
    '/proc/self/fd/4',
  ];
  for (const target of bad)
    assert.throws(
      () => openEventFile(target, { onFailure: assert.fail }),
      { code: 'events/unwritable', exitCode: 2 },
      target,
    );
});

test('a disk that gets full is told once, and the run goes on', async () => {
  const reasons: string[] = [];
  const file = openEventFile('/dev/full', { onFailure: (reason) => reasons.push(reason) });
  const { stream } = open();
  stream.attach(file);
  stream.begin({ verb: 'deploy', version: '1' });
  stream.end({ verdict: 'passed', exitCode: 0, summary: '' });
  await file.close();
  assert.equal(reasons.length, 1);
  assert.match(reasons[0] ?? '', /^\/dev\/full: ENOSPC/);
});

test('a reader that goes away is told once, and the run goes on', async (t) => {
  const path = join(await folderOf(t), 'fifo');
  execFileSync('mkfifo', [path]);
  const reader = spawn('head', ['-n', '1', path], { stdio: ['ignore', 'ignore', 'inherit'] });
  const reasons: string[] = [];
  let file: ReturnType<typeof openEventFile> | undefined;
  for (let left = 100; !file; left -= 1) {
    try {
      file = openEventFile(path, { onFailure: (reason) => reasons.push(reason) });
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  const { stream } = open();
  stream.attach(file);
  stream.begin({ verb: 'deploy', version: '1' });
  await once(reader, 'exit');
  for (let n = 0; n < 3; n += 1) {
    stream.emit({ stage: 'apply', subject: String(n), state: 'started' });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await file.close();
  assert.equal(reasons.length, 1, reasons.join());
  assert.match(reasons[0] ?? '', /EPIPE/);
});

test('the paths that stand for an open file', () => {
  const known = { '-': 1, '/dev/stdout': 1, '/dev/stderr': 2, '/dev/fd/3': 3, '/proc/self/fd/12': 12 };
  for (const [path, fd] of Object.entries(known)) assert.equal(descriptorOf(path), fd);
  for (const path of ['events', './-', '/dev/fd/', '/dev/fd/3/x'])
    assert.equal(descriptorOf(path), undefined);
});
