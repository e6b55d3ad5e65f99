import { inlineCode, type Section } from '@zakenak/core';
import { describe } from '../objects/object.ts';
import type { DriftedField, ObjectDrift } from './drift.ts';

/** An object's drift in one phrase: who changed what, and when. */
export function describeDrift({ state, reason, fields }: ObjectDrift, now: Date, most = 5): string {
  if (state === 'unknown') return `cannot be compared: ${reason}`;
  const shown = fields.slice(0, most).map((field) => describeField(field, now));
  const more = fields.length > most ? [`and ${fields.length - most} more fields`] : [];
  return [...(reason ? [reason] : []), ...shown, ...more].join(', ');
}

/** `kubectl-edit changed spec.replicas from 2 to 5, 12 minutes ago`. */
function describeField(field: DriftedField, now: Date): string {
  const change = describeChange(field, now);
  return field.steeredBy ? `${change} (steered by ${field.steeredBy})` : change;
}

function describeChange({ path, deployed, found, writer }: DriftedField, now: Date): string {
  const when = writer?.time ? ` ${ageOf(writer.time, now)}` : '';
  const who = writer && (writer.subresource ? `${writer.manager} (${writer.subresource})` : writer.manager);
  const [was, is] = [deployed ?? '', found ?? ''];
  if (!who || writer?.isLikely) {
    const by = who ? ` (probably by ${who}${when})` : '';
    if (found === undefined) return `${path} (${was}) was removed${by}`;
    return deployed === undefined
      ? `${path} (${is}) was added${by}`
      : `${path} is ${is} instead of ${was}${by}`;
  }
  if (found === undefined) return `${who} removed ${path} (${was})${when}`;
  if (deployed === undefined) return `${who} added ${path} (${is})${when}`;
  return `${who} changed ${path} from ${was} to ${is}${when}`;
}

/** `12 minutes ago`. */
function ageOf(time: string, now: Date): string {
  const seconds = Math.max(0, Math.round((now.getTime() - Date.parse(time)) / 1_000));
  if (Number.isNaN(seconds)) return '';
  const units: readonly [number, string][] = [
    [86_400, 'day'],
    [3_600, 'hour'],
    [60, 'minute'],
    [1, 'second'],
  ];
  const [size, unit] = units.find(([size]) => seconds >= size) ?? [1, 'second'];
  const count = Math.floor(seconds / size);
  return count === 0 ? 'just now' : `${count} ${unit}${count === 1 ? '' : 's'} ago`;
}

/** A release's objects that differ, for `outputs`. */
export function driftOutput(
  release: string,
  objects: readonly ObjectDrift[],
): readonly Record<string, unknown>[] {
  return notable(objects).map(({ ref, state, reason, fields, ignored }) => ({
    release,
    object: ref,
    state,
    ...(reason ? { reason } : {}),
    fields,
    ignored,
  }));
}

/** What differs, what is left alone and why, and what could not be compared; undefined where there is nothing of it. */
export function driftSection(
  set: string,
  releases: readonly { readonly name: string; readonly objects: readonly ObjectDrift[] }[],
  now: Date,
): Section | undefined {
  const lines = releases.flatMap(({ name, objects }) =>
    notable(objects).flatMap((object) => [
      { sign: signs[object.state], text: `${name}: ${describe(object.ref)}${headOf(object)}` },
      ...object.fields.map((field) => ({ sign: '    ', text: describeField(field, now) })),
      ...object.ignored.map((field) => ({ sign: '    ', text: ignoredText(field, now) })),
    ]),
  );
  if (lines.length === 0) return undefined;
  return {
    title: `Drift of ${set}`,
    text: lines.map(({ sign, text }) => `${sign} ${text}`).join('\n'),
    markdown: lines
      .map(({ sign, text }) => `${sign.startsWith(' ') ? '  ' : ''}- ${inlineCode(text)}`)
      .join('\n'),
  };
}

const signs = { drifted: '~', unknown: '?', 'in-sync': '=' } as const;

function notable(objects: readonly ObjectDrift[]): readonly ObjectDrift[] {
  return objects.filter(({ state, ignored }) => state !== 'in-sync' || ignored.length > 0);
}

function headOf({ state, reason }: ObjectDrift): string {
  if (state === 'unknown') return ` cannot be compared: ${reason}`;
  return reason ? `: ${reason}` : '';
}

function ignoredText(field: DriftedField, now: Date): string {
  const what = field.path === '' ? 'it is gone' : describeField(field, now);
  return `ignored: ${what} [${field.rule ?? ''}]`;
}
