import type { KubeObject, Ports } from '@zakenak/core';
import { lacksDefaults } from '../fields/lacking-defaults.ts';
import { diffObjects } from '../objects/diff.ts';
import { textAt } from '../objects/json.ts';
import { groupOf } from '../objects/object.ts';
import type { PreparedObject } from './dry-run.ts';

/** The plans of the definitions of a set: a custom resource is tried before the definition that is to come, and may be refused for that alone. */
export interface ChangingKinds {
  /** The object’s plan; where the server refused to try it and its definition changes, it is tried once more when that is there, and where that gives other defaults it is applied. */
  settle(object: KubeObject, plan: Promise<PreparedObject>): Promise<PreparedObject>;
}

/** Every plan has to be handed in before any of them is awaited. */
export function createChangingKinds({ redactor }: Pick<Ports, 'redactor'>): ChangingKinds {
  const definitions = new Map<string, Promise<PreparedObject>>();
  return {
    async settle(object, plan) {
      if (object.kind === 'CustomResourceDefinition')
        definitions.set(
          `${textAt(object, 'spec', 'group')}/${textAt(object, 'spec', 'names', 'kind')}`,
          plan,
        );
      const prepared = await plan;
      const definition = await definitions.get(`${groupOf(object.apiVersion)}/${object.kind}`);
      if (!definition || !['create', 'apply'].includes(definition.planned.action)) return prepared;
      const filled = fillingOf(object, prepared, definition);
      const { planned, live, isRefused } = filled;
      if (!isRefused) return filled;
      const action = live ? 'apply' : 'create';
      const reason = 'it is tried when the definition of its kind has changed';
      return {
        ...filled,
        planned: { ...planned, action, reason, diff: diffObjects(live, object, redactor) },
      };
    },
  };
}

/** What is as it is to be by the definition that is there, and would not be by the one that is to come, is applied once more; whatever is applied has to come to that one's defaults. */
function fillingOf(object: KubeObject, prepared: PreparedObject, definition: PreparedObject): PreparedObject {
  const { planned, live } = prepared;
  const { desired: later } = definition;
  if (!later || !definition.live) return prepared;
  const isFilled = (applied: KubeObject): boolean => !lacksDefaults(object, applied, later, !live);
  if (planned.action !== 'noop') return { ...prepared, isFilled };
  if (!live || isFilled(live)) return prepared;
  const reason = 'its definition gives other defaults';
  return { ...prepared, isFilled, planned: { ...planned, action: 'apply', reason } };
}
