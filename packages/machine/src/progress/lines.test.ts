import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRedactor, type ProgressEvent } from '@zakenak/core';
import { createEventStream } from './event-stream.ts';
import type { GroupStyle } from './groups.ts';
import { createProgressLines } from './lines.ts';

function open(groups: GroupStyle = 'plain') {
  let nowMs = 0;
  let text = '';
  const clock = { now: () => new Date(Date.UTC(2026, 0, 1) + nowMs), monotonicMs: () => nowMs };
  const redactor = createRedactor();
  const stream = createEventStream({ clock, redactor, runId: 'run' });
  const write = (more: string) => {
    text += more;
  };
  const lines = createProgressLines({ write, groups, runId: 'ab-12' });
  stream.attach(lines);
  stream.begin({ verb: 'deploy', version: '1' });
  return {
    stream,
    redactor,
    at(ms: number) {
      nowMs = ms;
    },
    tell: (release: string, event: Partial<ProgressEvent>) =>
      stream.emit({ stage: 'apply', subject: release, release, state: 'started', ...event }),
    beat(ms: number) {
      nowMs = ms;
      lines.beat(ms);
    },
    taken() {
      const taken = text;
      text = '';
      return taken;
    },
  };
}

const waitsForWeb = {
  stage: 'wait',
  state: 'waiting',
  count: { done: 3, total: 5 },
  waitingFor: [{ kind: 'object', name: 'Deployment shop/web', reason: '0 of 1 available' }],
  waitingForTotal: 2,
} as const;

function deploy({ at, tell, stream }: ReturnType<typeof open>): void {
  for (const name of ['base', 'web']) {
    tell(name, { stage: 'plan' });
    tell(name, { stage: 'plan', state: 'done', message: 'it is not deployed' });
  }
  at(1_000);
  tell('web', { state: 'waiting', waitingFor: [{ kind: 'release', name: 'base' }] });
  tell('base', {});
  at(3_100);
  tell('base', { stage: 'wait', state: 'done', count: { done: 2, total: 2 } });
  tell('base', { state: 'done' });
  tell('web', {});
  tell('web', waitsForWeb);
  at(5_000);
  tell('web', { state: 'failed', message: 'Deployment shop/web: it crashed' });
  stream.end({ verdict: 'failed', exitCode: 1, summary: '' });
}

test('a line for each change, without what was said before', () => {
  const run = open();
  deploy(run);
  assert.equal(
    run.taken(),
    `   0.0s · plan     base
   0.0s ✔ plan     base: it is not deployed
   0.0s · plan     web
   0.0s ✔ plan     web: it is not deployed
   1.0s … apply    web: waits for base
   1.0s · apply    base
   3.1s ✔ apply    base 2/2
   3.1s · apply    web
   3.1s … wait     web 3/5
   5.0s ✖ apply    web 3/5: Deployment shop/web: it crashed
`.replace(/^ {3}/gm, '   '),
  );
});

test('GitHub gets one group for the plan and one for each release, with its state, ready objects and time', () => {
  const run = open('github');
  deploy(run);
  assert.equal(
    run.taken(),
    `::group::✔ plan  2 releases  1.0s
   0.0s · plan     base
   0.0s ✔ plan     base: it is not deployed
   0.0s · plan     web
   0.0s ✔ plan     web: it is not deployed
::endgroup::
::group::✔ base  ready 2/2  2.1s
   1.0s · apply    base
   3.1s ✔ apply    base 2/2
::endgroup::
::group::✖ web  failed 3/5  1.9s
   1.0s … apply    web: waits for base
   3.1s · apply    web
   3.1s … wait     web 3/5
   5.0s ✖ apply    web 3/5: Deployment shop/web: it crashed
::endgroup::
   5.0s ✖ apply    web 3/5: Deployment shop/web: it crashed
`,
  );
});

test('GitLab’s sections are folded, bear the times that they took, and have names that are unique', () => {
  const run = open('gitlab');
  deploy(run);
  const text = run.taken();
  const began = Date.UTC(2026, 0, 1) / 1_000;
  const sections = [
    ...text.matchAll(/\u001b\[0Ksection_(start|end):(\d+):(\w+)(\[collapsed=true\])?\r\u001b\[0K(.*)\n/g),
  ];
  assert.deepEqual(
    sections.map(([, which, at, name, folded = '', title]) => [
      which,
      Number(at) - began,
      name,
      folded,
      title,
    ]),
    [
      ['start', 0, 'zakenak_ab12_1', '[collapsed=true]', '✔ plan  2 releases  1.0s'],
      ['end', 0, 'zakenak_ab12_1', '', ''],
      ['start', 1, 'zakenak_ab12_2', '[collapsed=true]', '✔ base  ready 2/2  2.1s'],
      ['end', 3, 'zakenak_ab12_2', '', ''],
      ['start', 1, 'zakenak_ab12_3', '[collapsed=true]', '✖ web  failed 3/5  1.9s'],
      ['end', 5, 'zakenak_ab12_3', '', ''],
    ],
  );
});

test('Azure gets its own markers', () => {
  const run = open('azure');
  deploy(run);
  assert.match(
    run.taken(),
    /^##\[group\]✔ plan {2}2 releases {2}1\.0s\n[^#]*##\[endgroup\]\n##\[group\]✔ base/,
  );
});

test('no name and no message can open or close a group', () => {
  const evil = [
    '::endgroup::',
    '\n::error::x',
    '##[endgroup]',
    '##vso[task.complete]',
    '\u001b[0Ksection_end:1:zakenak_ab12_1\r\u001b[0K',
    'a\r\u001b[0Ksection_start:1:x\r\u001b[0K',
  ];
  for (const style of ['github', 'gitlab', 'azure', 'plain'] as const) {
    const run = open(style);
    for (const text of evil) {
      run.tell(text, { message: text });
      run.tell(text, { state: 'failed', message: text });
      run.stream.emit({ stage: 'scan', subject: text, state: 'started', message: text });
    }
    run.beat(60_000);
    run.stream.end({ verdict: 'failed', exitCode: 1, summary: '' });
    const commands = run
      .taken()
      .split('\n')
      .filter((line) => /^\s*::|##(\[|vso)|section_/.test(line) && !/^ +\d+\.\ds . /.test(line));
    const inside = commands.filter(
      (line) => !/^(::group::. |::endgroup::$|##\[group\]. |##\[endgroup\]$)/.test(line),
    );
    const sections = inside.filter(
      (line) =>
        !/^\u001b\[0Ksection_(start|end):\d+:zakenak_ab12_\d+(\[collapsed=true\])?\r\u001b\[0K[^\r\u001b]*$/.test(
          line,
        ),
    );
    assert.deepEqual(sections, [], style);
    const opened = commands.filter((line) => /^(::group::|##\[group\]|\u001b\[0Ksection_start)/.test(line));
    assert.equal(opened.length, style === 'plain' ? 0 : evil.length, style);
    assert.equal(commands.length, opened.length * 2, style);
  }
});

test('mere counts are told once a second, the last one always', () => {
  const run = open();
  for (let done = 0; done <= 2_000; done += 1) {
    run.at(done);
    run.tell('base', { stage: 'wait', state: 'waiting', count: { done, total: 2_000 } });
  }
  assert.deepEqual(run.taken().match(/\d+\/2000/g), ['0/2000', '1000/2000', '2000/2000']);
});

test('after half a minute without a line it is told who waits for what, and for how long', () => {
  const run = open('github');
  run.tell('base', {});
  run.tell('web', { state: 'waiting', waitingFor: [{ kind: 'release', name: 'base' }] });
  run.tell('base', waitsForWeb);
  run.beat(29_000);
  assert.equal(run.taken(), '');
  run.beat(30_000);
  const beat = `  30.0s … waiting  base 3/5 for 30s: Deployment shop/web: 0 of 1 available (and 1 more)
  30.0s … queued   web for 30s: waits for base
`;
  assert.equal(run.taken(), beat);
  run.beat(55_000);
  assert.equal(run.taken(), '');
  run.beat(95_000);
  assert.match(run.taken(), /for 1m35s: Deployment shop\/web/);
  run.stream.end({ verdict: 'passed', exitCode: 0, summary: '' });
  run.taken();
  run.beat(200_000);
  assert.equal(run.taken(), '', 'the run is over');
});

test('the heartbeat of a run that has told nothing yet says that it lives', () => {
  const run = open();
  run.beat(31_000);
  assert.equal(run.taken(), '  31.0s … still running\n');
});
