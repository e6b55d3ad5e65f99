import { badVersions } from './errors.ts';

/**
 * The Kubernetes versions that `kubernetes-versions` names, each once: a version (`1.34.4`), a minor one (`1.33`: its first release, since an API does not change within it), or a range
 * of minor ones with both its ends (`1.31-1.34`). Throws ZakenakError `charts/bad-versions`.
 */
export function expandVersions(entries: readonly string[]): readonly string[] {
  return [...new Set(entries.flatMap(expand))];
}

/** More are a slip of the keyboard: a cluster supports three or four. */
const mostMinors = 20;

function expand(entry: string): readonly string[] {
  const text = entry.trim().replace(/^v/, '');
  if (/^\d+\.\d+\.\d+$/.test(text)) return [text];
  const [, major, first, otherMajor = major, last = first] =
    /^(\d+)\.(\d+)(?:\s*-\s*v?(\d+)\.(\d+))?$/.exec(text) ?? [];
  const count = Number(last) - Number(first) + 1;
  if (major === undefined || otherMajor !== major || count < 1 || count > mostMinors)
    throw badVersions(entry);
  return Array.from({ length: count }, (_, index) => `${major}.${Number(first) + index}.0`);
}
