import semver from 'semver';
import type { Change } from './change.ts';

/** How far a change raises the version. */
export type Bump = 'major' | 'minor' | 'patch';

const bumps: Readonly<Record<string, Bump>> = {
  feat: 'minor',
  fix: 'patch',
  perf: 'patch',
  deps: 'patch',
  revert: 'patch',
};

/** The largest bump that the changes ask for; undefined where none of them is worth a release. */
export function bumpOf(changes: readonly Change[]): Bump | undefined {
  const wanted = new Set(changes.map((change) => (change.breaking ? 'major' : bumps[change.type ?? ''])));
  return (['major', 'minor', 'patch'] as const).find((bump) => wanted.has(bump));
}

/** What the next version follows from. Versions have no tag prefix. */
export interface VersionBasis {
  /** Every version that is reachable from the commit to be released. */
  readonly reachable: readonly string[];
  /** The bump since the newest reachable stable version. */
  readonly bump: Bump;
  readonly initialVersion: string;
  /** Identifier of a prerelease: `rc`. */
  readonly prerelease?: string | undefined;
}

/**
 * The next version by semver.org 2.0.0. Below 1.0.0 a breaking change raises minor. A prerelease counts on from the newest one of the same
 * version and identifier, and a version never falls behind a prerelease that was announced before.
 */
export function nextVersion(basis: VersionBasis): string {
  if (basis.reachable.length === 0 && !basis.prerelease) return basis.initialVersion;
  const stable = newestVersion(basis.reachable.filter((version) => semver.prerelease(version) === null));
  const target = stable === undefined ? basis.initialVersion : raise(stable, basis.bump);
  const core = newestVersion([coreOf(target), ...basis.reachable.map(coreOf)]) ?? coreOf(target);
  if (!basis.prerelease) return core;
  const counts = basis.reachable
    .filter((version) => coreOf(version) === core)
    .map((version) => semver.prerelease(version) ?? [])
    .filter((parts) => parts[0] === basis.prerelease)
    .map((parts) => Number(parts[1]))
    .filter((count) => Number.isInteger(count));
  return `${core}-${basis.prerelease}.${Math.max(0, ...counts) + 1}`;
}

/** The highest version by semver's precedence, undefined of none. */
export function newestVersion(versions: readonly string[]): string | undefined {
  return [...versions].sort(semver.compare).at(-1);
}

/** The floating tags that a release moves: none for a prerelease, and none that a higher version holds already. */
export function floatingTags(
  version: string,
  all: readonly string[],
  mode: 'off' | 'major' | 'major-minor',
  prefix: string,
): readonly string[] {
  if (mode === 'off' || semver.prerelease(version) !== null) return [];
  const higher = all.filter((other) => semver.prerelease(other) === null && semver.gt(other, version));
  const major = semver.major(version);
  const minor = semver.minor(version);
  const tags: string[] = [];
  if (!higher.some((other) => semver.major(other) === major)) tags.push(`${prefix}${major}`);
  const sameMinor = (other: string) => semver.major(other) === major && semver.minor(other) === minor;
  if (mode === 'major-minor' && !higher.some(sameMinor)) tags.push(`${prefix}${major}.${minor}`);
  return tags;
}

function raise(version: string, bump: Bump): string {
  const effective = bump === 'major' && semver.major(version) === 0 ? 'minor' : bump;
  return semver.inc(version, effective) ?? version;
}

function coreOf(version: string): string {
  const parsed = semver.parse(version);
  return parsed === null ? version : `${parsed.major}.${parsed.minor}.${parsed.patch}`;
}
