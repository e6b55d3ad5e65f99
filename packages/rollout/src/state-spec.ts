import { defineSpec } from '@zakenak/core';
import { clusterInputs, environmentInput, planOutputs } from './spec.ts';

/** Inputs and outputs of history. */
export const historySpec = defineSpec({
  name: 'history',
  verb: 'history',
  summary: 'Show the stored revisions of every release, and which of them went out together.',
  details: 'Reads Helm’s own records, so what Helm wrote shows too. Nothing is written.',
  example: 'zakenak history --environment prod --release ollama --max 5',
  inputs: {
    environment: environmentInput,
    release: { type: 'string', description: 'Only this release' },
    max: { type: 'integer', description: 'Newest revisions of each release; all where nothing is said' },
    kubeconfig: clusterInputs.kubeconfig,
    context: clusterInputs.context,
  },
  outputs: {
    set: planOutputs.set,
    revisions: {
      description:
        'JSON list: release, namespace, revision, updated, status, chart, appVersion, description, rollout and set of each revision, newest first',
    },
    rollouts: { description: 'JSON list: id, time and revisions of each rollout, newest first' },
    'not-deployed': { description: 'JSON list of the releases without any revision' },
  },
});

/** Inputs and outputs of unlock. */
export const unlockSpec = defineSpec({
  name: 'unlock',
  verb: 'unlock',
  summary: 'Free a set whose deploy died: its lock, and revisions that were left pending.',
  details:
    'The lock is taken from a holder that has not renewed it for its whole duration, which is looked at for up to that long. A living holder is refused; with ' +
    '--force its next write is. A dead holder’s lock also ends by itself: a deploy waits for that. What a journal would go on with is left to deploy and rollback.',
  example: 'zakenak unlock --environment prod --dry-run',
  inputs: {
    environment: environmentInput,
    force: {
      type: 'boolean',
      description: 'Take the lock from a living holder too: it stops at its next write',
    },
    'dry-run': { type: 'boolean', description: 'Only look' },
    ...clusterInputs,
  },
  outputs: {
    set: planOutputs.set,
    'lock-state': { description: 'How the lock was found: free, dead or alive' },
    'locked-by': { description: 'Who held it; empty where nobody did' },
    commit: { description: 'The commit that the holder deploys' },
    epoch: { description: 'How often the lock has changed hands' },
    freed: { description: 'true where the lock was taken from somebody' },
    revisions: { description: 'JSON list: release, revision and former status of what was left pending' },
  },
});
