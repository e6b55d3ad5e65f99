import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepOneComment } from './one-comment.ts';

/** What a job does whose looks find these comments, and that makes the one named last. */
async function play(looks: readonly (readonly number[])[], made: number) {
  const done: string[] = [];
  const left = [...looks];
  const kept = await keepOneComment({
    list: async () => left.shift() ?? [],
    create: async () => made,
    update: async (id) => done.push(`update ${id}`),
    remove: async (id) => done.push(`remove ${id}`),
  });
  return { kept, done };
}

test('of two comments made at once the older stays, also where a forge does not list the newest yet', async () => {
  assert.deepEqual(await play([[], [5]], 5), { kept: 5, done: [] });
  assert.deepEqual(await play([[], []], 5), { kept: 5, done: [] });
  assert.deepEqual(await play([[], [6, 5]], 6), { kept: 5, done: ['update 5', 'remove 6'] });
  assert.deepEqual(await play([[], [5]], 6), { kept: 5, done: ['update 5', 'remove 6'] });
  assert.deepEqual(await play([[], [6]], 5), { kept: 5, done: ['remove 6'] });
  assert.deepEqual(await play([[7, 3]], 9), { kept: 3, done: ['update 3', 'remove 7'] });
});
