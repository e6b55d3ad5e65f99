import { coerce, compare } from 'semver';

/** Compares versions of any length: 535.104.05 and 535.104.5 are the same. Undefined where one of them is none. */
export function compareVersions(a: string, b: string): number | undefined {
  const [left, right] = [a, b].map(normalize);
  return left && right ? compare(left, right) : undefined;
}

/** True when `version` is a version and older than `least`. */
export function isOlder(version: string, least: string): boolean {
  const order = compareVersions(version, least);
  return order !== undefined && order < 0;
}

/** The first number of a version, NaN where there is none. */
export function majorOf(version: string): number {
  return normalize(version)?.major ?? Number.NaN;
}

// NVIDIA pads numbers with zeros (535.104.05), which semver refuses.
function normalize(version: string): ReturnType<typeof coerce> {
  return coerce(version.replace(/(^|[^\d])0+(?=\d)/g, '$1'));
}
