import type { Ports } from '@zakenak/core';
import { parse } from 'smol-toml';
import { translatePattern } from './re2-pattern.ts';

/** What of a rule of gitleaks decides whether it can find anything in a text. */
export interface Rule {
  /** In lower case; a text without any of them does not concern the rule. None: every text does. */
  readonly keywords: readonly string[];
  /** Matches in every text in which the rule's own expression does; absent: any text may hold a find. */
  readonly pattern?: RegExp;
  /** The same for the file's path. */
  readonly paths?: RegExp;
}

/** Whether this is a version of gitleaks whose detection is followed here, and whose count of commits is understood. */
export function isFollowed(version: string): boolean {
  return /^v?8\.30\.\d+$/.test(version);
}

const title = 'title = "gitleaks config"';

/**
 * All rules that gitleaks finds by with these configurations (the user's and what it extends). gitleaks' own are read from its program, which carries the text of its
 * default configuration. Undefined where the rules cannot be known for certain.
 */
export async function readRules(
  configurations: readonly string[],
  version: string,
  ports: Pick<Ports, 'process' | 'files'>,
  signal?: AbortSignal,
): Promise<readonly Rule[] | undefined> {
  if (!isFollowed(version)) return undefined;
  try {
    const own = configurations.map((text) => lowerKeys(parse(text)));
    const usesDefault = own.some((table) => readField(table, 'extend', 'usedefault') !== undefined);
    const texts = usesDefault ? [await readDefault(ports, signal)] : [];
    const entries = [...own, ...texts.map((text) => lowerKeys(parse(text)))].flatMap(readEntries);
    return mergeRules(entries);
  } catch {
    // gitleaks itself says what is wrong with a configuration.
    return undefined;
  }
}

interface Entry {
  readonly id: string;
  readonly keywords: readonly string[];
  readonly regex: string;
  readonly path: string;
}

/** The configuration that is compiled into the program, from its title to the first byte that is no text. */
async function readDefault(
  { process, files }: Pick<Ports, 'process' | 'files'>,
  signal: AbortSignal | undefined,
): Promise<string> {
  const path = await process.resolve?.('gitleaks', signal);
  if (path === undefined) throw new Error('where gitleaks lies is not known');
  const program = Buffer.from(await files.readBytes(path));
  const start = program.indexOf(title);
  if (start < 0 || program.indexOf(title, start + 1) >= 0) throw new Error('not one default configuration');
  return cutConfiguration(program.toString('latin1', start, start + 4 * 1024 * 1024));
}

/** What follows the configuration in the program is other data: it is the longest text from `text`'s start that is TOML. */
export function cutConfiguration(text: string): string {
  const lines = /^[\t\n\x20-\x7e]*\n/.exec(text)?.[0].split('\n') ?? [];
  for (let last = lines.length; last > Math.max(0, lines.length - 40); last--) {
    const candidate = lines.slice(0, last).join('\n');
    try {
      parse(candidate);
      return candidate;
    } catch {
      // Other text of the program follows; a line less.
    }
  }
  throw new Error('the default configuration does not end');
}

type Table = Readonly<Record<string, unknown>>;

/** gitleaks reads keys in any case. */
function lowerKeys(value: unknown): Table {
  const lower = (inner: unknown): unknown => {
    if (Array.isArray(inner)) return inner.map(lower);
    if (typeof inner !== 'object' || inner === null || inner instanceof Date) return inner;
    const entries = Object.entries(inner).map(([key, item]) => [key.toLowerCase(), lower(item)] as const);
    if (new Set(entries.map(([key]) => key)).size < entries.length) throw new Error('a key stands twice');
    return Object.fromEntries(entries);
  };
  return lower(value) as Table;
}

function readField(table: Table, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Table | undefined)?.[key], table);
}

function readEntries(table: Table): readonly Entry[] {
  const rules = table.rules ?? [];
  if (!Array.isArray(rules)) throw new Error('rules are no list');
  return rules.map((rule: Table) => {
    const { id = '', regex = '', path = '', keywords = [] } = rule;
    const isText = (value: unknown) => typeof value === 'string';
    if (![id, regex, path].every(isText) || !Array.isArray(keywords) || !keywords.every(isText))
      throw new Error('a rule of another shape');
    const words = keywords.map((word: string) => word.toLowerCase());
    if (words.some((word) => !/^[\x20-\x7e]*$/.test(word))) throw new Error('a keyword beyond ASCII');
    // An empty keyword is in every text.
    return { id, regex, path, keywords: words.includes('') ? [] : words } as Entry;
  });
}

/** A rule of a configuration changes the one of the same name that it extends, in part or whole: each part counts for all that it may be joined with. */
function mergeRules(entries: readonly Entry[]): readonly Rule[] | undefined {
  if (entries.length === 0) return undefined;
  const merged = [...Map.groupBy(entries, ({ id }) => id).values()].flatMap((same) => {
    const isAlways = same.some(({ keywords }) => keywords.length === 0);
    const keywords = isAlways ? [] : [...new Set(same.flatMap((entry) => entry.keywords))];
    return same.map(({ regex, path }) => {
      const pattern = regex === '' ? undefined : translatePattern(regex);
      const paths = path === '' || same.length > 1 ? undefined : translatePattern(path);
      return { keywords, ...(pattern ? { pattern } : {}), ...(paths ? { paths } : {}) };
    });
  });
  return merged;
}
