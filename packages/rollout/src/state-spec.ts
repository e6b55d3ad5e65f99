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
    release: { type: 'string', notEmpty: true, description: 'Only this release' },
    max: {
      type: 'integer',
      minimum: 1,
      description: 'Newest revisions of each release; all where nothing is said',
    },
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

/** Inputs and outputs of audit. */
export const auditSpec = defineSpec({
  name: 'audit',
  verb: 'audit',
  summary:
    'Show who deployed what, when, from which commit and with what end, and check that nothing is missing.',
  details:
    'Every rollout, rollback and lock taken by hand is one entry in the cluster, linked to the one before by its hash. The trail is checked link by link and compared with Helm’s ' +
    'records: a revision that nobody told of is a finding. From the entries come the four figures of DORA. Nothing is written.',
  example: 'zakenak audit --environment prod --since 2026-01-01',
  inputs: {
    environment: environmentInput,
    since: {
      type: 'string',
      description: 'Only what ended at this time or later: 2026-01-31, or with a time as in RFC 3339',
    },
    ...clusterInputs,
  },
  outputs: {
    set: planOutputs.set,
    entries: {
      description:
        'JSON list, oldest first: sequence, verb, outcome, commit, begunBy, endedBy, begunAt, endedAt, cause, releases… of each entry',
    },
    dora: {
      description:
        'JSON object: deployments, deploymentsPerDay, changeFailureRate, leadTimeSeconds, timeToRestoreSeconds',
    },
  },
});

/** Inputs and outputs of unlock. */
export const unlockSpec = defineSpec({
  name: 'unlock',
  verb: 'unlock',
  summary: 'Free a set whose deploy died: its lock, and revisions that were left pending.',
  details:
    'The lock is taken from a holder that has not renewed it for its whole duration, which is looked at for up to that long. A living holder is refused; with ' +
    '--force its next write is, and the lock is free when it can write no more. A dead holder’s lock also ends by itself: a deploy waits for that. What a journal ' +
    'would go on with is left to deploy and rollback, and what Helm left pending less than deploy.helmTimeout ago (15 minutes) to Helm, unless --force is said.',
  example: 'zakenak unlock --environment prod --dry-run',
  inputs: {
    environment: environmentInput,
    force: {
      type: 'boolean',
      description:
        'Take the lock from a living holder too: it stops at its next write. Mark what Helm left pending as failed at once',
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
