import type { CommitRange, Git } from '@zakenak/core';
import { type Commit, type Malformed, parseCommit } from './commit-object.ts';
import { commitUnreadable } from './errors.ts';

const perProcess = 2000;
/** Of one object, and of all that one process hands out: what is read stays bounded whatever a history holds. */
const largestObject = 4 * 1024 * 1024;
const largestBatch = 64 * 1024 * 1024;

/** The commits of a range, each after its parents: the order in which they can be made anew. */
export async function listParentsFirst({ head, bases }: CommitRange, git: Git): Promise<readonly string[]> {
  const input = [head, ...bases.map((base) => `^${base}`), ''].join('\n');
  const { stdout } = await git.run(['rev-list', '--topo-order', '--reverse', '--stdin'], { input });
  return stdout.split('\n').filter(Boolean);
}

/**
 * Reads commits through `git cat-file --batch`, one process for 2,000 or 64 MiB. A commit of more than 4 MiB is not read and counts as malformed. Throws
 * `commits/unreadable` where one is not handed out.
 */
export async function* readCommits(ids: readonly string[], git: Git): AsyncGenerator<Commit | Malformed> {
  for (let from = 0; from < ids.length; from += perProcess) {
    const described = await describe(ids.slice(from, from + perProcess), git);
    let [batch, size]: [Described[], number] = [[], 0];
    for (const object of described) {
      if (object.kind !== 'commit') throw commitUnreadable(object.id, `it is a ${object.kind}`);
      if (object.size > largestObject) {
        yield* readBatch(batch, git);
        [batch, size] = [[], 0];
        yield { id: object.id, malformed: `its object has ${object.size} bytes, more than ${largestObject}` };
        continue;
      }
      if (size + object.size > largestBatch) {
        yield* readBatch(batch, git);
        [batch, size] = [[], 0];
      }
      batch.push(object);
      size += object.size;
    }
    yield* readBatch(batch, git);
  }
}

/** One object of any kind, its bytes one to one (latin1); without text where it is larger than 4 MiB. Throws `commits/unreadable`. */
export async function readObject(
  id: string,
  git: Git,
): Promise<{ readonly kind: string; readonly text?: string }> {
  const [object] = await describe([id], git);
  if (!object) throw commitUnreadable(id, 'git ended early');
  if (object.size > largestObject) return { kind: object.kind };
  const { stdout } = await git.run(['cat-file', object.kind, id], {
    encoding: 'latin1',
    maxOutputBytes: largestObject + 1,
  });
  return { kind: object.kind, text: stdout };
}

interface Described {
  readonly id: string;
  readonly kind: string;
  readonly size: number;
}

async function describe(ids: readonly string[], git: Git): Promise<readonly Described[]> {
  const { stdout } = await git.run(['cat-file', '--batch-check'], { input: `${ids.join('\n')}\n` });
  const lines = stdout.split('\n');
  return ids.map((id, index) => {
    const [found, kind = '', size = ''] = (lines[index] ?? '').split(' ');
    if (found !== id || !/^\d+$/.test(size))
      throw commitUnreadable(id, lines[index]?.slice(0, 80) || 'git ended early');
    return { id, kind, size: Number(size) };
  });
}

async function* readBatch(batch: readonly Described[], git: Git): AsyncGenerator<Commit | Malformed> {
  if (batch.length === 0) return;
  const { stdout } = await git.run(['cat-file', '--batch'], {
    input: `${batch.map(({ id }) => id).join('\n')}\n`,
    encoding: 'latin1',
    maxOutputBytes: 2 * largestBatch,
  });
  let offset = 0;
  for (const { id, size } of batch) {
    const header = `${id} commit ${size}\n`;
    const start = offset + header.length;
    if (!stdout.startsWith(header, offset) || stdout.length < start + size)
      throw commitUnreadable(id, 'git ended early');
    offset = start + size + 1;
    yield parseCommit(id, stdout.slice(start, start + size));
  }
}
