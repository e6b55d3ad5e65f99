import type { HelmHistory } from './helm-record.ts';

/** What came after the release was last uninstalled; all, where it never was. */
export function sinceUninstalled(history: HelmHistory): HelmHistory {
  return history.slice(history.findLastIndex(({ status }) => status === 'uninstalled') + 1);
}
