import { countBefore } from '@zakenak/core';

/** Where the keys of a YAML text or template are written. */
export interface KeyIndex {
  readonly lines: readonly string[];
  /** Lines, from 0, in their order, that write a key, in block style or in flow style. */
  readonly keys: ReadonlyMap<string, readonly number[]>;
  /** Where each line begins. */
  readonly starts: readonly number[];
  /** Lines, from 0, that begin a document: `---`. */
  readonly documents: readonly number[];
}

// What stands before a key is passed over once: a line of dashes would be tried from each one on.
const keyPattern = /(?:^[\s-]*(?![\s-])|[{,]\s*)["']?([^\s"'{},:]+)["']?:/g;

/** Reads a text once, however many findings are placed in it. */
export function indexKeys(text: string): KeyIndex {
  const lines = text.split('\n');
  const keys = new Map<string, number[]>();
  const starts: number[] = [];
  const documents: number[] = [];
  let start = 0;
  lines.forEach((line, index) => {
    starts.push(start);
    if (line.startsWith('---')) documents.push(index);
    start += line.length + 1;
    for (const [, key = ''] of line.matchAll(keyPattern)) {
      const found = keys.get(key);
      if (!found) keys.set(key, [index]);
      else if (found.at(-1) !== index) found.push(index);
    }
  });
  return { lines, keys, starts, documents };
}

const known = new WeakMap<KeyIndex, Map<string, unknown>>();

/** Finds something out about a text once, however often it is asked for. */
function remember<T>(index: KeyIndex, what: string, find: () => T): T {
  const about = known.get(index) ?? new Map<string, unknown>();
  known.set(index, about);
  if (!about.has(what)) about.set(what, find());
  return about.get(what) as T;
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
  const { documents } = template;
  const from = (documents[countBefore(documents, at) - 1] ?? -1) + 1;
  const after = documents[countBefore(documents, at + 1)];
  const written = template.keys.get(key) ?? [];
  const first = countBefore(written, from);
  const end = after === undefined ? written.length : countBefore(written, after);
  const line = countBefore(rendered.starts, offset);
  const before = countBefore(rendered.keys.get(key) ?? [], line);
  const wanted = first + Math.max(before - 1, 0);
  const found = wanted < end ? written[wanted] : first < end ? written[first] : undefined;
  return found === undefined ? undefined : found + 1;
}

/** Lines below a key in which what writes its value is looked for. */
const mostActions = 20;

/** The path of the values that a template writes by `toYaml` below the key on `line` (from 1): named there, or by the `with` before it. */
export function valuesWrittenAt(index: KeyIndex, line: number): readonly string[] | undefined {
  return remember(index, `values ${line}`, () => findValuesWritten(index, line));
}

function findValuesWritten({ lines }: KeyIndex, line: number): readonly string[] | undefined {
  const rest = lines.slice(line, line + mostActions);
  const end = rest.findIndex((text) => !/^\s*\{\{/.test(text) || /\bend\b/.test(text));
  const text = [lines[line - 1] ?? '', ...(end < 0 ? rest : rest.slice(0, end))].join('\n');
  const [, name] = /\btoYaml\s+(?:\(\s*)?(\$?\.Values\.[\w.]+|\.(?=[\s|})]))/.exec(text) ?? [];
  if (name === undefined) return undefined;
  const before = lines.slice(Math.max(line - 3, 0), line - 1).join('\n');
  const around = name === '.' ? [...before.matchAll(/\bwith\s+(\$?\.Values\.[\w.]+)/g)].at(-1)?.[1] : name;
  return around?.replace(/^\$?\.Values\./, '').split('.');
}

/** Line of the first object of a kind, from 0; -1 where there is none. */
function lineOfKind(index: KeyIndex, kind: string): number {
  return kind === '' ? -1 : remember(index, `kind ${kind}`, () => findKind(index, kind));
}

function findKind({ keys, lines }: KeyIndex, kind: string): number {
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

/** Line (from 1) of the deepest of nested keys that a values file writes in block style, and how many of them are. */
export function locateValue(
  index: KeyIndex,
  path: readonly string[],
): { readonly line: number; readonly depth: number } | undefined {
  let found: { line: number; depth: number } | undefined;
  let block: Block = [0, index.lines.length];
  for (const key of path) {
    const keys = remember(index, `block ${block[0]}`, () => readBlock(index, block));
    const below = keys.get(key);
    if (below === undefined) break;
    // The key's own line is the one before what is below it, and lines count from 1.
    found = { line: below[0], depth: (found?.depth ?? 0) + 1 };
    block = below;
  }
  return found;
}

/** The first line, from 0, and the line after the last one. */
type Block = readonly [number, number];

const blockKey = /^\s*["']?([^\s"'{},:]+)["']?:/;

/** What is below each of the keys that a block writes at its own indentation. */
function readBlock({ lines }: KeyIndex, [from, end]: Block): ReadonlyMap<string, Block> {
  const found = new Map<string, Block>();
  let own: number | undefined;
  let open: { readonly key: string; readonly from: number } | undefined;
  const close = (at: number) => {
    if (open && !found.has(open.key)) found.set(open.key, [open.from, at]);
    open = undefined;
  };
  for (let at = from; at < end; at += 1) {
    const line = lines[at] ?? '';
    if (!/^\s*[^\s#]/.test(line) || line.startsWith('---')) continue;
    const indent = line.search(/\S/);
    own ??= indent;
    if (indent > own) continue;
    close(at);
    const [, key] = (indent === own && blockKey.exec(line)) || [];
    if (key !== undefined) open = { key, from: at + 1 };
  }
  close(end);
  return found;
}
