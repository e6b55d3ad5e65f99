/** A file as a commit made it, and as the commit found it. */
export interface Change {
  readonly commit: string;
  readonly path: string;
  /** The path's bytes, as byte string (latin1). */
  readonly name: string;
  readonly blob: string;
  readonly former?: string;
}

/**
 * Whether gitleaks misreads the patch of a path and perhaps all that follows: go-gitdiff 0.9 takes the quotation mark after a last backslash for a part of the name
 * (`parseQuotedName`).
 */
export function isUnreadable(name: string): boolean {
  return name.endsWith('\\');
}

/** A name under which gitleaks reads the file. */
export function readableName(name: string): string {
  return name.replace(/\\+$/, (end) => '_'.repeat(end.length));
}

/** A file as a commit found it and left it no more. */
export interface Removal {
  readonly name: string;
  readonly blob: string;
}

/** What a line of `git log --raw` says: the names in it, and the file that it writes or removes. */
export interface RawLine {
  readonly names: readonly string[];
  readonly change?: Change;
  readonly removal?: Removal;
}

/** One line of `git log --raw --no-abbrev`, as byte string. A renamed file counts as new. */
export function parseRawLine(line: string, commit: string): RawLine {
  const match = /^:\d+ (\d+) ([0-9a-f]+) ([0-9a-f]+) (\w)\d*\t(.*)$/s.exec(line);
  if (!match) throw new Error('git log wrote a change of an unknown form');
  const [, mode = '', before = '', blob = '', status, rest = ''] = match;
  const names = rest.split('\t').map(unquote);
  const name = names.at(-1) ?? '';
  if (status === 'D') return { names, removal: { name, blob: before } };
  // Regular files and links, which say something too.
  if (!/^1[02]0/.test(mode)) return { names };
  const former = status === 'M' ? { former: before } : {};
  const path = /^[\x20-\x7e]*$/.test(name) ? name : Buffer.from(name, 'latin1').toString('utf8');
  return { names, change: { commit, path, name, blob, ...former } };
}

const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  t: '\t',
  n: '\n',
  v: '\v',
  f: '\f',
  r: '\r',
};

/** A name as git quotes it (`quote.c`). */
function unquote(text: string): string {
  if (!text.startsWith('"')) return text;
  return text
    .slice(1, -1)
    .replace(/\\([0-7]{3}|.)/gs, (_, code: string) =>
      code.length === 3 ? String.fromCharCode(Number.parseInt(code, 8)) : (escapes[code] ?? code),
    );
}
