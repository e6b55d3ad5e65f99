import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runDemo } from './demo.ts';

const root = join(import.meta.dirname, '../..');
const { values } = parseArgs({ options: { folder: { type: 'string', default: '.zakenak/demo' } } });

const controller = new AbortController();
let abortedAt = 0;
for (const [name, exitCode] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.on(name, () => {
    // npm and a terminal both pass one Ctrl-C on: what comes within a second is the same one.
    const isAgain = controller.signal.aborted && performance.now() - abortedAt > 1_000;
    // The sandbox follows its owner, so nothing of it outlives even this.
    if (isAgain) process.exit(exitCode);
    abortedAt ||= performance.now();
    controller.abort(exitCode);
  });
}
// `npm run demo | head`: nobody reads on, so there is nothing left to show.
process.stdout.on('error', () => controller.abort(141));

const folder = resolve(root, values.folder);
mkdirSync(folder, { recursive: true });
for (const name of ['report.md', 'report.html']) rmSync(join(folder, name), { force: true });
process.exitCode = await runDemo({
  root,
  folder,
  env: process.env,
  colour: Boolean(process.stdout.isTTY) && !process.env.NO_COLOR,
  write: (text) => void process.stdout.write(text),
  signal: controller.signal,
});
