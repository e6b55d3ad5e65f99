import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in the system's own terms: compared, never read. */
  readonly startedAt: string;
}

/** The identity of a living process; undefined where there is none with that number, or only a zombie. */
export function identify(pid: number): ProcessIdentity | undefined {
  const startedAt = process.platform === 'linux' ? linuxStart(pid) : otherStart(pid);
  return startedAt === undefined ? undefined : { pid, startedAt };
}

/** True while exactly this process lives. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.startedAt === identity.startedAt;
}

/** This process as `USER@HOST BOOT/NAMESPACE/PID/START`: whoever reads it on the same machine can tell whether it still lives. */
export function describeSelf(): string {
  const own = identify(process.pid);
  return `${userName()}@${hostname()} ${placeOfProcesses()}/${process.pid}/${own?.startedAt.split(':').at(-1) ?? ''}`;
}

/** In a container the user may have a number alone. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}

/** True when a text ends with a process of this very machine (same boot, same process namespace) that lives no more; false wherever that cannot be told. */
export function isGone(description: string): boolean {
  const [, place, pid, start] = /(\S+\/\S+)\/(\d+)\/(\d+)\)?$/.exec(description) ?? [];
  if (place === undefined || start === undefined || place !== placeOfProcesses()) return false;
  return identify(Number(pid))?.startedAt.split(':').at(-1) !== start;
}

/** What makes process numbers comparable; `unknown/…` never equals another machine's. */
function placeOfProcesses(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot}/${/\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? ''}`;
  } catch {
    return `unknown/${hostname()}`;
  }
}

/** Sends a signal to exactly this process; false where it is gone. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false;
  try {
    return process.kill(identity.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** Waits until all are gone, at most `timeoutMs`; returns those that are still there. */
export async function waitForEnd<T extends ProcessIdentity>(
  identities: readonly T[],
  timeoutMs: number,
): Promise<readonly T[]> {
  const deadline = performance.now() + timeoutMs;
  let alive = identities.filter(isAlive);
  while (alive.length > 0 && performance.now() < deadline) {
    await sleep(20);
    alive = alive.filter(isAlive);
  }
  return alive;
}

/** Fields 3 (state) and 22 (start time in clock ticks since boot) of proc_pid_stat(5), with the boot's own id. */
function linuxStart(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${fields[19]}`;
  } catch {
    return undefined;
  }
}

function otherStart(pid: number): string | undefined {
  try {
    const row = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return row === '' || row.startsWith('Z') ? undefined : row.replace(/^\S+\s+/, '');
  } catch {
    return undefined;
  }
}
