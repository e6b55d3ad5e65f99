import { rm } from 'node:fs/promises';
import { isAlive, signalProcess, waitForEnd } from '@zakenak/machine';
import { stopFailed } from './errors.ts';
import { withFolderLock } from './folder-lock.ts';
import { removeCgroups } from './node-cgroups.ts';
import { readState } from './state.ts';

const graceMs = 10_000;
const killMs = 5_000;

/**
 * Ends every process of the sandbox in an absolute folder, exactly those it started, and removes the folder. Nothing there is no error.
 * Throws ZakenakError `sandbox/stop-failed` and `sandbox/busy`.
 */
export async function stopSandbox(folder: string): Promise<boolean> {
  return withFolderLock(folder, () => endSandbox(folder));
}

/** As `stopSandbox`, for a caller who holds the folder's lock. Returns whether there was a sandbox. */
export async function endSandbox(folder: string): Promise<boolean> {
  const state = await readState(folder);
  if (!state) return false;
  const supervisor = { name: 'the supervisor', ...state.supervisor };
  signalProcess(supervisor, 'SIGTERM');
  await waitForEnd([supervisor], graceMs);
  // The state may have grown while the supervisor was still starting programs.
  const last = await readState(folder);
  const inits = [state.nodeInit, last?.nodeInit].flatMap((init) =>
    init ? [{ name: 'the real node', ...init }] : [],
  );
  const known = [...state.processes, ...(last?.processes ?? []), ...inits];
  const left = [supervisor, ...known].filter(isAlive);
  for (const process of left) signalProcess(process, 'SIGKILL');
  const survivors = await waitForEnd(left, killMs);
  if (survivors.length > 0) throw stopFailed(survivors.map(({ name }) => name));
  await removeCgroups(folder);
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  return true;
}
