import { globSync } from 'node:fs';
import { cpus } from 'node:os';
import { relative } from 'node:path';
import type { EventData } from 'node:test';
import { run } from 'node:test';

/** The suites, cheapest first. `parallel`: files at a time; the end-to-end suite starts clusters, which wait more than they compute. */
const suites = {
  unit: {
    patterns: ['packages/*/src/**/*.test.ts', 'actions/*/src/**/*.test.ts'],
    parallel: cpus().length,
    timeoutMs: 120_000,
  },
  contract: { patterns: ['test/contract/*.test.ts'], parallel: cpus().length, timeoutMs: 120_000 },
  e2e: { patterns: ['test/e2e/*.test.ts'], parallel: 2, timeoutMs: 900_000 },
} as const;

/** Name of a suite. */
export type SuiteName = keyof typeof suites;
/** Every suite, in the order in which they run. */
export const suiteNames = Object.keys(suites) as readonly SuiteName[];

/** What a run of suites came to. */
export interface TestOutcome {
  passed: number;
  failed: number;
  readonly failures: string[];
  readonly skips: string[];
}

/** Runs the test files of the suites whose path contains one of `filters` (all, where there is none), printing as they end. */
export async function runSuites(
  root: string,
  names: readonly SuiteName[],
  filters: readonly string[],
): Promise<TestOutcome> {
  const outcome: TestOutcome = { passed: 0, failed: 0, failures: [], skips: [] };
  for (const name of names) {
    const { patterns, parallel, timeoutMs } = suites[name];
    const files = globSync([...patterns], { cwd: root })
      .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
      .sort()
      .map((file) => `${root}/${file}`);
    if (files.length === 0) continue;
    process.stdout.write(`\n${name}: ${files.length} files\n`);
    await runFiles(root, files, { parallel, timeoutMs }, outcome);
  }
  return outcome;
}

function runFiles(
  root: string,
  files: readonly string[],
  limits: { parallel: number; timeoutMs: number },
  outcome: TestOutcome,
): Promise<void> {
  const stream = run({
    files: [...files],
    concurrency: limits.parallel,
    timeout: limits.timeoutMs,
    isolation: 'process',
    cwd: root,
  });
  const place = (event: { file?: string; line?: number }) =>
    `${relative(root, event.file ?? '')}:${event.line ?? 0}`;
  stream.on('test:pass', (event: EventData.TestPass) => {
    if (event.details.type === 'suite' || isFile(event, files)) return;
    if (event.skip !== undefined || event.todo !== undefined) {
      outcome.skips.push(`${event.name} (${place(event)}): ${reason(event.skip ?? event.todo)}`);
      return;
    }
    outcome.passed += 1;
    process.stdout.write(`  ✔ ${event.name} (${Math.round(event.details.duration_ms)} ms)\n`);
  });
  stream.on('test:fail', (event: EventData.TestFail) => {
    if (event.details.type === 'suite' && failureType(event) === 'subtestsFailed') return;
    if (isFile(event, files) && failureType(event) === 'subtestsFailed') return;
    outcome.failed += 1;
    const cause = event.details.error.cause;
    const text =
      cause instanceof Error ? (cause.stack ?? cause.message) : String(cause ?? event.details.error);
    outcome.failures.push(`${event.name} (${place(event)})\n${text.replace(/^/gm, '      ')}`);
    process.stdout.write(`  ✖ ${event.name} (${place(event)})\n${text.replace(/^/gm, '      ')}\n`);
  });
  // What tests and their children print is only of interest when something fails: it is shown as it comes, indented.
  stream.on('test:stderr', (event) => process.stdout.write(event.message.replace(/^(?=.)/gm, '    | ')));
  return new Promise((resolve, reject) => {
    stream.on('end', resolve);
    stream.on('error', reject);
    stream.resume();
  });
}

function isFile(event: { name: string; nesting: number }, files: readonly string[]): boolean {
  return event.nesting === 0 && files.some((file) => file.endsWith(event.name) || event.name.endsWith(file));
}

function reason(skip: string | boolean | undefined): string {
  return typeof skip === 'string' && skip !== '' ? skip : 'no reason given';
}

/** Prints the failures again, every skip with its reason, and the closing line. */
export function printOutcome(outcome: TestOutcome): void {
  const { passed, failed, failures, skips } = outcome;
  if (failures.length > 0)
    process.stdout.write(`\nFailed:\n${failures.map((failure) => `  ✖ ${failure}\n`).join('')}`);
  process.stdout.write(
    `\nSkipped: ${skips.length === 0 ? 'nothing' : ''}\n${skips.map((skip) => `  - ${skip}\n`).join('')}`,
  );
  process.stdout.write(`\n${passed} passed, ${failed} failed, ${skips.length} skipped\n`);
}

/** Node marks what kind of failure it was on the error (`subtestsFailed`, `testCodeFailure`), outside the typed fields. */
function failureType(event: EventData.TestFail): unknown {
  return (event.details.error as { failureType?: unknown }).failureType;
}
