import type { Progress } from '@zakenak/core';
import type { GraphNode } from '../kinds/graph.ts';
import { firstOf } from '../wait/release-progress.ts';

/** Tells which releases wait for which others. */
export interface Queue {
  /** What needed this one waits for one less. */
  done(name: string): void;
  /** These will not begin any more. */
  giveUp(names: readonly string[], reason: string): void;
}

const mostNames = 5;

/** Announces every node that needs others, once for each need that goes. A need that is no node counts as met. */
export function announceQueue(
  nodes: readonly GraphNode[],
  stage: 'apply' | 'rollback',
  progress: Progress,
): Queue {
  const names = new Set(nodes.map(({ name }) => name));
  const open = new Map(
    nodes.map(({ name, needs = [] }) => [name, new Set(needs.filter((need) => names.has(need)))]),
  );
  const dependents = new Map<string, string[]>();
  for (const [name, needs] of open)
    for (const need of needs) dependents.set(need, [...(dependents.get(need) ?? []), name]);
  const tell = (name: string): void => {
    const needs = open.get(name);
    if (!needs || needs.size === 0) return;
    const waitingFor = firstOf(needs, mostNames).map((need) => ({ kind: 'release' as const, name: need }));
    const waitingForTotal = needs.size;
    progress.emit({ stage, subject: name, release: name, state: 'waiting', waitingFor, waitingForTotal });
  };
  for (const name of names) tell(name);
  return {
    done(name) {
      for (const dependent of dependents.get(name) ?? []) {
        open.get(dependent)?.delete(name);
        tell(dependent);
      }
    },
    giveUp(left, reason) {
      for (const name of left)
        progress.emit({ stage, subject: name, release: name, state: 'skipped', message: reason });
    },
  };
}
