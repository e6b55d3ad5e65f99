import type { Change } from './change.ts';

const preamble = `# Changelog

All notable changes of this project. Versions follow [Semantic Versioning](https://semver.org).
`;

const groups: readonly { readonly title: string; readonly types: readonly string[] }[] = [
  { title: 'Added', types: ['feat'] },
  { title: 'Changed', types: ['perf', 'deps'] },
  { title: 'Fixed', types: ['fix'] },
  { title: 'Reverted', types: ['revert'] },
];

/** The release notes of a version as Markdown, without a heading: breaking changes first, then Keep a Changelog's groups, in the commits' order. */
export function renderNotes(changes: readonly Change[]): string {
  const sections = [
    { title: 'Breaking changes', lines: changes.filter((change) => change.breaking).map(breakingLine) },
    ...groups.map(({ title, types }) => ({
      title,
      lines: changes.filter((change) => types.includes(change.type ?? '')).map(changeLine),
    })),
  ];
  const text = sections
    .filter(({ lines }) => lines.length > 0)
    .map(({ title, lines }) => `### ${title}\n\n${lines.join('\n')}`)
    .join('\n\n');
  return text === '' ? 'First release.' : text;
}

/** A whole changelog with the version's section put in front of the older ones. A section for the version that is there already is kept as it is. */
export function prependSection(
  changelog: string | undefined,
  section: { readonly version: string; readonly date: string; readonly notes: string },
): string {
  const heading = `## [${section.version}] - ${section.date}`;
  const text = (changelog ?? '').replaceAll('\r\n', '\n');
  if (readSection(text, section.version) !== undefined) return changelog ?? '';
  const block = `${heading}\n\n${section.notes}\n`;
  const merged = text.trim() === '' ? `${preamble}\n${block}` : insert(text, block);
  return changelog?.includes('\r\n') ? merged.replaceAll('\n', '\r\n') : merged;
}

/** The text under a version's heading, undefined where it has none. Knows `## [1.2.3] - date`, `## 1.2.3` and `## v1.2.3 (date)`. */
export function readSection(changelog: string, version: string): string | undefined {
  const lines = changelog.replaceAll('\r\n', '\n').split('\n');
  const start = lines.findIndex((line) => headingVersion(line) === version);
  if (start < 0) return undefined;
  const length = lines.slice(start + 1).findIndex((line) => line.startsWith('## '));
  return lines
    .slice(start + 1, length < 0 ? undefined : start + 1 + length)
    .join('\n')
    .trim();
}

function insert(text: string, block: string): string {
  const lines = text.split('\n');
  const at = lines.findIndex((line) => line.startsWith('## ') && !/^## \[?unreleased\]?/i.test(line));
  if (at < 0) return `${text.trimEnd()}\n\n${block}`;
  return [...lines.slice(0, at), ...block.split('\n'), ...lines.slice(at)].join('\n');
}

function headingVersion(line: string): string | undefined {
  return /^## \[?v?([0-9][0-9A-Za-z.+-]*)\]?(?:[ (]|$)/.exec(line)?.[1];
}

function breakingLine(change: Change): string {
  const texts = change.breakingNotes.length > 0 ? change.breakingNotes : [change.subject];
  return texts.map((text) => bullet(change, text)).join('\n');
}

function changeLine(change: Change): string {
  return bullet(change, change.subject);
}

function bullet(change: Change, text: string): string {
  const scope = change.scope === undefined ? '' : `**${clean(change.scope)}:** `;
  return `- ${scope}${clean(text)} (${change.sha.slice(0, 7)})`;
}

/** Keeps a commit's own Markdown but not its HTML: release pages render it. */
function clean(text: string): string {
  return text
    .split(/(`[^`]*`)/)
    .map((part, index) => (index % 2 === 1 ? part : part.replaceAll('<', '&lt;')))
    .join('');
}
