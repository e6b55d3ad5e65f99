import { constants } from 'node:fs';
import { access, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import type { ProcessRunner } from '@zakenak/core';
import { coerce, satisfies } from 'semver';
import type { ToolEntry } from './manifest.ts';

/** A program found on this machine. */
export interface Found {
  readonly path: string;
  /** Undefined where the program tells none. */
  readonly version?: string;
  readonly fits: boolean;
}

/** The first executable of that name on the PATH or in the entry's folders; undefined where there is none. */
export async function findOnPath(
  name: string,
  entry: ToolEntry | undefined,
  path: string,
): Promise<string | undefined> {
  const folders = [...path.split(delimiter).filter(isAbsolute), ...(entry?.folders ?? [])];
  const suffixes = process.platform === 'win32' ? ['.exe', ''] : [''];
  for (const folder of folders) {
    for (const suffix of suffixes) {
      const candidate = join(folder, `${entry?.command ?? name}${suffix}`);
      if (await isExecutable(candidate)) return candidate;
    }
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** Asks a program for its version and judges it. The answer is kept by path, size and time of change, so that asking again starts nothing. */
export async function judgeVersion(
  path: string,
  entry: ToolEntry,
  runner: ProcessRunner,
  cacheFolder: string,
): Promise<Found> {
  if (!entry.versionArgs || !entry.accepts) return { path, fits: true };
  const { size, mtimeMs } = await stat(path);
  const key = `${path} ${size} ${mtimeMs} ${entry.versionArgs.join(' ')}`;
  const file = join(cacheFolder, 'versions.json');
  const known = await readVersions(file);
  let version = known[key];
  if (version === undefined) {
    version = await askVersion(path, entry.versionArgs, runner);
    await writeVersions(file, { ...known, [key]: version });
  }
  const parsed = coerce(version);
  return {
    path,
    version: parsed?.version ?? 'of unknown version',
    fits: parsed !== null && satisfies(parsed, entry.accepts),
  };
}

async function askVersion(path: string, args: readonly string[], runner: ProcessRunner): Promise<string> {
  const { stdout, stderr } = await runner.run({ program: path, args, timeoutMs: 30_000 });
  return (/v?(\d+\.\d+(?:\.\d+)?)/.exec(stdout) ?? /v?(\d+\.\d+(?:\.\d+)?)/.exec(stderr))?.[1] ?? '';
}

async function readVersions(file: string): Promise<Readonly<Record<string, string>>> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Record<string, string>;
  } catch {
    return {};
  }
}

async function writeVersions(file: string, versions: Readonly<Record<string, string>>): Promise<void> {
  try {
    await mkdir(join(file, '..'), { recursive: true });
    const temporary = `${file}.${process.pid}`;
    await writeFile(temporary, JSON.stringify(versions));
    await rename(temporary, file);
  } catch {
    // A cache that cannot be written only costs time.
  }
}
