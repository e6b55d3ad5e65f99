/** The lines that a commit adds in one place of a file that it does not delete: what gitleaks looks at as one text. */
export interface AddedLines {
  readonly commit: string;
  /** Undefined where git had to quote it. */
  readonly path: string | undefined;
  /** Without a line end at a file's end that has none. Valid only during the call. */
  readonly lines: Uint8Array;
}

/** Reads patches piece by piece. */
export interface PatchReader {
  /** Throws on what `git log` does not write. */
  push(chunk: Uint8Array): void;
  end(): void;
}

/** Git's options for the patches that a PatchReader reads. */
export const patchOptions = [
  '-p',
  '-U0',
  '--no-ext-diff',
  '--no-textconv',
  '--no-color',
  '--format=commit %H',
];

const longestHeader = 64 * 1024;
const newline = 0x0a;
const [plus, minus, backslash] = [0x2b, 0x2d, 0x5c];
const headers =
  /^(diff --git |index |old mode |new mode |new file mode |similarity index |dissimilarity index |rename |copy |--- |Binary files |$)/;

/**
 * A reader of `git log` with `patchOptions`. `onLines` is asked once for each place of change; no more than `most` bytes of one are kept, and the rest is left out.
 */
export function createPatchReader(onLines: (added: AddedLines) => void, most: number): PatchReader {
  let commit = '';
  let path: string | undefined;
  let isDeleted = false;
  let header: Buffer[] = [];
  const place = createPlace(most);

  const readHeader = (line: string) => {
    if (line.startsWith('@@ -')) return place.open(line);
    if (line.startsWith('commit ')) commit = line.slice('commit '.length);
    else if (line.startsWith('+++ ')) path = readPath(line);
    else if (line.startsWith('deleted file mode ')) isDeleted = true;
    else if (!headers.test(line)) throw new Error('git log wrote an unknown line');
    if (line.startsWith('diff --git ')) {
      isDeleted = false;
      path = undefined;
    }
  };
  const finish = () => {
    const lines = place.close();
    if (lines && !isDeleted) onLines({ commit, path, lines });
  };
  const take = (piece: Buffer, isWhole: boolean) => {
    if (header.length === 0 && place.take(piece, isWhole)) return;
    if (header.length === 0) finish();
    header.push(piece);
    if (header.reduce((sum, { length }) => sum + length, 0) > longestHeader)
      throw new Error('git log wrote a header that is too long');
    if (!isWhole) return;
    readHeader(Buffer.concat(header).toString('latin1').slice(0, -1));
    header = [];
  };
  return {
    push(chunk) {
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
      for (let at = 0; at < bytes.length; ) {
        const end = bytes.indexOf(newline, at);
        const next = end < 0 ? bytes.length : end + 1;
        take(bytes.subarray(at, next), end >= 0);
        at = next;
      }
    },
    end() {
      if (header.length > 0 || !place.isComplete()) throw new Error('git log ended within a patch');
      finish();
    },
  };
}

/** `+++ b/path`, with a tab after it where the path has a space. */
function readPath(line: string): string | undefined {
  return line.startsWith('+++ b/') ? line.slice('+++ b/'.length).replace(/\t$/, '') : undefined;
}

/** One place of change while it is read. */
function createPlace(most: number) {
  const kept = Buffer.alloc(most);
  let size = 0;
  let isOpen = false;
  let removed = 0;
  let added = 0;
  // The line's first character while a line is being read.
  let operation: number | undefined;
  let former: number | undefined;
  const keep = (bytes: Buffer) => {
    size += bytes.copy(kept, size);
  };
  return {
    open(line: string): void {
      const match = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(line);
      if (!match) throw new Error('git log wrote a place without numbers');
      [removed, added] = [Number(match[1] ?? 1), Number(match[2] ?? 1)];
      [isOpen, size, former] = [true, 0, undefined];
    },
    /** Whether the piece belongs to the place. */
    take(piece: Buffer, isWhole: boolean): boolean {
      if (!isOpen) return false;
      const isStart = operation === undefined;
      const current = operation ?? piece[0];
      if (isStart && removed === 0 && added === 0 && current !== backslash) return false;
      if (current !== plus && current !== minus && current !== backslash)
        throw new Error('git log wrote a line that neither adds nor removes');
      if (current === plus) keep(isStart ? piece.subarray(1) : piece);
      // `\\ No newline at end of file` is said of the line before it.
      if (current === backslash && isStart && former === plus && kept[size - 1] === newline) size--;
      operation = isWhole ? undefined : current;
      if (!isWhole) return true;
      if (current === plus) added--;
      if (current === minus) removed--;
      former = current;
      return true;
    },
    isComplete: () => !isOpen || (operation === undefined && removed === 0 && added === 0),
    /** What was kept of the place that was open. */
    close(): Uint8Array | undefined {
      const lines = isOpen ? kept.subarray(0, size) : undefined;
      isOpen = false;
      return lines;
    },
  };
}
