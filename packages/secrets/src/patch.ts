/** The lines that a commit adds in one place of a file that it does not delete: what gitleaks looks at as one text. */
interface AddedLines {
  readonly commit: string;
  /** Undefined where git had to quote it. */
  readonly path: string | undefined;
  /** Without a line end at a file's end that has none. Valid only during the call. */
  readonly lines: Uint8Array;
}

/** What a PatchReader tells. */
export interface PatchEvents {
  /** One line of `--raw` for each file that a commit changes, as byte string. */
  readonly onRaw: (line: string, commit: string) => void;
  /** The blob of a file of which git shows no lines. */
  readonly onBinary: (blob: string) => void;
  /** Once for each place of change. */
  readonly onLines: (added: AddedLines) => void;
}

/** Reads patches piece by piece. */
export interface PatchReader {
  /** Throws on what `git log` does not write. */
  push(chunk: Uint8Array): void;
  end(): void;
}

/** Git's options for what a PatchReader reads: without a patch, names and blobs alone. */
export const rawOptions = ['--raw', '--no-abbrev', '--no-renames', '--format=commit %H', '--no-color'];
/** The same with patches. */
export const patchOptions = [
  ...['-p', '-U0', '--raw', '--no-abbrev', '--full-index', '--format=commit %H'],
  ...['--no-ext-diff', '--no-textconv', '--no-color'],
];

const longestHeader = 64 * 1024;
const newline = 0x0a;
const [plus, minus, backslash] = [0x2b, 0x2d, 0x5c];
const headers =
  /^(diff --git |old mode |new mode |new file mode |similarity index |dissimilarity index |rename |copy |--- |$)/;

/** A reader of `git log` with these options. No more than `most` bytes of one place are kept, and the rest is left out. */
export function createPatchReader(events: PatchEvents, most: number): PatchReader {
  let commit = '';
  let path: string | undefined;
  let isDeleted = false;
  let blob = '';
  // The beginning of a header line whose end is in the next piece.
  let begun = '';
  const place = createPlace(most);

  const readHeader = (line: string) => {
    if (line.startsWith('@@ -')) return place.open(line);
    if (line.startsWith(':')) return events.onRaw(line, commit);
    if (line.startsWith('commit ')) commit = line.slice('commit '.length);
    else if (line.startsWith('+++ ')) path = readPath(line);
    else if (line.startsWith('deleted file mode ')) isDeleted = true;
    else if (line.startsWith('index ')) blob = /\.\.([0-9a-f]+)/.exec(line)?.[1] ?? '';
    else if (line.startsWith('Binary files ')) events.onBinary(blob);
    else if (!headers.test(line)) throw new Error('git log wrote an unknown line');
    if (line.startsWith('diff --git ')) {
      isDeleted = false;
      path = undefined;
    }
  };
  const finish = () => {
    const lines = place.close();
    if (lines && !isDeleted) events.onLines({ commit, path, lines });
  };
  return {
    push(chunk) {
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
      for (let at = 0; at < bytes.length; ) {
        if (place.isOpen()) {
          at = place.take(bytes, at);
          if (at >= bytes.length) return;
          finish();
        }
        const end = bytes.indexOf(newline, at);
        begun += bytes.toString('latin1', at, end < 0 ? bytes.length : end);
        if (begun.length > longestHeader) throw new Error('git log wrote a header that is too long');
        if (end < 0) return;
        const line = begun;
        begun = '';
        readHeader(line);
        at = end + 1;
      }
    },
    end() {
      if (begun !== '' || !place.isComplete()) throw new Error('git log ended within a patch');
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
  // The line's first character while a line is being read; 0 between lines.
  let operation = 0;
  let former = 0;

  const begin = (first: number) => {
    if (first !== plus && first !== minus && first !== backslash)
      throw new Error('git log wrote a line that neither adds nor removes');
    // `\ No newline at end of file` is said of the line before it.
    if (first === backslash && former === plus && kept[size - 1] === newline) size--;
    operation = first;
  };
  const finishLine = () => {
    if (operation === plus) added--;
    else if (operation === minus) removed--;
    former = operation;
    operation = 0;
  };
  return {
    open(line: string): void {
      const match = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(line);
      if (!match) throw new Error('git log wrote a place without numbers');
      [removed, added] = [Number(match[1] ?? 1), Number(match[2] ?? 1)];
      [isOpen, size, former] = [true, 0, 0];
    },
    isOpen: () => isOpen,
    /** Takes lines from `at` on and returns where the place's lines end, or the piece. */
    take(bytes: Uint8Array, at: number): number {
      let index = at;
      while (index < bytes.length) {
        if (operation === 0) {
          const first = bytes[index] ?? 0;
          if (removed === 0 && added === 0 && first !== backslash) return index;
          begin(first);
          index++;
        }
        let byte = 0;
        if (operation === plus)
          while (byte !== newline && index < bytes.length) {
            byte = bytes[index++] ?? 0;
            if (size < most) kept[size++] = byte;
          }
        else while (byte !== newline && index < bytes.length) byte = bytes[index++] ?? 0;
        if (byte === newline) finishLine();
      }
      return index;
    },
    isComplete: () => !isOpen || (operation === 0 && removed === 0 && added === 0),
    /** What was kept of the place that was open. */
    close(): Uint8Array | undefined {
      const lines = isOpen ? kept.subarray(0, size) : undefined;
      isOpen = false;
      return lines;
    },
  };
}
