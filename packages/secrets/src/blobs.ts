import type { Git } from '@zakenak/core';

/** Texts of `commit:path` names through one git process; what is not there or is no file is left out. Throws nothing for a missing one. */
export async function readBlobs(names: readonly string[], git: Git): Promise<ReadonlyMap<string, string>> {
  // A name with a newline cannot be asked for in a batch.
  const asked = [...new Set(names)].filter((name) => !name.includes('\n'));
  if (asked.length === 0) return new Map();
  const { stdout } = await git.run(['cat-file', '--batch'], {
    input: `${asked.join('\n')}\n`,
    encoding: 'latin1',
    maxOutputBytes: 1024 * 1024 * 1024,
  });
  const texts = new Map<string, string>();
  let offset = 0;
  for (const name of asked) {
    const end = stdout.indexOf('\n', offset);
    if (end < 0) break;
    const header = stdout.slice(offset, end);
    const match = /^[0-9a-f]{40,64} (\w+) (\d+)$/.exec(header);
    offset = end + 1;
    if (!match) continue;
    const size = Number(match[2]);
    if (match[1] === 'blob')
      texts.set(name, Buffer.from(stdout.slice(offset, offset + size), 'latin1').toString('utf8'));
    offset += size + 1;
  }
  return texts;
}
