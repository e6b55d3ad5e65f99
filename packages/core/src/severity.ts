/** How bad a finding is. One scale for every tool: helm's INFO/WARNING/ERROR become info/medium/high, scanners' levels keep their names. */
export type Severity = 'info' | 'low' | 'medium' | 'high' | 'critical';

/** Every severity, mildest first. */
export const severities: readonly Severity[] = ['info', 'low', 'medium', 'high', 'critical'];

/** True when `severity` is at least as bad as `threshold`. */
export function isAtLeast(severity: Severity, threshold: Severity): boolean {
  return severities.indexOf(severity) >= severities.indexOf(threshold);
}

/** Negative when `a` is worse than `b`: sorts the worst first. */
export function compareSeverity(a: Severity, b: Severity): number {
  return severities.indexOf(b) - severities.indexOf(a);
}
