import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzz, fuzzTargets } from './testing/index.ts';

// The same targets run for as long as one likes by test/fuzz/commits.ts.
test('no input of the fuzz targets crashes, hangs or is good without its owner’s signature', async () => {
  const { inputs, failure } = await fuzz(fuzzTargets, { seed: 1, milliseconds: 20_000, rounds: 60 });
  assert.equal(failure, undefined);
  assert.deepEqual([...inputs.values()], Array(fuzzTargets.length).fill(60));
});

test('a broken promise, a crash and a hang are told with the input', async () => {
  const target = { name: 'x', generate: () => ({ text: 'input' }) };
  const busy = () => {
    const start = process.cpuUsage().user;
    while (process.cpuUsage().user - start < 100_000) Buffer.alloc(1_000_000, 'x').toString('base64');
  };
  const crash = () => {
    throw new TypeError('x');
  };
  for (const check of [busy, crash, async () => crash()]) {
    const { failure } = await fuzz([{ ...target, check }], { seed: 5, milliseconds: 60_000, longestMs: 50 });
    assert.deepEqual([failure?.input.text, failure?.seed], ['input', 5]);
  }
});
