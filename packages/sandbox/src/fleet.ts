import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { identify } from '@zakenak/machine';
import { isServing } from './api-client.ts';
import type { Daemon } from './daemons.ts';
import type { Layout } from './layout.ts';
import type { Launch, SandboxProcess } from './state.ts';

/** A daemon ended, or did not serve in time. */
export class DaemonFailure extends Error {
  readonly subject: string;
  readonly reason: string;
  /** The last lines it wrote. */
  readonly log: string;

  constructor(subject: string, reason: string, log: string) {
    super(`${subject} ${reason}`);
    this.name = 'DaemonFailure';
    this.subject = subject;
    this.reason = reason;
    this.log = log;
  }

  /** Another start may succeed: somebody else took the port between its choice and its use, or kwok's controllers met while they made ready their stages (0.8.0 does so unlocked). */
  get isPassing(): boolean {
    return /address already in use|utils\/lifecycle\.\(\*Stage\)\.init/.test(this.log);
  }
}

/** How long a daemon with which others end may take. */
const patienceMs = 5_000;

interface Member {
  readonly daemon: Daemon;
  readonly child: ChildProcess;
  readonly record: SandboxProcess;
  readonly ended: Promise<string>;
  end?: string;
}

/** The programs that one supervisor owns. */
export interface Fleet {
  /** Starts a program; its output goes to `logs/<name>.log`. */
  start(daemon: Daemon): void;
  /** Resolves when the program answers its probe; rejects with DaemonFailure when it ends first or the signal fires. */
  waitUntilServing(name: string, signal: AbortSignal): Promise<void>;
  /** Runs a program to its end; rejects with DaemonFailure where that is no success. */
  run(daemon: Daemon): Promise<void>;
  /** Every program started, also those that have ended. */
  records(): readonly SandboxProcess[];
  /** Kills every program and resolves when all are gone. */
  killAll(): Promise<void>;
}

/** An empty fleet; `onChange` is told of each start and end. */
export function createFleet(layout: Layout, launch: Launch, onChange: () => void): Fleet {
  const members = new Map<string, Member>();
  return {
    start(daemon) {
      const member = startMember(layout, launch, daemon);
      members.set(daemon.name, member);
      void member.ended.then((end) => {
        member.end = end;
        onChange();
      });
      onChange();
    },
    async waitUntilServing(name, signal) {
      const member = members.get(name);
      if (!member) throw new DaemonFailure(name, 'was never started', '');
      while (!(await isServing(layout, member.daemon.probe))) {
        if (member.end) throw new DaemonFailure(name, member.end, lastLines(member.record.log));
        if (signal.aborted)
          throw new DaemonFailure(name, 'did not serve in time', lastLines(member.record.log));
        await Promise.race([member.ended, new Promise((resolve) => setTimeout(resolve, 50))]);
      }
    },
    async run(daemon) {
      const member = startMember(layout, launch, daemon);
      const end = await member.ended;
      if (end !== success) throw new DaemonFailure(daemon.name, end, lastLines(member.record.log));
    },
    records: () =>
      [...members.values()].map(({ record, end }) =>
        end === undefined ? record : { ...record, ended: end },
      ),
    async killAll() {
      const all = [...members.values()];
      await Promise.all(all.map(kill));
    },
  };
}

const success = 'ended with exit code 0';

async function kill({ daemon, child, ended, end }: Member): Promise<void> {
  if (end !== undefined) return;
  if (daemon.endsOthers) {
    child.kill('SIGTERM');
    const patience = new Promise((resolve) => setTimeout(resolve, patienceMs).unref());
    await Promise.race([ended, patience]);
  }
  child.kill('SIGKILL');
  await ended;
}

function startMember(layout: Layout, launch: Launch, daemon: Daemon): Member {
  const log = join(layout.logs, `${daemon.name}.log`);
  const output = openSync(log, 'a', 0o600);
  const program = daemon.program === 'holder' ? launch.realNode?.holder : launch.programs[daemon.program];
  if (!program) throw new DaemonFailure(daemon.name, 'has no program', '');
  const isOwn = daemon.program === 'kubernetes';
  // The multi-call binary ties itself, or what it becomes, to the life of this process; see go/kubernetes/parent.go.
  const child = spawn(
    launch.programs.kubernetes,
    isOwn ? [...daemon.args] : ['exec-with-parent', program, ...daemon.args],
    { cwd: layout.home, env: environmentOf(layout), stdio: ['ignore', output, output] },
  );
  closeSync(output);
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`could not be started: ${error.message}`));
    child.once('exit', (code, signal) =>
      resolve(signal ? `was ended by ${signal}` : `ended with exit code ${code}`),
    );
  });
  const identity = identify(child.pid ?? -1) ?? { pid: child.pid ?? -1, startedAt: 'gone' };
  const record = { name: daemon.name, ...identity, probe: daemon.probe, log };
  return { daemon, child, record, ended };
}

/** A clean environment: no proxy, no credentials of the user, no telemetry. */
function environmentOf(layout: Layout): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH ?? '',
    HOME: layout.home,
    TMPDIR: layout.home,
    OTEL_SDK_DISABLED: 'true',
    OTEL_TRACES_EXPORTER: 'none',
    ZAKENAK_DIE_WITH_PARENT: String(process.pid),
  };
}

function lastLines(path: string): string {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-15).join('\n');
  } catch {
    return '';
  }
}
