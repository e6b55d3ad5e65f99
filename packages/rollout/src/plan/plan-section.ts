import type { Section } from '@zakenak/core';
import { inlineCode } from '@zakenak/core';
import type { FieldChange } from '../objects/diff.ts';
import { describe } from '../objects/object.ts';
import {
  countActions,
  type ObjectAction,
  type Plan,
  type PlannedObject,
  type PlannedRelease,
} from './plan.ts';

const signs: Readonly<Record<ObjectAction | PlannedRelease['action'], string>> = {
  create: '+',
  install: '+',
  apply: '~',
  upgrade: '~',
  correct: '~',
  rollback: '~',
  recreate: '-/+',
  delete: '-',
  uninstall: '-',
  noop: '=',
  keep: '=',
  unknown: '?',
};

// A comment holds about 65,000 characters; the plan leaves room for the findings beside it.
const mostMarkdown = 45_000;
const mostObjects = 60;
const mostFields = 12;
const mostIrreversible = 60;
// Rows that a reader still reads, and boxes that a browser still draws.
const mostReleases = 60;

/** The plan for a person: one line for each release and object that changes, and the fields that do. Values are already masked. */
export function planSection(plan: Plan): Section {
  const title = `Plan ${plan.id.slice(0, 12)} for ${plan.set}: ${summarizePlan(plan)}`;
  return { title, markdown: renderMarkdownPlan(plan), text: renderTextPlan(plan) };
}

/** `2 install, 1 upgrade, 3 unchanged`. */
export function summarizePlan({ releases }: Plan): string {
  const count = (action: PlannedRelease['action']): number =>
    releases.filter((release) => release.action === action).length;
  const parts = (['install', 'upgrade', 'rollback', 'uninstall', 'correct', 'noop'] as const)
    .filter((action) => count(action) > 0)
    .map((action) => `${count(action)} ${action === 'noop' ? 'unchanged' : action}`);
  return parts.join(', ') || 'no release';
}

/** The releases and what needs what, as a mermaid flowchart; arrows point from what is needed to what needs it. Of a large set only what changes. */
function renderGraph(all: readonly PlannedRelease[]): string {
  const releases = all.length > mostReleases ? all.filter(isChanging) : all;
  if (releases.length > mostReleases)
    return `_The graph of ${releases.length} releases that change is left out._`;
  const shown = new Set(releases.map(({ name }) => name));
  const id = (name: string): string => `r${releases.findIndex((release) => release.name === name)}`;
  const label = (text: string): string => text.replace(/[^\w .:→-]/g, '_');
  const lines = releases.flatMap(({ name, action, needs, toRevision }) => [
    `  ${id(name)}["${label(name)}<br/>${action === 'noop' ? 'unchanged' : `${action} → ${toRevision}`}"]:::${action}`,
    ...needs.filter((need) => shown.has(need)).map((need) => `  ${id(need)} --> ${id(name)}`),
  ]);
  const classes = [
    '  classDef install fill:#d4f4dd,stroke:#1a7f37,color:#000',
    '  classDef upgrade fill:#fff3cd,stroke:#9a6700,color:#000',
    '  classDef rollback fill:#fff3cd,stroke:#9a6700,color:#000',
    '  classDef correct fill:#fff3cd,stroke:#9a6700,color:#000',
    '  classDef uninstall fill:#ffd7d5,stroke:#cf222e,color:#000',
    '  classDef noop fill:#eaeef2,stroke:#6e7781,color:#000',
  ];
  return ['```mermaid', 'flowchart LR', ...lines, ...classes, '```'].join('\n');
}

function renderTextPlan(plan: Plan): string {
  const lines = [`plan ${plan.id.slice(0, 12)} for ${plan.set}: ${summarizePlan(plan)}`];
  for (const release of plan.releases) {
    lines.push(`${signs[release.action]} ${releaseLine(release)}`);
    for (const object of changing(release).slice(0, mostObjects)) {
      lines.push(`  ${signs[object.action]} ${describe(object.ref)} (${object.action}: ${object.reason})`);
      if (object.action !== 'create')
        lines.push(...object.diff.slice(0, mostFields).map((change) => `      ${changeLine(change)}`));
      if (object.action !== 'create' && object.diff.length > mostFields)
        lines.push(`      … and ${object.diff.length - mostFields} more fields`);
    }
    const more = changing(release).length - mostObjects;
    if (more > 0) lines.push(`  … and ${more} more objects`);
    for (const { event, kind, name } of release.hooks) lines.push(`  ~ hook ${event}: ${kind} ${name}`);
  }
  for (const { release, what, why } of plan.irreversible) lines.push(`! ${release}: ${what}: ${why}`);
  return lines.join('\n');
}

function releaseLine({ name, action, reason, chart, fromRevision, toRevision }: PlannedRelease): string {
  if (action === 'noop') return `${name} ${chart} revision ${toRevision} (unchanged)`;
  const to = action === 'uninstall' ? 'nothing' : `revision ${toRevision}`;
  return `${name} ${chart} ${action}: ${fromRevision ? `revision ${fromRevision}` : 'nothing'} → ${to} (${reason})`;
}

function changeLine({ path, before, after }: FieldChange): string {
  const show = (text: string | undefined): string => (text === undefined ? 'absent' : oneLine(text));
  if (before === undefined) return `+ ${path}: ${show(after)}`;
  if (after === undefined) return `- ${path}: ${show(before)}`;
  return `~ ${path}: ${show(before)} → ${show(after)}`;
}

function oneLine(text: string): string {
  return text.replace(/\r?\n/g, '⏎');
}

function changing({ objects }: PlannedRelease): readonly PlannedObject[] {
  return objects.filter(({ action }) => action !== 'noop');
}

function renderMarkdownPlan(plan: Plan): string {
  const blocks = [
    renderTable(plan.releases),
    renderGraph(plan.releases),
    ...(plan.irreversible.length > 0 ? [renderIrreversible(plan)] : []),
  ];
  let left = mostMarkdown - blocks.join('').length;
  const changed = plan.releases.filter(isChanging);
  let shown = 0;
  for (const release of changed) {
    const block = renderRelease(release);
    if (block.length > left) break;
    left -= block.length;
    shown += 1;
    blocks.push(block);
  }
  if (shown < changed.length)
    blocks.push(
      `_${changed.length - shown} more releases change; the whole plan is in the run’s artefacts._`,
    );
  return blocks.join('\n\n');
}

/** What changes comes first where not all of it can be shown. */
function renderTable(releases: readonly PlannedRelease[]): string {
  const isLarge = releases.length > mostReleases;
  const ordered = isLarge
    ? [...releases.filter(isChanging), ...releases.filter((release) => !isChanging(release))]
    : releases;
  const rest = ordered.slice(mostReleases);
  const rows = ordered.slice(0, mostReleases).map((release) => {
    const { create, apply, recreate, delete: removed, unknown } = countActions([release]);
    const objects = `+${create} ~${apply} -/+${recreate} -${removed}${unknown ? ` ?${unknown}` : ''}`;
    const cells = [
      inlineCode(release.name),
      release.action === 'noop' ? 'unchanged' : `**${release.action}**`,
      inlineCode(release.chart),
      `${release.fromRevision || 'none'} → ${release.toRevision || 'none'}`,
      objects,
      release.reason,
    ];
    return `| ${cells.join(' | ')} |`;
  });
  const head =
    '| release | action | chart | revision | objects | why |\n| --- | --- | --- | --- | --- | --- |';
  const changed = rest.filter(isChanging).length;
  const note = isLarge ? [`\n_${rest.length} more releases, ${changed} of them change._`] : [];
  return [head, ...rows, ...note].join('\n');
}

function isChanging({ action }: PlannedRelease): boolean {
  return action !== 'noop';
}

function renderIrreversible({ irreversible }: Plan): string {
  const lines = irreversible
    .slice(0, mostIrreversible)
    .map(
      ({ release, what, why, needsConsent }) =>
        `- ${needsConsent ? '⚠️ ' : ''}${inlineCode(release)}: ${inlineCode(what)}: ${why}`,
    );
  const more = irreversible.length - mostIrreversible;
  const rest = more > 0 ? [`- … and ${more} more`] : [];
  return ['A rollback does not put back:', '', ...lines, ...rest].join('\n');
}

function renderRelease(release: PlannedRelease): string {
  const lines = changing(release)
    .slice(0, mostObjects)
    .flatMap((object) => [
      `${object.action === 'apply' ? '!' : signs[object.action].slice(0, 1)} ${describe(object.ref)}: ${oneLine(object.reason)}`,
      ...(object.action === 'create' ? [] : object.diff.slice(0, mostFields).flatMap(diffLines)),
      ...(object.action !== 'create' && object.diff.length > mostFields
        ? [`# … and ${object.diff.length - mostFields} more fields`]
        : []),
    ]);
  const more = changing(release).length - mostObjects;
  if (more > 0) lines.push(`# … and ${more} more objects`);
  const text = lines.join('\n');
  const fence = '`'.repeat(Math.max(3, ...[...text.matchAll(/`+/g)].map(([run]) => run.length + 1)));
  return `<details><summary>${release.name}: ${release.action}</summary>\n\n${fence}diff\n${text}\n${fence}\n\n</details>`;
}

function diffLines({ path, before, after }: FieldChange): readonly string[] {
  return [
    ...(before === undefined ? [] : [`-   ${path}: ${oneLine(before)}`]),
    ...(after === undefined ? [] : [`+   ${path}: ${oneLine(after)}`]),
  ];
}
