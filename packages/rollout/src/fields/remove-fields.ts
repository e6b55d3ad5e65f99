import { type KubeObject, type KubeRef, KubeStatusError, type Ports } from '@zakenak/core';
import { ReleaseFailure } from '../failure.ts';
import { type FieldPath, pathText, placeOf, pointerStep, valueAtPath } from '../objects/field-path.ts';
import { sameJson } from '../objects/json.ts';
import { describe, refOf } from '../objects/object.ts';

/**
 * Takes fields away whose owner is somebody else: an apply could not. Maps and lists that are empty without them go too, but for those that are wanted. What is gone by then is well; a change in between is
 * met by another look.
 */
export async function removeFields(
  ref: KubeRef,
  paths: readonly FieldPath[],
  wanted: KubeObject | undefined,
  { kube }: Pick<Ports, 'kube'>,
): Promise<void> {
  for (let tries = 0; ; tries++) {
    const live = await kube.get(ref);
    if (!live) return;
    const operations = removals(live, withEmptied(paths, live, wanted));
    if (operations.length === 0) return;
    try {
      await kube.patch(ref, 'json', [guardOf(live), ...operations]);
      return;
    } catch (error) {
      const isRace = error instanceof KubeStatusError && [409, 422].includes(error.status);
      if (!isRace || tries >= mostRaces)
        throw error instanceof KubeStatusError
          ? new ReleaseFailure('rollout/apply-failed', `${describe(ref)}: ${error.message}`, ref)
          : error;
    }
  }
}

const mostRaces = 5;

/**
 * Which of these fields (as `pathText` writes them) the server fills in by itself where they are taken away, as they are: defaults that somebody's tool wrote down (`kubectl apply` of what `kubectl get` printed)
 * are no change. Asked as dry run; where it is refused, none.
 */
export async function refilledFields(
  live: KubeObject,
  paths: readonly FieldPath[],
  { kube }: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<ReadonlySet<string>> {
  // Elements of lists stay, so that each of the others keeps its place.
  const fields = paths.filter((path) => 'key' in (path.at(-1) ?? {}));
  const operations = removals(live, fields);
  if (operations.length === 0) return new Set();
  try {
    const without = await kube.patch(
      refOf(live),
      'json',
      [guardOf(live), ...operations],
      { dryRun: true },
      signal,
    );
    const isRefilled = (path: FieldPath): boolean =>
      sameJson(valueAtPath(without, path), valueAtPath(live, path));
    return new Set(fields.filter(isRefilled).map(pathText));
  } catch (error) {
    if (error instanceof KubeStatusError) return new Set();
    throw error;
  }
}

function guardOf({ metadata: { resourceVersion } }: KubeObject): object {
  return { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion };
}

/** With the maps and lists of which nothing is left, in place of what is in them. */
function withEmptied(
  paths: readonly FieldPath[],
  live: KubeObject,
  wanted: KubeObject | undefined,
): readonly FieldPath[] {
  const going = new Map(paths.map((path) => [pathText(path), path]));
  for (let size = 0; size !== going.size; ) {
    size = going.size;
    for (const parent of [...going.values()].map((path) => path.slice(0, -1))) {
      const whole = valueAtPath(live, parent);
      if (parent.length === 0 || typeof whole !== 'object' || valueAtPath(wanted, parent) !== undefined)
        continue;
      const inner = [...going.values()].filter(
        (path) => path.length === parent.length + 1 && pathText(path.slice(0, -1)) === pathText(parent),
      );
      if (inner.length >= Object.keys(whole ?? {}).length) going.set(pathText(parent), parent);
    }
  }
  const isWithin = (path: FieldPath): boolean =>
    path.some((_, at) => at > 0 && going.has(pathText(path.slice(0, at))));
  return [...going.values()].filter((path) => !isWithin(path));
}

/** JSON Patch (RFC 6902), elements of a list from its end on, so that the places of the others stay. */
function removals(live: KubeObject, paths: readonly FieldPath[]): readonly object[] {
  return paths
    .flatMap((path) => {
      const placed = placeIn(live, path);
      return placed ? [placed] : [];
    })
    .toSorted((a, b) => (a.length === b.length ? compareLast(b, a) : b.length - a.length))
    .map((parts) => ({
      op: 'remove',
      path: parts.map((part) => pointerStep(String(part))).join(''),
    }));
}

/** The path with every element by its place; undefined where it is not there any more. */
function placeIn(live: KubeObject, path: FieldPath): readonly (string | number)[] | undefined {
  let here: unknown = live;
  const parts: (string | number)[] = [];
  for (const step of path) {
    const part = 'key' in step ? step.key : placeOf(Array.isArray(here) ? here : [], step);
    here = valueAtPath(here, [step]);
    if (here === undefined) return undefined;
    parts.push(part);
  }
  return parts;
}

function compareLast(a: readonly (string | number)[], b: readonly (string | number)[]): number {
  const [x, y] = [a.at(-1), b.at(-1)];
  return typeof x === 'number' && typeof y === 'number' ? x - y : 0;
}
