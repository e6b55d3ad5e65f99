/** Where the keys of a YAML text or template are written. */
export interface KeyIndex {
  readonly lines: readonly string[];
  /** Lines, from 0, in their order, that write a key, in block style or in flow style. */
  readonly keys: ReadonlyMap<string, readonly number[]>;
  /** Where each line begins. */
  readonly starts: readonly number[];
}

const keyPattern = /(?:^[\s-]*|[{,]\s*)["']?([^\s"'{},:]+)["']?:/g;

/** Reads a text once, however many findings are placed in it. */
export function indexKeys(text: string): KeyIndex {
  const lines = text.split('\n');
  const keys = new Map<string, number[]>();
  const starts: number[] = [];
  let start = 0;
  lines.forEach((line, index) => {
    starts.push(start);
    start += line.length + 1;
    for (const [, key = ''] of line.matchAll(keyPattern)) {
      const found = keys.get(key);
      if (!found) keys.set(key, [index]);
      else if (found.at(-1) !== index) found.push(index);
    }
  });
  return { lines, keys, starts };
}

/** Line of a template (from 1) that a finding on `key` of an object of `kind` is best shown at. */
export function locateKey(template: KeyIndex, kind: string, key: string | undefined): number | undefined {
  const start = lineOfKind(template, kind);
  const lines = key === undefined ? [] : (template.keys.get(key) ?? []);
  const found = lines[countBefore(lines, Math.max(start, 0))];
  if (found !== undefined) return found + 1;
  return start >= 0 ? start + 1 : undefined;
}

/**
 * Line of a template (from 1) that wrote the `key` whose value begins at `offset` of the rendered text: of several equal keys the one at the same
 * place in their order, where template and rendered text have them alike.
 */
export function locateOccurrence(
  template: KeyIndex,
  rendered: KeyIndex,
  { kind, key, offset }: { readonly kind: string; readonly key: string; readonly offset: number },
): number | undefined {
  const at = lineOfKind(template, kind);
  const from = template.lines.slice(0, Math.max(at, 0)).findLastIndex((line) => line.startsWith('---')) + 1;
  const after = template.lines.findIndex((line, index) => index > at && line.startsWith('---'));
  const written = template.keys.get(key) ?? [];
  const [first, end] = [countBefore(written, from), after < 0 ? written.length : countBefore(written, after)];
  const line = countBefore(rendered.starts, offset);
  const before = countBefore(rendered.keys.get(key) ?? [], line);
  const wanted = first + Math.max(before - 1, 0);
  const found = wanted < end ? written[wanted] : first < end ? written[first] : undefined;
  if (found !== undefined) return found + 1;
  return at >= 0 ? at + 1 : undefined;
}

/** Line of the first object of a kind, from 0; -1 where there is none. */
function lineOfKind({ keys, lines }: KeyIndex, kind: string): number {
  if (kind === '') return -1;
  const candidates = keys.get('kind') ?? [];
  const writes = (line: string): boolean => {
    const at = line.indexOf(kind, line.indexOf('kind'));
    return (
      at >= 0 && !/[\w]/.test(line[at + kind.length] ?? '') && /kind["']?:\s*["']?$/.test(line.slice(0, at))
    );
  };
  const found = candidates.filter((index) => writes(lines[index] ?? ''));
  return found.find((index) => /^["']?kind/.test(lines[index] ?? '')) ?? found[0] ?? -1;
}

/** How many of the rising numbers are below a limit. */
function countBefore(numbers: readonly number[], limit: number): number {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] ?? 0) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Line (from 1) of the deepest part of `/a/b/c` that a values file writes in block style. */
export function locateValue({ keys, lines }: KeyIndex, path: string): number | undefined {
  let from = 0;
  let found: number | undefined;
  for (const key of path.split('/').filter((part) => part !== '')) {
    const written = (keys.get(key) ?? []).filter((index) =>
      /^\s*["']?[^\s"'{},:]+["']?:/.test(lines[index] ?? ''),
    );
    const at = written[countBefore(written, from)];
    if (at === undefined) break;
    found = at + 1;
    from = at + 1;
  }
  return found;
}
