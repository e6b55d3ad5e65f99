import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ZakenakError } from '@zakenak/core';

const root = join(import.meta.dirname, '../../..');

const tasks: Readonly<Record<string, (args: string[]) => Promise<number>>> = {
  /** All checks and suites, or those named: `npm test -- unit`, `npm test -- e2e sandbox`. */
  async test(args) {
    const { printOutcome, runSuites, suiteNames } = await import('./run-tests.ts');
    const named = suiteNames.filter((name) => args.includes(name));
    const filters = args.filter((arg) => !suiteNames.some((name) => name === arg));
    await prepareFor(named.length === 0 || named.includes('e2e') ? 'all' : 'unit');
    const checks = args.length === 0 ? runChecks() : [];
    const outcome = await runSuites(root, named.length > 0 ? named : suiteNames, filters);
    for (const failure of checks) outcome.failures.unshift(failure);
    outcome.failed += checks.length;
    printOutcome(outcome);
    return outcome.failed > 0 || outcome.passed === 0 ? 1 : 0;
  },
  async demo(args) {
    await prepareFor('demo');
    return runNode([join(root, 'examples/demo/main.ts'), ...args]);
  },
  /** Writes what comes from the specs: action.yml, tables, templates, schema, docs/errors.md. `--check` only compares. */
  async generate(args) {
    const { values } = parseArgs({ args, options: { check: { type: 'boolean', default: false } } });
    const { generate } = await import('./generate.ts');
    const stale = await generate(root, values.check);
    for (const path of stale) process.stdout.write(`${values.check ? 'stale' : 'written'}: ${path}\n`);
    return values.check && stale.length > 0 ? 1 : 0;
  },
  async bundle() {
    const { bundle } = await import('./bundle.ts');
    const { folder, bytes } = await bundle(root, join(root, 'dist'));
    process.stdout.write(`${folder}: ${(bytes / 1e6).toFixed(2)} MB\n`);
    return 0;
  },
  /** What a release publishes, into dist/release: `pack --version 1.2.3 --address https://…/releases/download/v1.2.3`. */
  async pack(args) {
    const options = { version: { type: 'string' }, address: { type: 'string' } } as const;
    const { version, address } = parseArgs({ args, options }).values;
    if (!version || !address) return complain('pack needs --version and --address.');
    const { pack } = await import('./pack.ts');
    const { archive, fileName } = await pack(root, join(root, 'dist/release'), version, address);
    process.stdout.write(`${archive.sha256}  ${fileName}\n`);
    return 0;
  },
  /** Commits, tags and pushes a packed action in a clone of its repository. */
  async distribute(args) {
    const options = {
      tree: { type: 'string' },
      clone: { type: 'string' },
      tag: { type: 'string' },
      floating: { type: 'string', default: 'off' },
    } as const;
    const { tree, clone, tag, floating } = parseArgs({ args, options }).values;
    if (!tree || !clone || !tag) return complain('distribute needs --tree, --clone and --tag.');
    if (floating !== 'off' && floating !== 'major' && floating !== 'major-minor')
      return complain('--floating is off, major or major-minor.');
    const { distribute } = await import('./distribute.ts');
    distribute({ tree, clone, tag, floating });
    return 0;
  },
  /** Start-up of a bundled action against bare Node. */
  async bench(args) {
    return runNode([join(root, 'test/bench/startup.ts'), ...args]);
  },
};

/** Says what is missing and how to get it; anything else is our bug and shows where. Builds and downloads beside the failed one end with this process. */
function explain(thrown: unknown): never {
  if (!(thrown instanceof ZakenakError)) throw thrown;
  process.stderr.write(`\n${thrown.message}\n${thrown.code}\nremedy: ${thrown.remedy}\n`);
  process.exit(thrown.exitCode);
}

/** Installs what a task needs. A signal ends this process by `exit`, which ends the builds and downloads under way too. */
async function prepareFor(task: 'unit' | 'demo' | 'all'): Promise<void> {
  const { prepare } = await import('./prepare.ts');
  const [interrupt, terminate] = [() => process.exit(130), () => process.exit(143)];
  process.once('SIGINT', interrupt).once('SIGTERM', terminate);
  await prepare(root, task);
  process.off('SIGINT', interrupt).off('SIGTERM', terminate);
}

function complain(text: string): number {
  process.stderr.write(`${text}\n`);
  return 2;
}

/** A task of its own program: signals are passed on, and its exit code is ours. */
function runNode(args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 143)));
  });
}

/** Formatter, linter, types and unused exports; the names of those that failed. */
function runChecks(): string[] {
  const checks = { biome: ['check', '.'], tsc: ['--noEmit'], knip: ['--no-progress'] };
  return Object.entries(checks).flatMap(([tool, args]) => {
    process.stdout.write(`\n${tool} ${args.join(' ')}\n`);
    const { status } = spawnSync(join(root, 'node_modules/.bin', tool), args, {
      cwd: root,
      stdio: 'inherit',
    });
    return status === 0 ? [] : [`${tool} ${args.join(' ')} ended with ${status}`];
  });
}

const [name = '', ...args] = process.argv.slice(2);
const task = tasks[name];
if (task) process.exitCode = await task(args).catch(explain);
else {
  process.stderr.write(`Unknown task '${name}'. Tasks: ${Object.keys(tasks).join(', ')}.\n`);
  process.exitCode = 2;
}
