import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cancelled } from '@zakenak/core';
import { folderBusy } from './errors.ts';
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts';

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

async function tryTake(path: string): Promise<boolean> {
  try {
    await writeFile(path, JSON.stringify(identify(process.pid)), { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const text = await readFile(path, 'utf8').catch(() => '');
  // An empty file is one that its holder is about to fill.
  if (text !== '' && !isAlive(JSON.parse(text) as ProcessIdentity)) await rm(path, { force: true });
  return false;
}
