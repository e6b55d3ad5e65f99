import type { Report } from '../report.ts';

/** The whole report as JSON with sorted keys: same report, same bytes. Ends with a newline. */
export function renderJson(report: Report): string {
  // In a job's log GitHub and Azure would read `##[…]` and `##vso[…]` as commands; JSON has another spelling for the same text.
  return `${JSON.stringify(report, sortKeys, 2).replace(/##(?=\[|vso\[)/g, '#\\u0023')}\n`;
}

/** JSON without white space and with sorted keys: the form that hashes are taken of. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, sortKeys);
}

function sortKeys(_key: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
