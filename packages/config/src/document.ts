import { EVENT_ID, type Event, getScalarValue, load, parseEvents, YAMLException } from 'js-yaml';
import { invalidYaml } from './errors.ts';

/** A place in the file; line and column count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A parsed YAML file that knows where each value and each key stands. */
export interface Document {
  readonly value: unknown;
  /** Position of the value at a JSON pointer (`/deploy/releases/0/chart`), else of the nearest parent. */
  locate(pointer: string): Position;
  /** Position of the key itself. */
  locateKey(pointer: string): Position;
}

const maxLength = 1_048_576;

/** Parses one YAML 1.2 document with js-yaml: duplicate keys, deep nesting and heavy aliasing are refused. Throws `config/invalid-yaml` with line and column. */
export function parseDocument(source: string, path: string): Document {
  if (source.length > maxLength)
    throw invalidYaml(path, { line: 1, column: 1 }, 'the file is larger than 1 MiB');
  try {
    const value = load(source, { maxDepth: 40, maxAliases: 100, maxTotalMergeKeys: 1_000 });
    return { value, ...indexPositions(source) };
  } catch (thrown) {
    if (!(thrown instanceof YAMLException)) throw thrown;
    const position = { line: (thrown.mark?.line ?? 0) + 1, column: (thrown.mark?.column ?? 0) + 1 };
    throw invalidYaml(path, position, thrown.reason);
  }
}

interface Place {
  readonly key: number;
  readonly value: number;
}

function indexPositions(source: string): Pick<Document, 'locate' | 'locateKey'> {
  const places = new Map<string, Place>();
  const events = parseEvents(source, { maxDepth: 40 });
  if (events.length > 1) walk({ events, source, at: 1 }, '', 0, places);
  const find = (pointer: string): Place => {
    for (let path = pointer; path !== ''; path = path.slice(0, path.lastIndexOf('/'))) {
      const place = places.get(path);
      if (place) return place;
    }
    return places.get('') ?? { key: 0, value: 0 };
  };
  const toPosition = (offset: number): Position => {
    const before = source.slice(0, offset);
    return { line: before.split('\n').length, column: offset - (before.lastIndexOf('\n') + 1) + 1 };
  };
  return {
    locate: (pointer) => toPosition(find(pointer).value),
    locateKey: (pointer) => toPosition(find(pointer).key),
  };
}

interface Cursor {
  readonly events: readonly Event[];
  readonly source: string;
  at: number;
}

function walk(cursor: Cursor, pointer: string, key: number, places: Map<string, Place>): void {
  const event = cursor.events[cursor.at++];
  if (!event) return;
  places.set(pointer, { key, value: startOf(event, key) });
  if (event.type === EVENT_ID.MAPPING) {
    while (cursor.events[cursor.at] && cursor.events[cursor.at]?.type !== EVENT_ID.POP) {
      const keyEvent = cursor.events[cursor.at++] as Event;
      const name = keyEvent.type === EVENT_ID.SCALAR ? getScalarValue(cursor.source, keyEvent) : '';
      walk(cursor, `${pointer}/${escapePointer(name)}`, startOf(keyEvent, key), places);
    }
    cursor.at += 1;
  } else if (event.type === EVENT_ID.SEQUENCE) {
    for (
      let index = 0;
      cursor.events[cursor.at] && cursor.events[cursor.at]?.type !== EVENT_ID.POP;
      index += 1
    ) {
      const item = cursor.events[cursor.at] as Event;
      walk(cursor, `${pointer}/${index}`, startOf(item, key), places);
    }
    cursor.at += 1;
  }
}

function startOf(event: Event, fallback: number): number {
  if (event.type === EVENT_ID.SCALAR) return event.valueStart >= 0 ? event.valueStart : fallback;
  if (event.type === EVENT_ID.MAPPING || event.type === EVENT_ID.SEQUENCE) return event.start;
  if (event.type === EVENT_ID.ALIAS) return event.anchorStart;
  return fallback;
}

/** A key as one step of a JSON pointer (RFC 6901). */
export function escapePointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
