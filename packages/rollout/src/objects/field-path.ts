import { isRecord, textAt } from './json.ts';

/** One step into an object: a key of a map, or an element of a list by its place and, where it has one, its name. */
export type PathStep = { readonly key: string } | { readonly at: number; readonly name?: string };

/** Where a field is. */
export type FieldPath = readonly PathStep[];

/** The path as a person reads it: `spec.template.spec.containers[web].image`. */
export function pathText(path: FieldPath): string {
  return path.reduce((text, step) => {
    if (!('key' in step)) return `${text}[${step.name ?? step.at}]`;
    const part = /^[A-Za-z0-9_-]+$/.test(step.key) ? step.key : JSON.stringify(step.key);
    return text === '' ? part : `${text}.${part}`;
  }, '');
}

/** The path as a JSON pointer (RFC 6901); named list elements by name, as our ignore rules take them. */
export function pointerText(path: FieldPath): string {
  return path
    .map((step) => ('key' in step ? step.key : (step.name ?? String(step.at))))
    .map((part) => (part === '*' ? '/~2' : pointerStep(part)))
    .join('');
}

/** One step of a JSON pointer, with its slash. */
export function pointerStep(key: string): string {
  return `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** What is found there; undefined where there is nothing. */
export function valueAtPath(value: unknown, path: FieldPath): unknown {
  return path.reduce<unknown>((here, step) => {
    if ('key' in step) return isRecord(here) ? here[step.key] : undefined;
    return Array.isArray(here) ? here[placeOf(here, step)] : undefined;
  }, value);
}

/** A copy with the value put there, or taken away where it is undefined. Maps on the way are made; a list's missing element is not. */
export function withValueAt<T>(whole: T, path: FieldPath, value: unknown): T {
  const [step, ...rest] = path;
  if (!step) return value as T;
  if ('key' in step) {
    const record: Readonly<Record<string, unknown>> = isRecord(whole) ? whole : {};
    const { [step.key]: former, ...others } = record;
    if (former === undefined && value === undefined) return whole;
    const inner = withValueAt(former, rest, value);
    return (inner === undefined ? others : { ...record, [step.key]: inner }) as T;
  }
  if (!Array.isArray(whole)) return whole;
  const place = placeOf(whole, step);
  if (place < 0 || place >= whole.length) return whole;
  const inner = withValueAt<unknown>(whole[place], rest, value);
  return (inner === undefined ? whole.toSpliced(place, 1) : whole.with(place, inner)) as T;
}

/** Where an element is in this list: by its name where it has one, else at its place; -1 where none has that name. */
export function placeOf(
  list: readonly unknown[],
  step: { readonly at: number; readonly name?: string },
): number {
  return step.name === undefined ? step.at : list.findIndex((item) => textAt(item, 'name') === step.name);
}
