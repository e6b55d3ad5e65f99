import { parseArgs } from 'node:util';
import { fuzz, fuzzTargets } from '@zakenak/commits/testing';

// Every parser of sign-verify-commits that reads what strangers wrote, under random input: `node test/fuzz/commits.ts --seconds 300 [--seed N] [--target WORD]`. What
// fails is printed with its seed and the input itself, base64.
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    target: { type: 'string', default: '' },
  },
});
const seed = Number(values.seed);
const targets = fuzzTargets.filter(({ name }) => name.toLowerCase().includes(values.target.toLowerCase()));
if (targets.length === 0) throw new Error(`There is no target ${values.target}.`);
const { inputs, failure } = await fuzz(targets, { seed, milliseconds: Number(values.seconds) * 1000 });
for (const [name, count] of inputs) process.stdout.write(`${String(count).padStart(9)}  ${name}\n`);
process.stdout.write(`seed ${seed}\n`);
if (failure) {
  const { target, seed: at, input, cause } = failure;
  const { stack } = cause as Error;
  process.stdout.write(
    `\n${target} failed at seed ${at}: ${stack ?? String(cause)}\nmeant: ${input.meant ?? 'unknown'}\n${Buffer.from(input.text, 'latin1').toString('base64')}\n`,
  );
}
process.exitCode = failure ? 1 : 0;
