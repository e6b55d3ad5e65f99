import type { Git } from '@zakenak/core';

// Nobody looks up a line in a larger file.
const largest = 16 * 1024 * 1024;
const mostAtOnce = 64 * 1024 * 1024;

/** Texts of `commit:path` names or ids; what is not there, is no file or has more than 16 MiB is left out. */
export async function readBlobs(names: readonly string[], git: Git): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  await visitBlobs(names, git, (name, bytes) => texts.set(name, decodeText(bytes)));
  return texts;
}

/** Texts of those of the blobs that are in UTF-16, which git and gitleaks take for binary. PowerShell writes such files. */
export async function readUtf16(ids: readonly string[], git: Git): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  await visitBlobs(ids, git, (id, bytes) => {
    if (encodingOf(bytes) !== 'utf-8') texts.set(id, decodeText(bytes));
  });
  return texts;
}

/** By the byte order mark. */
function encodingOf(bytes: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  return bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8';
}

function decodeText(bytes: Buffer): string {
  const encoding = encodingOf(bytes);
  return encoding === 'utf-8' ? bytes.toString('utf8') : new TextDecoder(encoding).decode(bytes);
}

async function visitBlobs(
  names: readonly string[],
  git: Git,
  visit: (name: string, bytes: Buffer) => void,
): Promise<void> {
  // A name with a newline cannot be asked for in a batch.
  const asked = [...new Set(names)].filter((name) => !name.includes('\n'));
  let part: string[] = [];
  let bytes = 0;
  for (const [name, size] of await readSizes(asked, git)) {
    if (size > largest) continue;
    part.push(name);
    bytes += size;
    if (bytes < mostAtOnce) continue;
    await visitPart(part, visit, git);
    [part, bytes] = [[], 0];
  }
  await visitPart(part, visit, git);
}

/** Sizes in bytes of blobs, by `commit:path` names or ids without a newline; what is not there or is no file is left out. */
export async function readSizes(names: Iterable<string>, git: Git): Promise<ReadonlyMap<string, number>> {
  const asked = [...names];
  if (asked.length === 0) return new Map();
  const { stdout } = await git.run(['cat-file', '--batch-check=%(objecttype) %(objectsize)'], {
    input: `${asked.join('\n')}\n`,
    maxOutputBytes: 512 * 1024 * 1024,
  });
  const lines = stdout.split('\n');
  return new Map(
    asked.flatMap((name, index) => {
      const size = /^blob (\d+)$/.exec(lines[index] ?? '')?.[1];
      return size === undefined ? [] : [[name, Number(size)] as const];
    }),
  );
}

async function visitPart(
  names: readonly string[],
  visit: (name: string, bytes: Buffer) => void,
  git: Git,
): Promise<void> {
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
    visit(name, Buffer.from(stdout.slice(offset, offset + size), 'latin1'));
    offset += size + 1;
  }
}
