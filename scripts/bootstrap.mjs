// The one door of `npm test` and `npm run demo`: runs on whatever Node the machine has, brings Node 24 and the dependencies, hands over.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..');
const node = join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'node.cmd' : 'node');

/** Runs a program with the terminal handed through; ends this process when it fails. */
function run(program, args) {
  const { status, signal, error } = spawnSync(program, args, { cwd: root, stdio: 'inherit' });
  if (error) throw error;
  if (signal) process.kill(process.pid, signal);
  if (status !== 0) process.exit(status ?? 70);
}

/** True when node_modules holds what package-lock.json says. */
function isInstalled() {
  const installed = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(node) || !existsSync(installed)) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const present = JSON.parse(readFileSync(installed, 'utf8')).packages;
  return (
    Object.entries(wanted).every(
      ([path, entry]) =>
        path === '' || entry.link || entry.optional || present[path]?.version === entry.version,
    ) && statSync(installed).size > 0
  );
}

if (Number(process.versions.node.split('.')[0]) < 20) {
  console.error(
    `Node ${process.versions.node} is too old to install the workspace. Install Node 20 or later.`,
  );
  process.exit(3);
}
if (!isInstalled()) {
  console.error('Installing the workspace (npm ci)…');
  const npm = process.env.npm_execpath;
  if (!npm) {
    console.error('Run this through npm: npm test, npm run demo.');
    process.exit(2);
  }
  run(process.execPath, [npm, 'ci', '--no-fund', '--no-audit', '--loglevel=error']);
}
const [task = 'help', ...rest] = process.argv.slice(2);
const child = spawn(node, [join(root, 'packages/devkit/src/main.ts'), task, ...rest], {
  cwd: root,
  stdio: 'inherit',
});
// What ends this door ends the house: the task cleans up, and its exit code is ours.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.once('error', (error) => {
  throw error;
});
child.once('exit', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143);
});
