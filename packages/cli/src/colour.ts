/** Whether to paint: NO_COLOR (no-color.org) forbids, FORCE_COLOR demands (0: forbids), else only a terminal that is not dumb. */
export function wantsColour(
  env: Readonly<Record<string, string | undefined>>,
  isTerminal: boolean | undefined,
): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0';
  return Boolean(isTerminal) && env.TERM !== 'dumb';
}
