import semver from 'semver';

/** Whether a version is in a range of Helm's, which are npm's, but for a comma that means "and"; what is no range is left to helm, and holds. */
export function isInRange(version: string, range: string): boolean {
  const npm = range.replaceAll(',', ' ');
  return semver.validRange(npm) === null || semver.satisfies(version, npm, { includePrerelease: true });
}

/** Whether a range names one version only. */
export function isExact(range: string): boolean {
  return semver.valid(range) !== null;
}
