import { foldCase } from './address.ts';
import { badAllowedSigners } from './errors.ts';

/** One line of an allowed-signers file (ALLOWED SIGNERS of ssh-keygen(1)). */
export interface AllowedSigner {
  readonly principals: readonly string[];
  /** The key's blob, base64. */
  readonly publicKey: string;
  readonly certAuthority: boolean;
  /** Absent: every namespace. */
  readonly namespaces?: readonly string[];
  /** Seconds since 1970. */
  readonly validAfter?: number;
  readonly validBefore?: number;
}

/** Parses the file. Throws `commits/bad-allowed-signers` at the first line that cannot be read: a line left out might have been the strict one. */
export function parseAllowedSigners(text: string, path: string): readonly AllowedSigner[] {
  const signers: AllowedSigner[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const signer = parseLine(line);
    if (typeof signer === 'string') throw badAllowedSigners(path, index + 1, signer);
    signers.push(signer);
  }
  return signers;
}

const keyForm = /^(\S+)\s+([A-Za-z0-9+/]+={0,2})(\s.*)?$/;
const keyTypes = /^(ssh-|ecdsa-|sk-ssh-|sk-ecdsa-)/;

function parseLine(line: string): AllowedSigner | string {
  const first = /^(?:"([^"]*)"|(\S+))\s+(.*)$/.exec(line);
  if (!first) return 'there is no key on it';
  const principals = (first[1] ?? first[2] ?? '').split(',').filter(Boolean);
  if (principals.length === 0) return 'it names no principal';
  let rest = first[3] ?? '';
  let options = '';
  if (!keyTypes.test(rest)) {
    const cut = endOfOptions(rest);
    options = rest.slice(0, cut);
    rest = rest.slice(cut).trim();
  }
  const key = keyForm.exec(rest);
  if (!key || !keyTypes.test(key[1] ?? '')) return 'there is no key on it';
  const parsed = parseOptions(options);
  if (typeof parsed === 'string') return parsed;
  return { principals, publicKey: Buffer.from(key[2] ?? '', 'base64').toString('base64'), ...parsed };
}

function endOfOptions(text: string): number {
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '"' && text[at - 1] !== '\\') quoted = !quoted;
    if (!quoted && /\s/.test(text[at] ?? '')) return at;
  }
  return text.length;
}

type Options = Pick<AllowedSigner, 'certAuthority' | 'namespaces' | 'validAfter' | 'validBefore'>;

function parseOptions(text: string): Options | string {
  const options: { -readonly [K in keyof Options]: Options[K] } = { certAuthority: false };
  const seen = new Set<string>();
  for (const option of text.match(/(?:[^,"]|"[^"]*")+/g) ?? []) {
    const [, name = '', value = ''] = /^([A-Za-z-]+)(?:="([^"]*)")?$/.exec(option) ?? [];
    const lower = name.toLowerCase();
    const time = parseTime(value);
    if (seen.has(lower)) return `the option ${JSON.stringify(name)} is there twice`;
    seen.add(lower);
    if (lower === 'cert-authority' && value === '') options.certAuthority = true;
    else if (lower === 'namespaces' && value !== '') options.namespaces = value.split(',');
    else if (lower === 'valid-after' && time !== undefined) options.validAfter = time;
    else if (lower === 'valid-before' && time !== undefined) options.validBefore = time;
    else return `the option ${JSON.stringify(option.slice(0, 80))} is unknown or has no usable value`;
  }
  const { validAfter = 0, validBefore = Number.POSITIVE_INFINITY } = options;
  if (validAfter >= validBefore) return 'its valid-after is not before its valid-before';
  return options;
}

/** YYYYMMDD[HHMM[SS]][Z|UTC]; without a zone in the machine's, as ssh-keygen reads it. */
function parseTime(text: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?(Z|UTC)?$/i.exec(text);
  if (!match) return undefined;
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((digits) => Number(digits ?? 0));
  // Elsewhere JavaScript would carry over into the next month or day.
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 59)
    return undefined;
  const ms = match[7]
    ? Date.UTC(year, month - 1, day, hour, minute, second)
    : new Date(year, month - 1, day, hour, minute, second).getTime();
  return Math.floor(ms / 1000);
}

/** OpenSSH's pattern lists (PATTERNS of ssh_config(5)): `*`, `?`, and `!` which excludes whatever else matches. Letter case does not count. */
export function matchesPatterns(text: string, patterns: readonly string[]): boolean {
  let matched = false;
  for (const pattern of patterns) {
    const negative = pattern.startsWith('!');
    if (!matchesPattern(foldCase(text), foldCase(pattern.slice(negative ? 1 : 0)))) continue;
    if (negative) return false;
    matched = true;
  }
  return matched;
}

/** Linear in practice: on a mismatch only the last `*` is moved on. */
function matchesPattern(text: string, pattern: string): boolean {
  let [at, from, star, mark] = [0, 0, -1, 0];
  while (at < text.length) {
    if (from < pattern.length && pattern[from] === '*') {
      [star, mark] = [from++, at];
    } else if (from < pattern.length && (pattern[from] === '?' || pattern[from] === text[at])) {
      at++;
      from++;
    } else if (star >= 0) {
      from = star + 1;
      at = ++mark;
    } else return false;
  }
  while (pattern[from] === '*') from++;
  return from === pattern.length;
}
