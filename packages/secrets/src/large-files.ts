import type { Git } from '@zakenak/core';
import { readUtf16 } from './blobs.ts';
import type { Change } from './changes.ts';
import { largestText } from './gitleaks.ts';
import { longest, type Prefilter } from './prefilter.ts';
import { createWatchdog } from './watchdog.ts';

/** A piece of a large file in which gitleaks may find something. */
export interface Part {
  readonly change: Change;
  /** The line of the file with which it begins, from 1. */
  readonly line: number;
  readonly text: Uint8Array;
}

/** The pieces to scan, and the files of which not all is scanned. */
export interface LargeFiles {
  readonly parts: readonly Part[];
  readonly unscanned: readonly Change[];
}

interface Window {
  readonly line: number;
  readonly text: Uint8Array;
}

/** Every secret shorter than this lies whole in a piece. */
const overlap = 16 * 1024;
// Of all files together; what would be more is not scanned, and said so.
const mostKept = 64 * 1024 * 1024;
// A NUL, which may stand later in a text, would make a piece binary.
const space = 0x20;
// Some two minutes' worth.
const mostRead = 8 * 1024 * 1024 * 1024;
// git takes a file with a NUL in its first 8000 bytes for binary, and gitleaks reads no binary files.
const probed = 8000;

/**
 * Reads, piece by piece, files that gitleaks would pass over without a word. The whole file counts, also what the commit found there. Of large ones none is read without a
 * prefilter.
 */
export async function readApart(
  apart: readonly Change[],
  sizes: ReadonlyMap<string, number>,
  prefilter: Prefilter | undefined,
  git: Git,
): Promise<LargeFiles> {
  const sizeOf = ({ blob }: Change) => sizes.get(blob) ?? 0;
  const parts: Part[] = [];
  const unscanned: Change[] = [];
  let kept = 0;
  let bytes = 0;
  for (const same of Map.groupBy(apart, ({ blob, path }) => `${blob} ${path}`).values()) {
    const [change] = same as [Change];
    bytes += sizeOf(change);
    if (bytes > mostRead) {
      unscanned.push(...same);
      continue;
    }
    const mayLeak =
      sizeOf(change) <= largestText
        ? () => true
        : prefilter && ((text: Uint8Array) => prefilter.mayLeak(text, change.path));
    const read = createWindows(mayLeak, mostKept - kept);
    await git.run(['-c', `core.bigFileThreshold=${largestText}`, 'cat-file', 'blob', change.blob], {
      onChunk: read.push,
    });
    const { windows, isBinary, isWhole } = read.end();
    if (isBinary) continue;
    const size = windows.reduce((sum, { text }) => sum + text.length, 0);
    for (const one of same) {
      const fits = kept + size <= mostKept;
      if (!fits || !isWhole) unscanned.push(one);
      if (!fits) continue;
      kept += size;
      parts.push(...windows.map((window) => ({ change: one, ...window })));
    }
  }
  return { parts, unscanned };
}

// Their own kinds of binary, and never text.
const media =
  /\.(a|bin|bmp|bz2|class|dll|eot|exe|gif|gz|ico|jar|jpe?g|mov|mp[34]|o|otf|pdf|png|pyc|so|tgz|tiff?|ttf|wasm|webp|woff2?|xz|zip)$/i;
const largestUtf16 = 1024 * 1024;

/** Reads those of the files taken for binary that are text in UTF-16 of up to 1 MiB, as a whole. */
export async function readTextsInUtf16(
  binary: readonly Change[],
  sizes: ReadonlyMap<string, number>,
  git: Git,
): Promise<LargeFiles> {
  const changes = binary.filter(({ blob, path }) => {
    const size = sizes.get(blob) ?? 0;
    return size > 0 && size % 2 === 0 && size <= largestUtf16 && !media.test(path);
  });
  if (changes.length === 0) return { parts: [], unscanned: [] };
  const texts = await readUtf16(
    changes.map(({ blob }) => blob),
    git,
  );
  const parts: Part[] = [];
  const unscanned: Change[] = [];
  let kept = 0;
  for (const change of changes) {
    const text = Buffer.from(texts.get(change.blob)?.replaceAll('\0', ' ') ?? '');
    kept += text.length;
    if (kept > mostKept) unscanned.push(change);
    else if (text.length > 0) parts.push({ change, line: 1, text });
  }
  return { parts, unscanned };
}

/** Cuts a file into overlapping windows and keeps those that may leak, up to `most` bytes. */
function createWindows(
  mayLeak: ((text: Uint8Array) => ReturnType<Prefilter['mayLeak']>) | undefined,
  most: number,
) {
  const watch = createWatchdog(2_000);
  const windows: Window[] = [];
  const buffer = Buffer.alloc(longest);
  let filled = 0;
  let line = 1;
  let kept = 0;
  let isFirst = true;
  let isBinary = false;
  let isWhole = mayLeak !== undefined;
  const judge = () => {
    const text = buffer.subarray(0, filled);
    if (isFirst) isBinary = text.subarray(0, probed).includes(0);
    isFirst = false;
    if (isBinary || !isWhole) return;
    const doubt = mayLeak?.(text);
    let may = doubt !== false;
    // What takes too long is gitleaks' to judge.
    if (typeof doubt === 'function')
      watch(() => {
        may = doubt();
      });
    if (!may) return;
    kept += text.length;
    if (kept > most) isWhole = false;
    else windows.push({ line, text: text.map((byte) => byte || space) });
  };
  /** Goes on with the overlap, from a line's beginning where there is one. */
  const advance = () => {
    const newline = buffer.indexOf(0x0a, filled - overlap);
    const from = newline >= 0 && newline < filled - 1 ? newline + 1 : filled - overlap;
    for (let at = buffer.indexOf(0x0a); at >= 0 && at < from; at = buffer.indexOf(0x0a, at + 1)) line++;
    buffer.copyWithin(0, from, filled);
    filled -= from;
  };
  return {
    push(chunk: Uint8Array): void {
      if (isBinary || (!isFirst && !isWhole)) return;
      for (let at = 0; at < chunk.length; ) {
        const piece = chunk.subarray(at, at + longest - filled);
        buffer.set(piece, filled);
        [filled, at] = [filled + piece.length, at + piece.length];
        if (filled < longest) continue;
        judge();
        advance();
      }
    },
    end() {
      if (filled > 0 && !isBinary && (isFirst || isWhole)) judge();
      return { windows, isBinary, isWhole };
    },
  };
}
