import { posix } from 'node:path';
import { type ChangedFile, createFinding, type Finding, type Ports } from '@zakenak/core';
import { readChartFile } from '@zakenak/helm';
import type { Chart } from './chart.ts';

/** What a chart's version is compared with. */
export interface Changes {
  readonly files: readonly ChangedFile[];
  /** The text of a file at the merge base; undefined where it was not there. */
  readonly readBase: (path: string) => Promise<string | undefined>;
}

/** One finding for each chart that changed, was there before, and whose version did not rise. */
export async function checkVersionBumps(
  charts: readonly Chart[],
  changes: Changes,
  level: 'warn' | 'error',
  ports: Pick<Ports, 'files'>,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const { folder } of charts) {
    const touches = ({ path, from }: ChangedFile) =>
      folder === '.' || [path, from].some((name) => name?.startsWith(`${folder}/`));
    if (!changes.files.some(touches)) continue;
    const path = posix.join(folder, 'Chart.yaml');
    const base = await changes.readBase(path);
    const text = await ports.files.readText(path);
    const [before, now] = [base === undefined ? undefined : readVersion(base), readVersion(text)];
    if (before === undefined || now === undefined || compareVersions(now, before) > 0) continue;
    const line = text.split('\n').findIndex((candidate) => candidate.startsWith('version:')) + 1;
    findings.push(
      createFinding({
        ruleId: 'charts/version-not-raised',
        severity: level === 'error' ? 'high' : 'low',
        message: `The chart changed and its version did not rise: it was ${before} and is ${now}.`,
        identity: before,
        location: { path, ...(line > 0 ? { startLine: line } : {}) },
        remedy: `Set a version above ${before} in Chart.yaml.`,
        tool: 'zakenak',
      }),
    );
  }
  return findings;
}

/** Undefined where there is none that can be compared: helm lint says so. */
function readVersion(text: string): string | undefined {
  try {
    const { version } = readChartFile('.', 'Chart.yaml', new Map([['Chart.yaml', Buffer.from(text)]]));
    return /^v?\d+(\.\d+){0,2}([-+].*)?$/.test(version) ? version : undefined;
  } catch {
    return undefined;
  }
}

/** Precedence of Semantic Versioning 2.0.0, section 11; missing parts count as zero, build metadata does not count. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [splitVersion(a), splitVersion(b)];
  for (let index = 0; index < 3; index += 1) {
    const difference = (left.numbers[index] ?? 0) - (right.numbers[index] ?? 0);
    if (difference !== 0) return difference;
  }
  if (left.pre.length === 0 || right.pre.length === 0) return right.pre.length - left.pre.length;
  for (let index = 0; index < Math.max(left.pre.length, right.pre.length); index += 1) {
    const [x, y] = [left.pre[index], right.pre[index]];
    if (x === undefined || y === undefined) return x === undefined ? -1 : 1;
    const order = comparePart(x, y);
    if (order !== 0) return order;
  }
  return 0;
}

function comparePart(a: string, b: string): number {
  const [numericA, numericB] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (numericA && numericB) return Number(a) - Number(b);
  if (numericA !== numericB) return numericA ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

function splitVersion(text: string): {
  readonly numbers: readonly number[];
  readonly pre: readonly string[];
} {
  const [version = ''] = text.replace(/^v/, '').split('+');
  const dash = version.indexOf('-');
  const core = dash < 0 ? version : version.slice(0, dash);
  return { numbers: core.split('.').map(Number), pre: dash < 0 ? [] : version.slice(dash + 1).split('.') };
}
