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

/** Line of a template (from 1) that begins the first object of a kind. */
export function locateKind(template: KeyIndex, kind: string): number | undefined {
  const start = lineOfKind(template, kind);
  return start >= 0 ? start + 1 : undefined;
}

/** First line of a template (from 1) that writes `key` in an object of `kind`. */
export function locateKey(template: KeyIndex, kind: string, key: string): number | undefined {
  const lines = template.keys.get(key) ?? [];
  const found = lines[countBefore(lines, Math.max(lineOfKind(template, kind), 0))];
  return found === undefined ? undefined : found + 1;
}

/**
 * Line of a template (from 1) that wrote the last `key` before `offset` of the rendered text: of several equal keys the one at the same
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
  return found === undefined ? undefined : found + 1;
}

/** The path of the values that a template writes by `toYaml` below the key on `line` (from 1): named there, or by the `with` before it. */
export function valuesWrittenAt({ lines }: KeyIndex, line: number): readonly string[] | undefined {
  const rest = lines.slice(line);
  const end = rest.findIndex((text) => !/^\s*\{\{/.test(text) || /\bend\b/.test(text));
  const text = [lines[line - 1] ?? '', ...(end < 0 ? rest : rest.slice(0, end))].join('\n');
  const [, name] = /\btoYaml\s+\(?\s*(\$?\.Values\.[\w.]+|\.(?=[\s|})]))/.exec(text) ?? [];
  if (name === undefined) return undefined;
  const before = lines.slice(Math.max(line - 3, 0), line - 1).join('\n');
  const around = name === '.' ? [...before.matchAll(/\bwith\s+(\$?\.Values\.[\w.]+)/g)].at(-1)?.[1] : name;
  return around?.replace(/^\$?\.Values\./, '').split('.');
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

/** Line (from 1) of the deepest of nested keys that a values file writes in block style, and how many of them are. */
export function locateValue(
  { keys, lines }: KeyIndex,
  path: readonly string[],
): { readonly line: number; readonly depth: number } | undefined {
  let found: { line: number; depth: number } | undefined;
  let [from, end] = [0, lines.length];
  const isContent = (line: string): boolean => /^\s*[^\s#]/.test(line) && !line.startsWith('---');
  for (const [index, key] of path.entries()) {
    const block = lines.slice(from, end);
    const indent = indentOf(block.find(isContent) ?? '');
    const written = keys.get(key) ?? [];
    const at = written
      .slice(countBefore(written, from), countBefore(written, end))
      .find((line) => blockKey.test(lines[line] ?? '') && indentOf(lines[line] ?? '') === indent);
    if (at === undefined) break;
    found = { line: at + 1, depth: index + 1 };
    const after = lines.slice(at + 1, end).findIndex((line) => isContent(line) && indentOf(line) <= indent);
    from = at + 1;
    if (after >= 0) end = from + after;
  }
  return found;
}

const blockKey = /^\s*["']?[^\s"'{},:]+["']?:/;

function indentOf(line: string): number {
  return line.search(/[^\s]|$/);
}
