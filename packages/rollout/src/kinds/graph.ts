import { duplicateRelease, needsCycle, unknownRelease } from '../errors.ts';

/** What the graph needs to know of a release. */
export interface GraphNode {
  readonly name: string;
  readonly needs?: readonly string[];
}

/**
 * The releases in an order in which each one follows what it needs; equals keep the order given.
 * Throws ZakenakError `rollout/duplicate-release`, `rollout/unknown-release`, `rollout/needs-cycle`.
 */
export function orderByNeeds<T extends GraphNode>(nodes: readonly T[]): readonly T[] {
  const byName = indexNodes(nodes);
  const ordered: T[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (node: T): void => {
    if (done.has(node.name)) return;
    const start = path.indexOf(node.name);
    if (start >= 0) throw needsCycle(path.slice(start));
    path.push(node.name);
    for (const need of node.needs ?? []) {
      const needed = byName.get(need);
      if (!needed) throw unknownRelease(need, [...byName.keys()], node.name);
      visit(needed);
    }
    path.pop();
    done.add(node.name);
    ordered.push(node);
  };
  for (const node of nodes) visit(node);
  return ordered;
}

/**
 * Runs `body` for every node as soon as its own needs are done: no levels, no barriers. A node whose need failed is not started and gets
 * `undefined`. Never rejects: what a body threw is in `errors`, in the order it happened.
 */
export async function runByNeeds<T extends GraphNode, R>(
  nodes: readonly T[],
  body: (node: T) => Promise<R>,
): Promise<{
  readonly results: ReadonlyMap<string, R>;
  readonly errors: readonly { readonly node: T; readonly error: unknown }[];
}> {
  const running = new Map<string, Promise<boolean>>();
  const results = new Map<string, R>();
  const errors: { node: T; error: unknown }[] = [];
  for (const node of orderByNeeds(nodes)) {
    const needs = (node.needs ?? []).map((need) => running.get(need));
    const start = async (): Promise<boolean> => {
      const ready = await Promise.all(needs);
      if (ready.some((done) => !done)) return false;
      try {
        results.set(node.name, await body(node));
        return true;
      } catch (error) {
        errors.push({ node, error });
        return false;
      }
    };
    running.set(node.name, start());
  }
  await Promise.all(running.values());
  return { results, errors };
}

/** The same graph turned round: what needed a node is now needed by it. */
export function reverseNeeds<T extends GraphNode>(
  nodes: readonly T[],
): readonly (T & { readonly needs: readonly string[] })[] {
  return [...nodes].reverse().map((node) => ({
    ...node,
    needs: nodes.filter((other) => other.needs?.includes(node.name)).map((other) => other.name),
  }));
}

/** The named part of a graph: a need that leads there over nodes that are left out is a need still. */
export function needsWithin<T extends GraphNode>(
  nodes: readonly T[],
  names: ReadonlySet<string>,
): readonly (T & { readonly needs: readonly string[] })[] {
  const nearest = new Map<string, readonly string[]>();
  // What a node needs comes before it.
  for (const { name, needs = [] } of orderByNeeds(nodes)) {
    const near = needs.flatMap((need) => (names.has(need) ? [need] : (nearest.get(need) ?? [])));
    nearest.set(name, [...new Set(near)]);
  }
  return nodes
    .filter(({ name }) => names.has(name))
    .map((node) => ({ ...node, needs: nearest.get(node.name) ?? [] }));
}

function indexNodes<T extends GraphNode>(nodes: readonly T[]): ReadonlyMap<string, T> {
  const byName = new Map<string, T>();
  for (const node of nodes) {
    if (byName.has(node.name)) throw duplicateRelease(node.name);
    byName.set(node.name, node);
  }
  return byName;
}
