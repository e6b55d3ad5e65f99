import { type Finding, isAtLeast, type Severity, severities } from '@zakenak/core';
import { badBaseline } from './errors.ts';

/** Findings of one rule in one file that were there before. */
interface KnownFinding {
  readonly rule: string;
  readonly path: string;
  /** The findings' fingerprint, over rule, path and message: they stay known wherever they move in their file. */
  readonly hash: string;
  /** How severe the worst of them was: what became worse since is new. */
  readonly severity: Severity;
  /** How many there are: one more is new. */
  readonly count: number;
  /** Why they may stay. */
  readonly reason: string;
}

/** The baseline file. It holds no line numbers and no dates, so that two branches seldom conflict in it. */
export interface Baseline {
  readonly version: 1;
  readonly known: readonly KnownFinding[];
}

/** Findings beside a baseline. */
export interface Compared {
  /** All of them; known ones are information. */
  readonly findings: readonly Finding[];
  /** Those that the baseline does not know. */
  readonly fresh: readonly Finding[];
}

/** Reads the JSON of a baseline. Throws `charts/bad-baseline`. */
export function parseBaseline(text: string, path: string): Baseline {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw badBaseline(path, 'it is not JSON');
  }
  const { version, known } = (typeof value === 'object' && value !== null ? value : {}) as Partial<Baseline>;
  if (version !== 1) throw badBaseline(path, 'its version is not 1');
  if (!Array.isArray(known)) throw badBaseline(path, 'it has no list `known`');
  for (const [index, entry] of known.entries()) {
    const words = ['rule', 'path', 'hash', 'reason'].every((key) => typeof entry?.[key] === 'string');
    if (!words || !severities.includes(entry.severity) || !Number.isInteger(entry.count) || entry.count < 1)
      throw badBaseline(path, `entry ${index + 1} lacks rule, path, hash, severity, count or reason`);
  }
  return { version: 1, known };
}

/** The file's text, sorted. */
export function renderBaseline({ known }: Baseline): string {
  const key = ({ path, rule, hash }: KnownFinding) => `${path}\0${rule}\0${hash}`;
  const sorted = [...known].sort((a, b) => (key(a) < key(b) ? -1 : 1));
  return `${JSON.stringify({ version: 1, known: sorted }, null, 2)}\n`;
}

/** Tells known findings from new ones: of the same finding as many are known as were counted, from the file's beginning. */
export function compareWithBaseline(findings: readonly Finding[], baseline: Baseline | undefined): Compared {
  const open = new Map(baseline?.known.map((entry) => [entry.hash, { ...entry, left: entry.count }]));
  const fresh: Finding[] = [];
  const compared = findings.map((finding) => {
    const known = open.get(finding.fingerprint);
    if (!known || known.left === 0 || !isAtLeast(known.severity, finding.severity)) {
      fresh.push(finding);
      return finding;
    }
    known.left -= 1;
    const message = `${finding.message} In the baseline: ${known.reason}.`;
    return { ...finding, severity: 'info' as const, message };
  });
  return { findings: compared, fresh };
}

/** The baseline with what was found in these folders instead of what it knew there; reasons are kept. */
export function updateBaseline(
  baseline: Baseline | undefined,
  findings: readonly Finding[],
  folders: readonly string[],
): Baseline {
  const isLooked = (path: string) =>
    folders.some((folder) => folder === '.' || path.startsWith(`${folder}/`));
  const before = new Map(baseline?.known.map((entry) => [entry.hash, entry]));
  const after = new Map([...before].filter(([, { path }]) => !isLooked(path)));
  for (const [hash, same] of Map.groupBy(findings, ({ fingerprint }) => fingerprint)) {
    const [first] = same;
    if (!first) continue;
    const { ruleId, location } = first;
    const severity = same.map((finding) => finding.severity).reduce((a, b) => (isAtLeast(a, b) ? a : b));
    const path = location?.path ?? '';
    const former = before.get(hash);
    // Of a file beside the charts not every finding need be in sight.
    const count = isLooked(path) ? same.length : Math.max(same.length, former?.count ?? 0);
    const reason = former?.reason ?? 'not reviewed yet';
    after.set(hash, { rule: ruleId, path, hash, severity, count, reason });
  }
  return { version: 1, known: [...after.values()] };
}
