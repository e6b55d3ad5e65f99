import { badChart } from './errors.ts';

/** Whether helm leaves a path of the chart out, itself or with a folder above it. */
export type IgnoreRules = (path: string, isFolder: boolean) => boolean;

interface Rule {
  readonly negated: boolean;
  readonly foldersOnly: boolean;
  /** Matched against the whole path; else against its last part. */
  readonly whole: boolean;
  readonly parts: readonly string[];
}

/**
 * Reads a .helmignore as helm does (helm: pkg/ignore/rules.go): the first rule that matches decides, a negated one leaves out all that it does not match, `*` stays within a folder,
 * and files of templates/ that begin with a dot are always left out. Throws ZakenakError `helm/bad-chart` for what helm refuses.
 */
export function parseIgnoreRules(chart: string, text: string): IgnoreRules {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const rules = [...lines, 'templates/.?*'].flatMap((line) => {
    const raw = line.trim();
    if (raw === '' || raw.startsWith('#')) return [];
    if (raw.includes('**') || !isPattern(raw))
      throw badChart(chart, `.helmignore: helm takes no pattern ${JSON.stringify(raw)}.`);
    return [readRule(raw)];
  });
  const folders = new Map<string, boolean>();
  const isIgnored: IgnoreRules = (path, isFolder) => {
    const known = isFolder ? folders.get(path) : undefined;
    if (known !== undefined) return known;
    const up = path.lastIndexOf('/');
    const ignored = (up > 0 && isIgnored(path.slice(0, up), true)) || isNamed(rules, path, isFolder);
    if (isFolder) folders.set(path, ignored);
    return ignored;
  };
  return isIgnored;
}

function isNamed(rules: readonly Rule[], path: string, isFolder: boolean): boolean {
  const parts = path.split('/');
  for (const { negated, foldersOnly, whole, parts: pattern } of rules) {
    if (foldersOnly && !isFolder) {
      if (negated) return true;
      continue;
    }
    if (matches(whole ? parts : parts.slice(-1), pattern) !== negated) return true;
  }
  return false;
}

function readRule(raw: string): Rule {
  const negated = raw.startsWith('!');
  const named = negated ? raw.slice(1) : raw;
  const foldersOnly = named.endsWith('/');
  const rule = foldersOnly ? named.slice(0, -1) : named;
  return {
    negated,
    foldersOnly,
    whole: rule.includes('/'),
    parts: (rule.startsWith('/') ? rule.slice(1) : rule).split('/'),
  };
}

function matches(path: readonly string[], pattern: readonly string[]): boolean {
  return (
    path.length === pattern.length && path.every((part, index) => matchesPart(part, pattern[index] ?? ''))
  );
}

/** Go's path/filepath.Match within one part of a path. Goes back to the last star only: no pattern takes longer than the product of both lengths. */
function matchesPart(text: string, pattern: string): boolean {
  const tokens = tokenize(pattern);
  const letters = [...text];
  let [at, token] = [0, 0];
  let star: { readonly token: number; at: number } | undefined;
  while (at < letters.length) {
    const wanted = tokens[token];
    if (wanted === '*') {
      star = { token, at };
      token += 1;
    } else if (wanted?.(letters[at] ?? '')) {
      at += 1;
      token += 1;
    } else if (star) {
      star.at += 1;
      at = star.at;
      token = star.token + 1;
    } else return false;
  }
  return tokens.slice(token).every((rest) => rest === '*');
}

type Token = '*' | ((letter: string) => boolean);

function tokenize(pattern: string): readonly Token[] {
  return [...pattern.matchAll(tokenPattern)].map(([text]): Token => {
    if (text === '*') return '*';
    if (text === '?') return () => true;
    if (text.startsWith('\\')) return (letter) => letter === text.slice(1);
    if (!text.startsWith('[')) return (letter) => letter === text;
    const negated = text[1] === '^';
    const ranges = [...text.slice(negated ? 2 : 1, -1).matchAll(rangePattern)].map(
      ([, from = '', to = from]) => [from.replace(/^\\/, ''), to.replace(/^\\/, '')] as const,
    );
    return (letter) => ranges.some(([from, to]) => from <= letter && letter <= to) !== negated;
  });
}

const tokenPattern = /\[\^?(?:\\.|[^\]\\])+\]|\\.|[\s\S]/gu;
const rangePattern = /(\\.|[^\\])(?:-(\\.|[^\\]))?/gu;

/** Whether every bracket is closed and nothing ends in a backslash. */
function isPattern(raw: string): boolean {
  return [...raw.matchAll(tokenPattern)].every(([text]) => text !== '[' && text !== '\\');
}
