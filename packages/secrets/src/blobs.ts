import type { Git } from '@zakenak/core';

// Nobody looks up a line in a larger file.
const largest = 16 * 1024 * 1024;
const mostAtOnce = 64 * 1024 * 1024;

/** Texts of `commit:path` names or ids; what is not there, is no file or has more than 16 MiB is left out. */
export async function readBlobs(names: readonly string[], git: Git): Promise<ReadonlyMap<string, string>> {
  // A name with a newline cannot be asked for in a batch.
  const asked = [...new Set(names)].filter((name) => !name.includes('\n'));
  const texts = new Map<string, string>();
  let part: string[] = [];
  let bytes = 0;
  for (const [name, size] of await readSizes(asked, git)) {
    part.push(name);
    bytes += size;
    if (bytes < mostAtOnce) continue;
    await readPart(part, texts, git);
    [part, bytes] = [[], 0];
  }
  await readPart(part, texts, git);
  return texts;
}

async function readSizes(
  names: readonly string[],
  git: Git,
): Promise<readonly (readonly [string, number])[]> {
  if (names.length === 0) return [];
  const { stdout } = await git.run(['cat-file', '--batch-check=%(objecttype) %(objectsize)'], {
    input: `${names.join('\n')}\n`,
    maxOutputBytes: 512 * 1024 * 1024,
  });
  return stdout.split('\n').flatMap((line, index) => {
    const size = Number(/^blob (\d+)$/.exec(line)?.[1] ?? Number.POSITIVE_INFINITY);
    const name = names[index];
    return name !== undefined && size <= largest ? [[name, size] as const] : [];
  });
}

async function readPart(names: readonly string[], texts: Map<string, string>, git: Git): Promise<void> {
  if (names.length === 0) return;
  const { stdout } = await git.run(['cat-file', '--batch'], {
    input: `${names.join('\n')}\n`,
    encoding: 'latin1',
    maxOutputBytes: 2 * mostAtOnce,
  });
  let offset = 0;
  for (const name of names) {
    const end = stdout.indexOf('\n', offset);
    if (end < 0) break;
    const match = /^[0-9a-f]{40,64} blob (\d+)$/.exec(stdout.slice(offset, end));
    offset = end + 1;
    if (!match) continue;
    const size = Number(match[1]);
    texts.set(name, Buffer.from(stdout.slice(offset, offset + size), 'latin1').toString('utf8'));
    offset += size + 1;
  }
}
