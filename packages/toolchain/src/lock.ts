import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const pollMs = 200;

/** Runs `body` while no other process on this machine holds the same lock. A lock whose holder is dead is taken over. */
export async function withLock<T>(
  folder: string,
  signal: AbortSignal | undefined,
  body: () => Promise<T>,
): Promise<T> {
  await mkdir(dirname(folder), { recursive: true });
  while (!(await tryLock(folder))) {
    signal?.throwIfAborted();
    await delay(pollMs);
  }
  try {
    return await body();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function tryLock(folder: string): Promise<boolean> {
  try {
    await mkdir(folder);
    await writeFile(join(folder, 'pid'), String(process.pid));
    return true;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
    if (await isStale(folder)) await rm(folder, { recursive: true, force: true });
    return false;
  }
}

async function isStale(folder: string): Promise<boolean> {
  const pid = Number(await readFile(join(folder, 'pid'), 'utf8').catch(() => ''));
  if (pid > 0) return !isAlive(pid);
  // The holder died, or is about to write, between making the folder and the file.
  const age = await stat(folder).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
  return age > 10_000;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM';
  }
}
