import type { Dirent } from 'node:fs';
import { glob, lstat, mkdir, mkdtemp, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join, matchesGlob, relative, resolve, sep } from 'node:path';
import { assertLightGlob, type FileStat, type Files, type TemporaryFolder } from '@zakenak/core';
import { fileError, noTemporaryFolder, outsideWorkspace } from './errors.ts';

const skipped = new Set(['.git', 'node_modules']);
/** Other programs go into node_modules, and through a link whatever its name; git lets nobody commit below .git. */
const skippedWithLinks = new Set(['.git']);

/** The file system bound to the workspace `root` (an absolute path). */
export function createFiles(root: string): Files {
  const confine = (path: string) => confinePath(root, path);
  const locate = async (path: string) => (isAbsolute(path) ? path : confine(path));
  return {
    root,
    resolve: (path) => attempt(path, () => confine(path)),
    readText: async (path) => attempt(path, async () => readFile(await locate(path), 'utf8')),
    readBytes: async (path) => attempt(path, async () => readFile(await locate(path))),
    write: async (path, content, options) =>
      attempt(path, async () => writeAtomically(await locate(path), content, options?.mode), 'write'),
    stat: async (path) => attempt(path, async () => readStat(await locate(path))),
    glob: async (patterns, options) =>
      attempt(options?.cwd ?? '.', async () =>
        findFiles(root, options?.cwd ? await locate(options.cwd) : root, patterns, options?.links ?? false),
      ),
    makeFolder: async (path) => attempt(path, async () => makeFolders(await locate(path)), 'write'),
    remove: async (path) =>
      attempt(path, async () => rm(await locate(path), { recursive: true, force: true }), 'write'),
    temporaryFolder: makeTemporaryFolder,
  };
}

async function attempt<T>(
  path: string,
  body: () => Promise<T>,
  tried: 'read' | 'write' = 'read',
): Promise<T> {
  try {
    return await body();
  } catch (thrown) {
    if (thrown instanceof Error && 'errno' in thrown) throw fileError(path, thrown, tried);
    throw thrown;
  }
}

async function confinePath(root: string, path: string): Promise<string> {
  const target = resolve(root, path);
  if (!isInside(resolve(root), target) || path.includes('\0')) throw outsideWorkspace(path, root);
  const [realRoot, realTarget] = [await realpath(root), await realpathOfExisting(target)];
  if (!isInside(realRoot, realTarget)) throw outsideWorkspace(path, root);
  // A checkout keeps its credentials there, and git lets nobody commit there: whoever wrote the link is to read none of it.
  if (!isInGit(relative(resolve(root), target)) && isInGit(relative(realRoot, realTarget)))
    throw outsideWorkspace(path, root);
  return target;
}

/** Real path of the longest part that exists; what does not exist yet cannot be a link. */
async function realpathOfExisting(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) return path;
    // A dangling link exists and may lead anywhere once its target appears.
    if (
      await lstat(path).then(
        () => true,
        () => false,
      )
    )
      return sep;
    return realpathOfExisting(dirname(path));
  }
}

function isInGit(way: string): boolean {
  return way.split(sep).includes('.git');
}

function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}

async function writeAtomically(path: string, content: string | Uint8Array, mode?: number): Promise<void> {
  await makeFolders(dirname(path));
  const temporary = join(dirname(path), `.${process.pid}-${Math.random().toString(36).slice(2)}.tmp`);
  try {
    const handle = await open(temporary, 'wx', mode ?? 0o644);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown;
  }
}

/** As `mkdir -p`. Node's own says ENOENT where the disk is read-only (node 24), and never returns below /proc. */
async function makeFolders(path: string): Promise<void> {
  const there = await stat(path).catch(() => undefined);
  if (there?.isDirectory()) return;
  if (!there && dirname(path) !== path) await makeFolders(dirname(path));
  await mkdir(path).catch(async (thrown: NodeJS.ErrnoException) => {
    // Somebody else was faster.
    if (thrown.code === 'EEXIST' && (await stat(path)).isDirectory()) return;
    throw thrown;
  });
}

async function readStat(path: string): Promise<FileStat | undefined> {
  const found = await lstat(path).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT' || thrown.code === 'ENOTDIR') return undefined;
    throw thrown;
  });
  if (!found) return undefined;
  const kind = found.isFile()
    ? 'file'
    : found.isDirectory()
      ? 'folder'
      : found.isSymbolicLink()
        ? 'link'
        : 'other';
  return { kind, size: found.size, mode: found.mode & 0o7777 };
}

async function findFiles(
  root: string,
  cwd: string,
  patterns: readonly string[],
  links: boolean,
): Promise<readonly string[]> {
  patterns.forEach(assertLightGlob);
  const found = new Set<string>();
  const folders = new Set<string>();
  const pathOf = (entry: Dirent) => relative(cwd, join(entry.parentPath, entry.name)).split(sep).join('/');
  const isSkipped = (entry: Dirent): boolean => {
    if (!links) return skipped.has(entry.name);
    if (!skippedWithLinks.has(entry.name) || entry.isSymbolicLink()) return false;
    if (patterns.some((pattern) => matchesGlob(pathOf(entry), pattern))) found.add(pathOf(entry));
    return true;
  };
  const entries = glob([...patterns], {
    cwd,
    withFileTypes: true,
    exclude: isSkipped,
  });
  for await (const entry of entries) {
    if (!entry.isFile() && !(links && entry.isSymbolicLink())) continue;
    const path = pathOf(entry);
    // Below a folder whose name begins with a dot node's glob does not ask (node 24).
    const parts = path.split('/').slice(0, -1);
    const at = parts.findIndex((part) => (links ? skippedWithLinks : skipped).has(part));
    if (at >= 0) {
      if (links) found.add(parts.slice(0, at + 1).join('/'));
      continue;
    }
    folders.add(entry.parentPath);
    found.add(path);
  }
  // A pattern such as {..,a}/* or one through a link leaves only when it is expanded.
  const fence = await realpath(isInside(root, cwd) ? root : cwd);
  for (const folder of folders)
    if (!isInside(fence, await realpath(folder))) throw outsideWorkspace(relative(cwd, folder), fence);
  return [...found].sort();
}

const temporaryFolders = new Set<string>();

process.on('exit', () => {
  // Synchronous on purpose: nothing else runs any more.
  for (const path of temporaryFolders) {
    try {
      process.getBuiltinModule('node:fs').rmSync(path, { recursive: true, force: true });
    } catch {
      // A program that was just killed may still hold a mount in it.
    }
  }
});

async function makeTemporaryFolder(prefix: string): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), `zakenak-${prefix}-`)).catch((thrown: unknown) => {
    throw noTemporaryFolder(tmpdir(), thrown);
  });
  temporaryFolders.add(path);
  return {
    path,
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true });
      temporaryFolders.delete(path);
    },
  };
}
