import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Http, ProcessRunner, Progress } from '@zakenak/core';
import { buildFailed, cacheUnwritable, checksumMismatch, sourceMissing } from './errors.ts';
import { withLock } from './lock.ts';
import type { Download, GoRoute, ToolEntry } from './manifest.ts';

/** What installing needs. */
export interface Installation {
  readonly cacheFolder: string;
  readonly process: ProcessRunner;
  readonly http: Http;
  readonly progress: Progress;
  readonly offline: boolean;
  /** Address below which downloads are fetched as HOST/PATH instead; what comes has to have the pinned digest all the same. */
  readonly mirror?: string;
  /** The Go to build with, where it is not the one on the PATH. */
  readonly go?: string;
}

/** The platform's name in the manifest. */
export const platform = `${process.platform}-${process.arch}`;

/**
 * Where the cache keeps this entry's program: the folder's name holds a digest of the recipe, so another version, platform or recipe is another file.
 */
export async function cachedPath(name: string, entry: ToolEntry, cacheFolder: string): Promise<string> {
  const recipe = createHash('sha256').update(
    JSON.stringify([entry.version, platform, entry.downloads, entry.go]),
  );
  if (entry.go && 'wrapper' in entry.go) {
    const folder = wrapperFolder(entry.go.wrapper);
    const files = await readdir(folder).catch((error: unknown) => {
      throw sourceMissing(name, folder, error);
    });
    for (const file of files.sort()) recipe.update(file).update(await readFile(join(folder, file)));
  }
  return join(
    cacheFolder,
    'tools',
    `${name}-${entry.version}-${recipe.digest('hex').slice(0, 12)}`,
    executable(name),
  );
}

/** Gets the program into the cache, by download or build, and returns its path; undefined with a note in `tried` where no way led there. */
export async function install(
  name: string,
  entry: ToolEntry,
  how: Installation,
  tried: string[],
  signal?: AbortSignal,
): Promise<string | undefined> {
  const target = await cachedPath(name, entry, how.cacheFolder);
  if (await exists(target)) return target;
  if (how.offline) {
    tried.push('it is not in the cache, and ZAKENAK_OFFLINE forbids to fetch it');
    return undefined;
  }
  const locked = withLock(join(how.cacheFolder, 'locks', name), signal, async () => {
    // Another process may have made it while we waited.
    if (await exists(target)) return target;
    const folder = await mkdtemp(join(await ensure(join(how.cacheFolder, 'partial')), `${name}-`));
    try {
      const made = await make(name, entry, how, folder, tried, signal);
      if (!made) return undefined;
      await chmod(made, 0o755);
      await ensure(join(target, '..'));
      await rename(made, target);
      return target;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
  return locked.catch((thrown: unknown) => {
    throw thrown instanceof Error && 'errno' in thrown ? cacheUnwritable(how.cacheFolder, thrown) : thrown;
  });
}

async function make(
  name: string,
  entry: ToolEntry,
  how: Installation,
  folder: string,
  tried: string[],
  signal?: AbortSignal,
): Promise<string | undefined> {
  const started = performance.now();
  const emit = (state: 'started' | 'done' | 'failed', message: string) =>
    how.progress.emit({ stage: 'install', subject: `${name} ${entry.version}`, state, message });
  const download = entry.downloads?.find((candidate) => candidate.platform === platform);
  if (download) {
    emit('started', `downloading ${mirrored(download.url, how.mirror)}`);
    const made = await fetchProgram(name, download, how, folder, tried, signal);
    if (made) {
      emit('done', `${Math.round((performance.now() - started) / 1000)} s`);
      return made;
    }
  }
  if (!entry.go) return undefined;
  // Two Go builds at once only slow each other down.
  const made = await withLock(join(how.cacheFolder, 'locks', 'go-build'), signal, () => {
    emit('started', 'building with Go; this takes minutes the first time');
    return buildProgram(name, entry.go as GoRoute, how, folder, tried, signal);
  });
  if (made) emit('done', `${Math.round((performance.now() - started) / 1000)} s`);
  else emit('failed', tried.at(-1) ?? '');
  return made;
}

async function fetchProgram(
  name: string,
  download: Download,
  how: Installation,
  folder: string,
  tried: string[],
  signal?: AbortSignal,
): Promise<string | undefined> {
  const url = mirrored(download.url, how.mirror);
  const response = await how.http
    .request({ url, timeoutMs: 300_000 }, signal)
    .catch((error: { code?: string; message?: string }) => {
      if (error.code === 'run/cancelled') throw error;
      tried.push(`download: ${error.message}`);
      return undefined;
    });
  if (!response) return undefined;
  if (response.status !== 200) {
    tried.push(`download: ${url} answered ${response.status}`);
    return undefined;
  }
  const digest = createHash('sha256').update(response.body).digest('hex');
  if (digest !== download.sha256) throw checksumMismatch(name, download.url, download.sha256, digest);
  const file = join(folder, 'download');
  await writeFile(file, response.body);
  if (!download.member) return file;
  const { exitCode, stderr } = await how.process.run(
    { program: 'tar', args: ['-xzf', file, '-C', folder, '--', download.member] },
    signal,
  );
  if (exitCode !== 0) {
    tried.push(`download: ${download.member} is not in the archive: ${stderr.trim()}`);
    return undefined;
  }
  return join(folder, download.member);
}

async function buildProgram(
  name: string,
  route: GoRoute,
  how: Installation,
  folder: string,
  tried: string[],
  signal?: AbortSignal,
): Promise<string | undefined> {
  const output = join(folder, executable(name));
  const common = { CGO_ENABLED: '0', GOBIN: folder, GOWORK: 'off', GOFLAGS: '-modcacherw' };
  const build = async (): Promise<{ exitCode: number; stderr: string }> => {
    if ('install' in route) {
      return how.process.run(
        {
          program: how.go ?? 'go',
          args: [
            'install',
            '-trimpath',
            '-ldflags',
            `-s -w ${route.ldflags ?? ''}`.trim(),
            `${route.install}@${route.version}`,
          ],
          env: common,
          cwd: folder,
        },
        signal,
      );
    }
    const source = join(folder, 'source');
    await cp(wrapperFolder(route.wrapper), source, { recursive: true });
    return how.process.run(
      {
        program: how.go ?? 'go',
        args: [
          'build',
          '-trimpath',
          '-ldflags',
          `-s -w ${route.ldflags ?? ''}`.trim(),
          '-o',
          output,
          route.packagePath,
        ],
        env: common,
        cwd: source,
      },
      signal,
    );
  };
  try {
    const { exitCode, stderr } = await build();
    if (exitCode !== 0) throw buildFailed(name, stderr);
  } catch (thrown) {
    if ((thrown as { code?: string }).code !== 'tool/missing') throw thrown;
    tried.push('build: Go is not on the PATH');
    return undefined;
  }
  if (await exists(output)) return output;
  const made = (await readdir(folder, { withFileTypes: true })).find((entry) => entry.isFile());
  if (!made) throw buildFailed(name, 'the build left no program');
  return join(folder, made.name);
}

function mirrored(url: string, mirror: string | undefined): string {
  const { host, pathname } = new URL(url);
  return mirror ? `${mirror.replace(/\/+$/, '')}/${host}${pathname}` : url;
}

/** The folder of a module of ours: beside the bundle where this is one, else in the source tree. */
function wrapperFolder(wrapper: string): string {
  const shipped = join(import.meta.dirname, 'go', basename(wrapper));
  return existsSync(shipped) ? shipped : resolve(import.meta.dirname, wrapper);
}

function executable(name: string): string {
  return process.platform === 'win32' ? `${name}.exe` : name;
}

async function ensure(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  return folder;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
