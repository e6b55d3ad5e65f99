import { escapeTerminalLine, neutralizeCommands, type StepEvent, type WaitedFor } from '@zakenak/core';
import type { Row } from './board.ts';

/** Sign and ANSI colour of each state. */
export const marks: Readonly<Record<StepEvent['state'], readonly [string, number]>> = {
  started: ['·', 2],
  waiting: ['…', 36],
  done: ['✔', 32],
  failed: ['✖', 31],
  skipped: ['-', 2],
};

/** Text on one line that steers neither terminal nor CI host: control characters and those that turn the direction of writing are shown as escapes. */
export function cleanLine(text: string): string {
  const turned = /[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
  const shown = escapeTerminalLine(text).replaceAll('\t', '\\t');
  return neutralizeCommands(
    shown.replace(turned, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}

/** The sign of a row: the end of a part is not its end. */
export function markOf({ event, endedMs }: Row): readonly [string, number] {
  return marks[endedMs === undefined && event.state === 'done' ? 'waiting' : event.state];
}

/** How a release is doing, in one or two words; the stage of anything else. */
export function stateOf({ phase, event, endedMs }: Row): string {
  const { stage, state } = event;
  if (phase === 'other') return stage;
  if (endedMs !== undefined) return endings[phase][state] ?? state;
  if (phase === 'plan') return state === 'done' ? 'rendered' : stage;
  if (phase === 'rollback') return 'rolling back';
  if (stage === 'hook') return 'hook';
  if (event.waitingFor?.some(({ kind }) => kind === 'release')) return 'queued';
  return stage === 'wait' ? 'waiting' : 'applying';
}

const endings: Readonly<Record<Exclude<Row['phase'], 'other'>, Partial<Record<StepEvent['state'], string>>>> =
  {
    plan: { done: 'planned' },
    deploy: { done: 'ready', skipped: 'stopped' },
    rollback: { done: 'put back' },
  };

/** What a row has to say besides its state: what it waits for, or the message. */
export function detailOf(row: Row): string {
  const waited = describeWaitedFor(row.event);
  if (waited !== '' && row.endedMs === undefined) return waited;
  return row.event.message ?? '';
}

/** `waits for base, api`, or `Deployment shop/web: 0 of 1 available (and 3 more)`; empty where nothing is waited for. */
export function describeWaitedFor({
  waitingFor = [],
  waitingForTotal,
}: Pick<StepEvent, 'waitingFor' | 'waitingForTotal'>): string {
  const [first] = waitingFor;
  if (!first) return '';
  const total = waitingForTotal ?? waitingFor.length;
  if (waitingFor.every(({ kind, reason }) => kind === 'release' && reason === undefined)) {
    const names = waitingFor.map(({ name }) => name).join(', ');
    return `waits for ${names}${more(total - waitingFor.length)}`;
  }
  return `${describeOne(first)}${more(total - 1)}`;
}

function describeOne({ kind, name, reason }: WaitedFor): string {
  if (kind === 'lock') return reason ?? '';
  return reason ? `${name}: ${reason}` : name;
}

function more(count: number): string {
  return count > 0 ? ` (and ${count} more)` : '';
}

/** `3.1 s` below a minute, `2m05s` above; whole seconds where `coarse`. */
export function duration(milliseconds: number, coarse = false): string {
  const seconds = milliseconds / 1_000;
  if (seconds < 60) return coarse ? `${Math.floor(seconds)}s` : `${seconds.toFixed(1)}s`;
  const whole = Math.floor(seconds);
  const [hours, minutes] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60];
  const rest = `${String(whole % 60).padStart(2, '0')}s`;
  return hours > 0 ? `${hours}h${String(minutes).padStart(2, '0')}m` : `${minutes}m${rest}`;
}
