import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@zakenak/core';
import { collectingProgress } from '@zakenak/core/testing';
import { createWaitReport } from '../wait/wait-report.ts';
import { announceQueue } from './queue.ts';

const waits = (progress: ReturnType<typeof collectingProgress>) =>
  progress.events.map(
    ({ release, state, waitingFor = [], waitingForTotal }) =>
      `${release} ${state} ${waitingFor.map(({ name }) => name).join(',')} ${waitingForTotal ?? ''}`,
  );

test('who waits for whom is told at the beginning, and again with each need that is met', () => {
  const progress = collectingProgress();
  const nodes = [
    { name: 'base' },
    { name: 'api', needs: ['base'] },
    { name: 'web', needs: ['base', 'api', 'elsewhere'] },
  ];
  const queue = announceQueue(nodes, 'apply', progress);
  assert.deepEqual(waits(progress), ['api waiting base 1', 'web waiting base,api 2']);
  queue.done('base');
  assert.deepEqual(waits(progress).slice(2), ['web waiting api 1']);
  queue.done('api');
  assert.equal(progress.events.length, 3);
  queue.giveUp(['web'], 'not begun');
  assert.deepEqual(waits(progress).slice(3), ['web skipped  ']);
});

test('a thousand needs are counted, five are named', () => {
  const progress = collectingProgress();
  const needs = Array.from({ length: 1_000 }, (_, n) => `r${n}`);
  announceQueue([...needs.map((name) => ({ name })), { name: 'last', needs }], 'rollback', progress);
  assert.deepEqual(waits(progress), ['last waiting r0,r1,r2,r3,r4 1000']);
});

const claim = (n: number, phase: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: `data-${n}`, namespace: 'shop' },
  status: { phase },
});

test('a wait tells how many are ready and why the first few are not, at a cost that does not grow', () => {
  const progress = collectingProgress();
  let looks = 0;
  const pending = new Map(Array.from({ length: 2_000 }, (_, n) => [`k${n}`, claim(n, 'Pending')]));
  const counted = new Proxy(pending, {
    get(target, key) {
      if (key === 'values')
        return function* values() {
          for (const value of target.values()) {
            looks += 1;
            yield value;
          }
        };
      return Reflect.get(target, key, target);
    },
  });
  const report = createWaitReport('web', 2_001, counted, { ports: { progress } });
  report();
  for (const key of [...pending.keys()]) {
    pending.delete(key);
    report();
  }
  const [first] = progress.events;
  assert.deepEqual(first?.count, { done: 1, total: 2_001 });
  assert.equal(first?.waitingFor?.length, 5);
  assert.equal(first?.waitingForTotal, 2_000);
  assert.match(JSON.stringify(first?.waitingFor?.[0]), /"PersistentVolumeClaim shop\/data-0","reason":".+"/);
  assert.deepEqual(progress.events.at(-1), {
    stage: 'wait',
    subject: 'web',
    state: 'done',
    count: { done: 2_001, total: 2_001 },
  });
  assert.ok(looks <= 6 * 2_001, String(looks));
});
