import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import type { Ports } from '@zakenak/core';
import type { Scope } from './scope.ts';

/** Commits in which nothing was found by the same rules, configuration and program. Holds commit ids and nothing else. */
export interface CleanCommits {
  readonly ids: ReadonlySet<string>;
  /** Keeps more of them; a folder that cannot be written costs only the next run's time. */
  add(ids: readonly string[]): Promise<void>;
}

// Some 20 MB of ids; the oldest go first.
const most = 500_000;

/** Opens the record for everything that a commit's finds follow from (`circumstances`); without a folder nothing is kept. */
export async function openCleanCommits(
  folder: string | undefined,
  circumstances: readonly string[],
  ports: Pick<Ports, 'files' | 'log'>,
): Promise<CleanCommits> {
  if (folder === undefined) return { ids: new Set(), add: async () => {} };
  const key = createHash('sha256').update(JSON.stringify(circumstances)).digest('hex');
  const path = posix.join(folder, `${key}.txt`);
  const text = await ports.files.readText(path).catch(() => '');
  const ids = new Set(text.split('\n').filter((line) => /^[0-9a-f]{40,64}$/.test(line)));
  return {
    ids,
    async add(more) {
      const all = [...new Set([...ids, ...more])];
      if (all.length === ids.size) return;
      await ports.files
        .write(path, `${all.slice(-most).join('\n')}\n`, { mode: 0o600 })
        .catch((thrown) =>
          ports.log.debug(`Scanned commits could not be kept in ${folder}: ${String(thrown)}`),
        );
    },
  };
}

/** The scope without its clean commits. A tree is scanned whole. */
export function withoutClean(scope: Scope, clean: ReadonlySet<string>): Scope {
  const only = scope.all.filter((commit) => !clean.has(commit));
  if (only.length === scope.all.length) return scope;
  const mergedFiles = new Map([...scope.mergedFiles].filter(([commit]) => !clean.has(commit)));
  return { ...scope, only, mergedFiles };
}
