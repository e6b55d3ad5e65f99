import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Name of the control group that holds the pods of the sandbox in an absolute folder: one for each folder. */
export function cgroupName(folder: string): string {
  return `zakenak-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`;
}

/** Makes the sandbox's control group in every hierarchy. The kubelet takes it as its root and makes all others below it. */
export async function makeCgroups(folder: string): Promise<void> {
  for (const hierarchy of await listHierarchies()) {
    await delegateControllers(hierarchy);
    await mkdir(join(hierarchy, cgroupName(folder)), { recursive: true });
  }
}

/** In the unified hierarchy a group has the controllers that its parent hands on; systemd hands on only those it needs itself. */
async function delegateControllers(hierarchy: string): Promise<void> {
  const controllers = await readFile(join(hierarchy, 'cgroup.controllers'), 'utf8').catch(() => '');
  for (const name of controllers.split(/\s+/).filter(Boolean)) {
    // One that cannot be handed on is told by the kubelet, by name, where it needs it.
    await writeFile(join(hierarchy, 'cgroup.subtree_control'), `+${name}`).catch(() => {});
  }
}

/**
 * Removes the sandbox's control groups, which hold no process any more once the node has ended. They are all that a killed node leaves behind
 * outside the sandbox's folder. None is no error.
 */
export async function removeCgroups(folder: string): Promise<void> {
  if (process.platform !== 'linux') return;
  for (const hierarchy of await listHierarchies()) await removeTree(join(hierarchy, cgroupName(folder)));
}

/** Mount points of cgroup file systems, version 1 and 2 (proc_pid_mounts(5)). */
async function listHierarchies(): Promise<readonly string[]> {
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  const rows = mounts.split('\n').map((line) => line.split(' '));
  const found = rows.flatMap(([, path = '', kind]) =>
    kind === 'cgroup' || kind === 'cgroup2' ? [path] : [],
  );
  return [...new Set(found)];
}

async function removeTree(path: string): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(path, entry.name));
  for (let attempt = 0; attempt < 50; attempt += 1) {
    try {
      return await rmdir(path);
    } catch (error) {
      // The kernel empties a group a moment after its last process.
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY') return;
      await sleep(20);
    }
  }
}
