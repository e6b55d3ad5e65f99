import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cancelled } from '@zakenak/core';
import { identify, isAlive, type ProcessIdentity } from '@zakenak/machine';
import { folderBusy } from './errors.ts';

const patienceMs = 180_000;

/**
 * Runs `body` while no other process does so for the same folder. The lock is the file `<folder>.lock`; one whose holder is gone is taken over.
 * Throws ZakenakError `sandbox/busy` when the holder keeps it for three minutes.
 */
export async function withFolderLock<T>(
  folder: string,
  body: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const path = `${folder}.lock`;
  await mkdir(dirname(path), { recursive: true });
  const deadline = performance.now() + patienceMs;
  while (!(await tryTake(path))) {
    if (signal?.aborted) throw cancelled();
    if (performance.now() > deadline) throw folderBusy(folder);
    await sleep(100);
  }
  try {
    return await body();
  } finally {
    await rm(path, { force: true });
  }
}

/** Links a file that is written already: a lock that can be seen always names its holder. */
async function tryTake(path: string): Promise<boolean> {
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, JSON.stringify(identify(process.pid)), { flag: 'wx', mode: 0o600 });
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(draft, { force: true });
  }
  const holder = await readFile(path, 'utf8').catch(() => '');
  if (holder !== '' && !isAlive(JSON.parse(holder) as ProcessIdentity)) await putAway(path, holder);
  return false;
}

/** Removes the lock of a holder that is gone, and no other: somebody quicker may have put his own in its place. */
async function putAway(path: string, holder: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  if ((await readFile(aside, 'utf8')) !== holder) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}
