import { createReport, type Report } from '@zakenak/core';

/** One report of several of the same kind: none is `skipped`, one is itself, more become its parts. The first one's outputs lead. */
export function joinReports(
  tool: string,
  reports: readonly Report[],
  say: { readonly skipped: string; readonly summary: string },
): Report {
  const [first] = reports;
  if (!first) return createReport({ tool, verdict: 'skipped', summary: say.skipped });
  if (reports.length === 1) return first;
  return createReport({ tool, summary: say.summary, outputs: first.outputs, parts: reports });
}
