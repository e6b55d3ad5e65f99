import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import type { Http, ProcessRunner, Progress } from '@zakenak/core';
import { toolMissing, wrongVersion } from './errors.ts';
import { cachedPath, type Installation, install } from './install.ts';
import { findOnPath, judgeVersion } from './locate.ts';
import { findEntry, manifest, type ToolName } from './manifest.ts';

/** What a toolchain works with. */
export interface ToolchainOptions {
  readonly process: ProcessRunner;
  /** PATH, HOME, XDG_CACHE_HOME, ZAKENAK_CACHE_DIR, ZAKENAK_OFFLINE and ZAKENAK_<NAME>_PATH are read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly http: Http;
  readonly progress: Progress;
}

/** What is known of a program, for `zakenak doctor`. */
export interface ToolDescription {
  readonly name: string;
  readonly description: string;
  readonly wanted: string;
  readonly found?: string;
  readonly path?: string;
  readonly state: 'ready' | 'wrong-version' | 'can-be-installed' | 'missing';
}

/** Runs programs by their names in the manifest. */
export interface Toolchain extends ProcessRunner {
  /**
   * Absolute path of the program, in this order: ZAKENAK_<NAME>_PATH, the PATH when the version fits, the cache, a verified download, a Go build.
   * Throws `tool/missing`, `tool/wrong-version`, `tool/checksum-mismatch`, `tool/build-failed`.
   */
  resolve(name: string, signal?: AbortSignal): Promise<string>;
  /** Resolves several, downloads side by side. */
  prepare(names: readonly ToolName[], signal?: AbortSignal): Promise<void>;
  /** What is there, without installing anything. */
  describe(): Promise<readonly ToolDescription[]>;
}

/** Folder of everything that is kept between runs on this machine. */
export function cacheFolder(env: ToolchainOptions['env']): string {
  return (
    env.ZAKENAK_CACHE_DIR || join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache'), 'zakenak')
  );
}

/** A ProcessRunner that turns manifest names into programs, installing them at first use. */
export function createToolchain(options: ToolchainOptions): Toolchain {
  const { env } = options;
  const how: Installation = {
    ...options,
    cacheFolder: cacheFolder(env),
    offline: Boolean(env.ZAKENAK_OFFLINE),
    ...(env.ZAKENAK_MIRROR ? { mirror: env.ZAKENAK_MIRROR } : {}),
    ...(env.ZAKENAK_GO_PATH ? { go: env.ZAKENAK_GO_PATH } : {}),
  };
  const resolved = new Map<string, Promise<string>>();
  const resolve = (name: string, signal?: AbortSignal): Promise<string> => {
    const pending = resolved.get(name) ?? resolveTool(name, env, how, signal);
    resolved.set(name, pending);
    pending.catch(() => resolved.delete(name));
    return pending;
  };
  return {
    resolve,
    async run(command, signal) {
      const program = isAbsolute(command.program) ? command.program : await resolve(command.program, signal);
      return options.process.run({ ...command, program }, signal);
    },
    async prepare(names, signal) {
      await Promise.all(names.map((name) => resolve(name, signal)));
    },
    describe: () =>
      Promise.all(Object.keys(manifest).map((name) => describeTool(name as ToolName, env, how))),
  };
}

async function resolveTool(
  name: string,
  env: ToolchainOptions['env'],
  how: Installation,
  signal?: AbortSignal,
): Promise<string> {
  const entry = findEntry(name);
  const override = env[overrideVariable(name)];
  if (override) return override;
  const onPath = await findOnPath(name, entry, env.PATH ?? '');
  if (!entry) {
    if (onPath) return onPath;
    throw toolMissing(
      name,
      { description: 'no program of the manifest', remedy: `Put ${name} on the PATH.` },
      [],
    );
  }
  const found = onPath ? await judgeVersion(onPath, entry, how.process, how.cacheFolder) : undefined;
  if (found?.fits) return found.path;
  const tried: string[] = found ? [`${found.path} is ${found.version}`] : [];
  const installed = entry.version ? await install(name, entry, how, tried, signal) : undefined;
  if (installed) return installed;
  if (found) throw wrongVersion(name, entry, found.version ?? 'unknown', found.path);
  throw toolMissing(name, entry, tried);
}

async function describeTool(
  name: ToolName,
  env: ToolchainOptions['env'],
  how: Installation,
): Promise<ToolDescription> {
  const entry = findEntry(name);
  if (!entry) return { name, description: '', wanted: 'any', state: 'missing' };
  const wanted = entry.accepts ?? 'any version';
  const common = { name, description: entry.description, wanted };
  const onPath = env[overrideVariable(name)] ?? (await findOnPath(name, entry, env.PATH ?? ''));
  const found = onPath ? await judgeVersion(onPath, entry, how.process, how.cacheFolder) : undefined;
  if (found?.fits)
    return {
      ...common,
      state: 'ready',
      path: found.path,
      ...(found.version ? { found: found.version } : {}),
    };
  if (entry.version) {
    const cached = await cachedPath(name, entry, how.cacheFolder);
    const ready = await findOnPath(name, { ...entry, command: name }, join(cached, '..'));
    if (ready) return { ...common, state: 'ready', path: ready, found: entry.version };
  }
  if (entry.go || entry.downloads) return { ...common, state: 'can-be-installed' };
  return {
    ...common,
    state: found ? 'wrong-version' : 'missing',
    ...(found?.version ? { found: found.version, path: found.path } : {}),
  };
}

function overrideVariable(name: string): string {
  return `ZAKENAK_${name.toUpperCase().replaceAll('-', '_')}_PATH`;
}
