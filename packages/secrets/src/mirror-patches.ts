import { join } from 'node:path';
import { type Ports, ZakenakError } from '@zakenak/core';
import { type Change, isUnreadable, parseRawLine, type Removal } from './changes.ts';
import { scannerFailed } from './errors.ts';
import { gitEnvironment } from './gitleaks.ts';
import { createPatchReader, patchOptions, rawOptions } from './patch.ts';
import { longest, type Prefilter } from './prefilter.ts';
import { createWatchdog } from './watchdog.ts';

/** What the patches of a mirror's commits say. */
export interface Patches {
  /** Commits that change text: so many gitleaks says that it scanned when it has read all. */
  readonly commits: readonly string[];
  /** Those in which gitleaks may find something; all of them without a prefilter. */
  readonly candidates: readonly string[];
  /** Every file that a commit writes. */
  readonly changes: readonly Change[];
  /** Blobs that git takes for binary; unknown without patches. */
  readonly binaries: ReadonlySet<string>;
  /** Every file that a commit removes. */
  readonly removals: readonly Removal[];
  /** Some path, of a deleted file too, is unreadable. */
  readonly hasUnreadable: boolean;
}

const batch = 1024 * 1024;
// Some hundred times what a batch takes. Who writes texts that our expressions are slow with is scanned by gitleaks alone.
const batchMs = 2_000;

/** Reads what the selected commits change, without their patches: no commits and no candidates. */
export function readRaw(
  mirror: string,
  selection: readonly string[],
  ports: Pick<Ports, 'process' | 'log'>,
  signal?: AbortSignal,
): Promise<Patches> {
  return readLog(mirror, [...rawOptions, ...selection], undefined, ports, signal);
}

/**
 * Reads the patches of the selected commits once; where the prefilter takes too long with them, once more without. Throws `secrets/scanner-failed` where git fails or
 * writes what is not known.
 */
export async function readPatches(
  mirror: string,
  selection: readonly string[],
  prefilter: Prefilter | undefined,
  ports: Pick<Ports, 'process' | 'log'>,
  signal?: AbortSignal,
): Promise<Patches> {
  const args = [...patchOptions, ...selection];
  try {
    return await readLog(mirror, args, prefilter, ports, signal);
  } catch (thrown) {
    if (!(thrown instanceof TooSlow)) throw thrown;
    ports.log.debug('The prefilter takes too long with a text: gitleaks scans every commit.');
    return readLog(mirror, args, undefined, ports, signal);
  }
}

async function readLog(
  mirror: string,
  args: readonly string[],
  prefilter: Prefilter | undefined,
  ports: Pick<Ports, 'process'>,
  signal: AbortSignal | undefined,
): Promise<Patches> {
  const commits = new Set<string>();
  const candidates = prefilter ? new Set<string>() : commits;
  const doubts = createDoubts(candidates);
  const changes: Change[] = [];
  const removals: Removal[] = [];
  const binaries = new Set<string>();
  let hasUnreadable = false;
  const reader = createPatchReader(
    {
      onRaw(line, commit) {
        const { names, change, removal } = parseRawLine(line, commit);
        hasUnreadable ||= names.some(isUnreadable);
        if (change) changes.push(change);
        if (removal) removals.push(removal);
      },
      onBinary: (blob) => binaries.add(blob),
      onLines({ commit, path, lines }) {
        commits.add(commit);
        if (!prefilter || candidates.has(commit)) return;
        const may = prefilter.mayLeak(lines, path);
        if (may === true) candidates.add(commit);
        else if (may) doubts.add(commit, may, lines.length);
      },
    },
    longest + 1,
  );
  try {
    const { exitCode, stderr } = await ports.process.run(
      {
        program: 'git',
        args: [`--git-dir=${mirror}`, 'log', ...args],
        env: gitEnvironment,
        onChunk: reader.push,
      },
      signal,
    );
    if (exitCode !== 0) throw new Error(`git log ended with ${exitCode}: ${stderr.trim().split('\n')[0]}`);
    reader.end();
    doubts.settle();
  } catch (thrown) {
    if (thrown instanceof TooSlow) throw thrown;
    if (thrown instanceof ZakenakError || !(thrown instanceof Error)) throw thrown;
    throw scannerFailed(thrown.message);
  }
  return { commits: [...commits], candidates: [...candidates], changes, removals, binaries, hasUnreadable };
}

/** Gives refs to commits of a mirror and returns git log's arguments for them. */
export async function selectOnly(
  mirror: string,
  commits: readonly string[],
  { files }: Pick<Ports, 'files'>,
): Promise<readonly string[]> {
  const name = (index: number) => `refs/zakenak/scan/${String(index).padStart(9, '0')}`;
  const refs = commits.map((commit, index) => `${commit} ${name(index)}\n`);
  const header = '# pack-refs with: peeled fully-peeled sorted \n';
  await files.write(join(mirror, 'packed-refs'), `${header}${refs.join('')}`);
  return ['--no-walk=unsorted', '--glob=refs/zakenak/scan/*'];
}

class TooSlow extends Error {}

/** Settles whether commits are candidates, many at once under a watchdog; throws TooSlow where that takes long. */
function createDoubts(candidates: Set<string>) {
  const watch = createWatchdog(batchMs);
  let open: { readonly commit: string; readonly mayLeak: () => boolean }[] = [];
  let size = 0;
  const settleAll = () => {
    for (const { commit, mayLeak } of open) if (!candidates.has(commit) && mayLeak()) candidates.add(commit);
  };
  const settle = () => {
    if (!watch(settleAll)) throw new TooSlow('a text takes too long');
    open = [];
    size = 0;
  };
  return {
    settle,
    /** `bytes`: the size of the text in question. */
    add(commit: string, mayLeak: () => boolean, bytes: number): void {
      open.push({ commit, mayLeak });
      size += bytes;
      if (size >= batch) settle();
    },
  };
}
