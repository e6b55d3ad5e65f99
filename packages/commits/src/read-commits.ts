import type { Git } from '@zakenak/core';
import { type Commit, type Malformed, parseCommit } from './commit-object.ts';
import { commitUnreadable } from './errors.ts';

const perProcess = 2000;

/** Reads commits through `git cat-file --batch`, one process for 2,000. Throws `commits/unreadable` where one is not handed out. */
export async function* readCommits(ids: readonly string[], git: Git): AsyncGenerator<Commit | Malformed> {
  for (let from = 0; from < ids.length; from += perProcess) {
    const batch = ids.slice(from, from + perProcess);
    const { stdout } = await git.run(['cat-file', '--batch'], {
      input: `${batch.join('\n')}\n`,
      encoding: 'latin1',
      maxOutputBytes: 512 * 1024 * 1024,
    });
    let offset = 0;
    for (const id of batch) {
      const end = stdout.indexOf('\n', offset);
      const header = end < 0 ? '' : stdout.slice(offset, end);
      const match = /^([0-9a-f]+) commit (\d+)$/.exec(header);
      if (!match || match[1] !== id) throw commitUnreadable(id, header.slice(0, 80) || 'git ended early');
      const size = Number(match[2]);
      const start = end + 1;
      if (stdout.length < start + size) throw commitUnreadable(id, 'git ended early');
      offset = start + size + 1;
      yield parseCommit(id, stdout.slice(start, start + size));
    }
  }
}
