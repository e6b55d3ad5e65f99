import { relative, resolve } from 'node:path';
import type { ParsedConfig } from '@zakenak/config';
import {
  type CiEvent,
  type CiHost,
  createRedactor,
  type Insights,
  type KubeApi,
  type Log,
} from '@zakenak/core';
import { detectHost } from '@zakenak/forges';
import { createGit, resolveRange, resolveRangeSince } from '@zakenak/git';
import type { ConnectOptions } from '@zakenak/kube';
import {
  createFiles,
  createHttp,
  createLog,
  createProcessRunner,
  createSystemClock,
  describeSelf,
  isGone,
} from '@zakenak/machine';
import type { RunContext } from '@zakenak/pipeline';
import { cacheFolder, createToolchain } from '@zakenak/toolchain';
import { wantsColour } from './colour.ts';
import { eventsDescriptor } from './events.ts';
import { createForge, createInsights } from './forge.ts';
import { groupStyleOf, type ShownProgress, showProgress } from './progress.ts';
import { version } from './version.ts';

/** What surrounds a run. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute path of the folder the command was given in. */
  readonly cwd: string;
  /** The workspace that was asked for; the CI host's, else `cwd`, where nothing is said. */
  readonly directory?: string;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly read: (name: string) => string | undefined;
}

/** The real ports of a run, and how its shell writes. */
export interface Wired {
  readonly context: RunContext;
  readonly write: (text: string) => void;
  /** Where lines go that the CI host itself reads: not among the JSON. */
  readonly command: (text: string) => void;
  readonly colour: boolean;
  readonly progress: ShownProgress;
  readonly insights?: Insights;
}

/** Wires the real ports. Nothing is started or read before it is asked for. */
export async function wire(around: Surroundings, signal: AbortSignal): Promise<Wired> {
  const { env } = around;
  const eventsTo = eventsDescriptor(around.read('events'));
  const hasEvents = eventsTo === 1 && !around.json;
  const write = (text: string) => void (hasEvents ? process.stderr : process.stdout).write(text);
  const command = around.json ? (text: string) => void process.stderr.write(text) : write;
  const detected = detectHost(env, around.cwd, command);
  const host: CiHost = { ...detected, readInput: around.read };
  const redactor = createRedactor((secret) => host.mask(secret));
  for (const secret of secretVariables(env)) redactor.add(secret);
  const files = createFiles(resolve(around.cwd, around.directory ?? host.workspace));
  const clock = createSystemClock();
  const colour = wantsColour(env, (hasEvents ? process.stderr : process.stdout).isTTY);
  const quiet = around.quiet || eventsTo === 2;
  const progress = await showProgress({ env, host, quiet, redactor, clock });
  const log = createLog({
    write: progress.print,
    redactor,
    colour: wantsColour(env, process.stderr.isTTY),
    verbose: Boolean(env.ZAKENAK_DEBUG),
    groups: groupStyleOf(host),
  });
  const http = createHttp();
  const runner = createToolchain({
    process: createProcessRunner(withoutInputs(env)),
    env,
    http,
    progress: progress.stream,
  });
  const git = createGit({ process: runner, root: files.root, signal });
  const configPath = around.read('config')?.trim() || 'zakenak.yaml';
  const reach = { env, http, clock, signal };
  const connections = new Map<string, Promise<KubeApi>>();
  const event = once(() => host.readEvent());
  const range = once(async () => resolveRange(await event(), git));
  const read = async (path: string) => (await import('@zakenak/config')).readConfig(files, path);
  const readOwn = once(async () => warnOfOldKeys(await read(configPath), log));
  const config = (path = configPath) => (path === configPath ? readOwn() : read(path));
  const context: RunContext = {
    ports: { process: runner, files, clock, http, git, host, log, progress: progress.stream, redactor },
    env,
    signal,
    version,
    identity: { self: describeSelf(), isGone },
    event,
    range: async (base) => (base === undefined ? range() : resolveRangeSince(base, await event(), git)),
    config,
    policyConfig: async ({ revision } = {}) =>
      readPolicyConfig(configPath, revision ?? (await findPolicyRevision(await event(), context)), context),
    connect: (target) => {
      const key = JSON.stringify(target);
      const connecting =
        connections.get(key) ??
        connect(target, { env, process: runner, signal, learn: redactor.add, progress: progress.stream });
      connections.set(key, connecting);
      return connecting;
    },
    forge: once(async () => createForge(host, around.read('token') || undefined, reach)),
    cacheFolder: cacheFolder(env),
    schemaFolder: async (kubernetesVersion) =>
      (await import('@zakenak/schemas')).prepareSchemas(kubernetesVersion, {
        process: runner,
        progress: progress.stream,
        cacheFolder: cacheFolder(env),
        signal,
      }),
  };
  const insights = createInsights(host, reach);
  return { context, write, command, colour, progress, ...(insights ? { insights } : {}) };
}

/** Every verb tells of the first Zakenak's keys, not only those that report on the file. */
function warnOfOldKeys(parsed: ParsedConfig, log: Log): ParsedConfig {
  for (const { location, message, remedy } of parsed.findings)
    log.warn(`${parsed.path}:${location?.startLine}:${location?.startColumn}: ${message} ${remedy ?? ''}`);
  return parsed;
}

async function connect(
  target: { readonly kubeconfig?: string; readonly context?: string },
  options: Pick<ConnectOptions, 'env' | 'process' | 'signal' | 'learn' | 'progress'>,
): Promise<KubeApi> {
  const { connectKube } = await import('@zakenak/kube');
  const context = target.context === 'current' ? undefined : target.context;
  return connectKube({
    ...options,
    ...(target.kubeconfig ? { kubeconfig: target.kubeconfig } : {}),
    ...(context ? { context } : {}),
  });
}

/** Programs need no inputs, and some of these are secrets. */
function withoutInputs(env: Surroundings['env']): Surroundings['env'] {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(ZAKENAK_)?INPUT_/.test(name)));
}

/** Variables that hold secrets by their name: whatever prints them, they are masked. */
function secretVariables(env: Surroundings['env']): readonly string[] {
  return Object.entries(env)
    .filter(([name]) => /(TOKEN|PASSWORD|SECRET|PRIVATE_KEY|API_KEY)$/.test(name))
    .map(([, value]) => value ?? '')
    .filter((value) => value.length >= 8);
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** The commit that a change is judged by; `none` where the change has no base, undefined where nothing is judged. */
async function findPolicyRevision(event: CiEvent, context: RunContext): Promise<string | undefined> {
  const judged = event.kind === 'pull-request' || event.kind === 'merge-group';
  return judged ? ((await context.range()).bases[0] ?? 'none') : undefined;
}

async function readPolicyConfig(
  path: string,
  revision: string | undefined,
  context: RunContext,
): Promise<ParsedConfig | undefined> {
  if (revision === 'none') return undefined;
  if (revision !== undefined) {
    const inside = relative(context.ports.files.root, await context.ports.files.resolve(path));
    const text = await context.ports.git.readFile(revision, inside.replaceAll('\\', '/'));
    return text === undefined ? undefined : (await import('@zakenak/config')).parseConfig(text, path);
  }
  const there = await context.ports.files.stat(await context.ports.files.resolve(path));
  return there ? context.config(path) : undefined;
}
