import { join } from 'node:path';
import type { Ports } from '@zakenak/core';
import { gitEnvironment } from './gitleaks.ts';
import { createPatchReader, patchOptions } from './patch.ts';
import { longest, type Prefilter } from './prefilter.ts';
import { createWatchdog } from './watchdog.ts';

/** What the patches of a mirror's commits say. */
export interface Patches {
  /** Commits that change text: so many gitleaks says that it scanned when it has read all. */
  readonly commits: readonly string[];
  /** Those in which gitleaks may find something; all of them without a prefilter. */
  readonly candidates: readonly string[];
}

const batch = 1024 * 1024;
// Some hundred times what a batch takes. Who writes texts that our expressions are slow with is scanned by gitleaks alone.
const batchMs = 2_000;

/** Reads the patches of the selected commits once. Undefined where they cannot be judged for certain. */
export async function readPatches(
  mirror: string,
  selection: readonly string[],
  prefilter: Prefilter | undefined,
  ports: Pick<Ports, 'process' | 'log'>,
  signal?: AbortSignal,
): Promise<Patches | undefined> {
  const all = new Set<string>();
  const candidates = prefilter ? new Set<string>() : all;
  const reader = createPatchReader(({ commit, path, lines }) => {
    all.add(commit);
    if (prefilter && !candidates.has(commit) && prefilter.mayLeak(lines, path)) candidates.add(commit);
  }, longest + 1);
  const batches = createBatches((chunk) => reader.push(chunk));
  try {
    const { exitCode, stderr } = await ports.process.run(
      {
        program: 'git',
        args: [`--git-dir=${mirror}`, 'log', ...patchOptions, ...selection],
        env: gitEnvironment,
        onChunk: batches.push,
      },
      signal,
    );
    if (exitCode !== 0) throw new Undecided(stderr);
    batches.end();
    reader.end();
    return { commits: [...all], candidates: [...candidates] };
  } catch (thrown) {
    if (!(thrown instanceof Undecided)) throw thrown;
    ports.log.debug(`The patches could not be judged: ${thrown.message}`);
    return undefined;
  }
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

/** The patches cannot be judged here. */
class Undecided extends Error {}

/** Hands chunks on in batches, each of which may take `batchMs`; throws Undecided on a longer one and on what the reader does not know. */
function createBatches(take: (chunk: Uint8Array) => void) {
  const watch = createWatchdog(batchMs);
  let chunks: Uint8Array[] = [];
  let size = 0;
  const takeAll = () => {
    for (const chunk of chunks) take(chunk);
  };
  const end = () => {
    let isDone = false;
    try {
      isDone = watch(takeAll);
    } catch (thrown) {
      throw new Undecided(thrown instanceof Error ? thrown.message : 'a batch failed');
    }
    if (!isDone) throw new Undecided('a text takes too long');
    chunks = [];
    size = 0;
  };
  const push = (chunk: Uint8Array) => {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= batch) end();
  };
  return { push, end };
}
