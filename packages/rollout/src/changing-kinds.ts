import type { KubeObject, Ports } from '@zakenak/core';
import { diffObjects } from './diff.ts';
import type { PreparedObject } from './dry-run.ts';
import { textAt } from './json.ts';
import { groupOf } from './object.ts';

/** The plans of the definitions of a set: a custom resource is tried before the definition that is to come, and may be refused for that alone. */
export interface ChangingKinds {
  /** The object’s plan; where the server refused to try it and its definition changes, it is tried once more when that is there. */
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
      const { planned, live, isRefused } = prepared;
      const definition = isRefused && (await definitions.get(`${groupOf(object.apiVersion)}/${object.kind}`));
      if (!definition || !['create', 'apply'].includes(definition.planned.action)) return prepared;
      const action = live ? 'apply' : 'create';
      const reason = 'it is tried when the definition of its kind has changed';
      return {
        ...prepared,
        planned: { ...planned, action, reason, diff: diffObjects(live, object, redactor) },
      };
    },
  };
}
