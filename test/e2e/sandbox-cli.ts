import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Report } from '@zakenak/core';

const root = join(import.meta.dirname, '../..');

/** What one `zakenak sandbox` came to. */
export interface CliResult {
  readonly exitCode: number | null;
  readonly report: Report;
  readonly stderr: string;
}

/** A process of a sandbox as its reports name it. */
export interface ReportedProcess {
  readonly name: string;
  readonly pid: number;
  readonly state?: string;
}

/** Who runs it and in which environment, where that is not this process and its own. */
export type CliSetting = Pick<SpawnOptions, 'uid' | 'gid' | 'env'>;

/** Starts `zakenak sandbox …` from source as a child process. */
export function spawnSandboxCli(args: readonly string[], setting: CliSetting = {}): ChildProcess {
  return spawn(
    process.execPath,
    [join(root, 'packages/cli/src/bin.ts'), 'sandbox', ...args, '--json', '--quiet'],
    { ...setting, stdio: ['ignore', 'pipe', 'pipe'] },
  );
}

/** Runs `zakenak sandbox …` from source to its end. */
export function runSandboxCli(...args: readonly string[]): Promise<CliResult> {
  return runSandboxCliAs({}, ...args);
}

/** As `runSandboxCli`, by another user or in another environment. */
export async function runSandboxCliAs(setting: CliSetting, ...args: readonly string[]): Promise<CliResult> {
  const child = spawnSandboxCli(args, setting);
  const [stdout, stderr, exitCode] = await Promise.all([
    collect(child.stdout),
    collect(child.stderr),
    new Promise<number | null>((resolve) => child.once('exit', resolve)),
  ]);
  try {
    return { exitCode, report: JSON.parse(stdout) as Report, stderr };
  } catch {
    throw new Error(`zakenak sandbox ${args.join(' ')} ended with ${exitCode}: ${stdout}${stderr}`);
  }
}

async function collect(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = '';
  for await (const chunk of stream ?? []) text += chunk;
  return text;
}

/** The processes that a report of `up` or `status` lists. */
export function processesOf({ report }: CliResult): readonly ReportedProcess[] {
  return report.outputs.processes as readonly ReportedProcess[];
}

/** True while a process with that number lives and is no zombie. */
export function lives(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Polls until `holds` does; throws with `what` after `timeoutMs`. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  timeoutMs = 10_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
