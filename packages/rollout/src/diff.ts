import { createHash } from 'node:crypto';
import type { KubeObject, Redactor } from '@zakenak/core';
import { isRecord, sameJson, textAt } from './json.ts';
import { comparable } from './object.ts';

/** One field that changes. Values are text, already masked; absent means that the field is not there. */
export interface FieldChange {
  readonly path: string;
  readonly before?: string;
  readonly after?: string;
}

const longestValue = 200;
/**
 * All that is shown of a Secret. Of annotations only Helm's: clients and controllers keep whole copies of what they applied in others
 * (`kubectl.kubernetes.io/last-applied-configuration` and its like).
 */
const shownOfSecrets =
  /^(?:apiVersion|kind|type|immutable|metadata\.(?:name|namespace|labels|finalizers|annotations\."(?:meta\.)?helm\.sh\/))/;

/**
 * The fields in which two states of an object differ, without what only the server or controllers write. Values of Secrets become length and
 * hash; every other text passes the redactor.
 */
export function diffObjects(
  before: KubeObject | undefined,
  after: KubeObject | undefined,
  redactor: Pick<Redactor, 'redact'>,
): readonly FieldChange[] {
  const kind = after?.kind ?? before?.kind;
  const changes: FieldChange[] = [];
  const show = (path: string, value: unknown): string => {
    if (kind === 'Secret' && !shownOfSecrets.test(path)) return maskValue(value);
    const text = redactor.redact(typeof value === 'string' ? value : JSON.stringify(value));
    return text.length > longestValue ? `${text.slice(0, longestValue)}… (${text.length} characters)` : text;
  };
  const walk = (path: string, a: unknown, b: unknown): void => {
    if (sameJson(a, b)) return;
    const parts = childrenOf(a, b);
    // Parts that are alike in a whole that is not: an order, something empty, or a null.
    if (parts?.some(([, x, y]) => !sameJson(x, y)))
      for (const [key, x, y] of parts) walk(joinPath(path, key), x, y);
    else if (parts && Array.isArray(a) && Array.isArray(b))
      changes.push({ path, before: namesOf(a).join(', '), after: namesOf(b).join(', ') });
    else
      changes.push({
        path,
        ...(a === undefined ? {} : { before: show(path, a) }),
        ...(b === undefined ? {} : { after: show(path, b) }),
      });
  };
  walk('', before && comparable(before), after && comparable(after));
  return changes;
}

/** Length and 8 hex digits of the hash: enough to see that it changed, not what it is. */
function maskValue(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const hash = createHash('sha256').update(`zakenak\0${text.length}\0${text}`).digest('hex').slice(0, 8);
  return `*** (${text.length} characters, ${hash})`;
}

type Child = readonly [key: string, a: unknown, b: unknown];

/** Pairs of parts to look into, or undefined where the two values are compared whole. */
function childrenOf(a: unknown, b: unknown): readonly Child[] | undefined {
  if (isRecord(a) && (isRecord(b) || b === undefined)) return recordChildren(a, b ?? {});
  if (isRecord(b) && a === undefined) return recordChildren({}, b);
  if (Array.isArray(a) && Array.isArray(b)) return listChildren(a, b);
  return undefined;
}

function recordChildren(
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
): readonly Child[] {
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
  return keys.map((key) => [key, a[key], b[key]] as const);
}

/** Lists of named things are compared by name, as Kubernetes merges them; others by place. */
function listChildren(a: readonly unknown[], b: readonly unknown[]): readonly Child[] | undefined {
  const names = namesOf([...a, ...b]);
  if (names.every((name) => name !== '')) {
    const byName = (list: readonly unknown[]): Map<string, unknown> =>
      new Map(list.map((item) => [textAt(item, 'name'), item]));
    const [left, right] = [byName(a), byName(b)];
    const all = [...new Set([...left.keys(), ...right.keys()])];
    if (left.size === a.length && right.size === b.length)
      return all.map((name) => [`[${name}]`, left.get(name), right.get(name)] as const);
  }
  if (![...a, ...b].every(isRecord)) return undefined;
  const length = Math.max(a.length, b.length);
  return Array.from({ length }, (_, index) => [`[${index}]`, a[index], b[index]] as const);
}

function namesOf(list: readonly unknown[]): readonly string[] {
  return list.map((item) => textAt(item, 'name'));
}

function joinPath(path: string, key: string): string {
  if (key.startsWith('[')) return `${path}${key}`;
  const part = /^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key);
  return path === '' ? part : `${path}.${part}`;
}
