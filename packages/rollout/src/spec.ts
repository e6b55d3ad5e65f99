import { defineSpec, type InputSpec } from '@zakenak/core';

/** Which cluster and where the set's own state is. */
export const clusterInputs = {
  kubeconfig: {
    type: 'string',
    description: 'Kubeconfig file; KUBECONFIG and ~/.kube/config where nothing is said',
  },
  context: {
    type: 'string',
    description: 'Context of the kubeconfig; the current one where nothing is said',
  },
  'state-namespace': {
    type: 'string',
    description: 'Namespace of the set’s lock and journal; the context’s where nothing is said',
  },
} as const satisfies Record<string, InputSpec>;

export const environmentInput = {
  type: 'string',
  description: 'Environment of zakenak.yaml; the only one where nothing is said',
} as const satisfies InputSpec;

const imageInputs = {
  'image-digests': {
    type: 'list',
    description: 'Images by digest, as NAME=REPOSITORY@sha256:…; NAME is one of `build` of zakenak.yaml',
  },
  images: { type: 'string', description: 'The `images` output of build-push-image, as it is' },
} as const satisfies Record<string, InputSpec>;

export const planOutputs = {
  set: { description: 'Name of the set of releases' },
  'plan-id': { description: 'SHA-256 of the plan' },
  'has-changes': { description: 'true where something would be, or was, changed' },
  changes: { description: 'How many releases are installed, upgraded and unchanged, in words' },
  releases: {
    description: 'JSON list: name, namespace, action, chart, fromRevision, toRevision of each release',
  },
} as const;

const writingInputs = {
  'on-failure': {
    type: 'choice',
    choices: ['set', 'release', 'keep'],
    description: 'What is put back when a release fails: the whole set, only that release, or nothing',
    default: 'set',
  },
  'allow-irreversible': { type: 'boolean', description: 'Go ahead with what a rollback cannot put back' },
  'lock-timeout': {
    type: 'duration',
    description: 'How long to wait for another deploy of the set',
    default: '10m',
  },
  'wait-timeout': {
    type: 'duration',
    description: 'How long a release without a timeout of its own may take to become ready',
    default: '5m',
  },
} as const satisfies Record<string, InputSpec>;

const deployedOutputs = {
  status: { description: 'passed, simulated, rolled-back or failed' },
  'rolled-back': { description: 'true where the whole set was put back' },
  revisions: { description: 'JSON object: release to its revision now' },
  'previous-revisions': { description: 'JSON object: release to its revision before' },
} as const;

/** Inputs and outputs of plan. */
export const planSpec = defineSpec({
  name: 'plan',
  verb: 'plan',
  summary: 'Show what a deploy would change, object by object, without writing anything.',
  details:
    'Renders every release, compares it with the cluster by server-side dry runs, and shows actions, fields, conflicts and what could not be put back. ' +
    'Values of Secrets are shown as their length only. An object that cannot be tried is `unknown` and fails the plan.',
  example: 'zakenak plan --environment prod --plan-file plan.json',
  inputs: {
    environment: environmentInput,
    ...imageInputs,
    'plan-file': {
      type: 'string',
      description: 'Write the plan as JSON to this file; deploy --plan carries out exactly it',
    },
    prune: {
      type: 'boolean',
      description: 'Remove releases that an earlier deploy of the set made and zakenak.yaml no longer lists',
    },
    'allow-irreversible': writingInputs['allow-irreversible'],
    'detailed-exitcode': {
      type: 'boolean',
      description:
        'Exit code 2 where changes are pending, 0 where none are, 1 for bad input, as helm-diff and Terraform count',
    },
    ...clusterInputs,
  },
  outputs: planOutputs,
});

/** Inputs and outputs of deploy-to-wsl2-runner. */
export const deploySpec = defineSpec({
  name: 'deploy-to-wsl2-runner',
  verb: 'deploy',
  summary: 'Deploy the set of releases as one transaction: all of it, or everything as it was.',
  details:
    'Plans, takes the set’s lock, and applies each release server-side as soon as what it needs is ready. When one fails, reason, events and log lines are ' +
    'collected and the whole set is put back in reverse order. Releases are stored as Helm stores them. What an interrupted run left is gone on with.',
  example: 'zakenak deploy --environment prod',
  inputs: {
    environment: environmentInput,
    ...imageInputs,
    plan: {
      type: 'string',
      description: 'Plan file that was approved: exactly it is carried out, or the deploy is refused',
    },
    'plan-file': { type: 'string', description: 'Write the plan as JSON to this file' },
    'dry-run': { type: 'boolean', description: 'Only plan' },
    prune: {
      type: 'boolean',
      description: 'Remove releases that an earlier deploy of the set made and zakenak.yaml no longer lists',
    },
    test: {
      type: 'boolean',
      description:
        'Run the tests of the charts that are installed or upgraded (helm.sh/hook: test) as part of the transaction',
    },
    smoke: {
      type: 'boolean',
      description: 'Run the GPU smoke test as part of the transaction: a failure puts the whole set back',
    },
    ...writingInputs,
    ...clusterInputs,
  },
  outputs: { ...planOutputs, ...deployedOutputs },
});

/** Inputs and outputs of rollback. */
export const rollbackSpec = defineSpec({
  name: 'rollback',
  verb: 'rollback',
  summary: 'Go back: the last rollout of the set as a whole, an interrupted one, or one release.',
  details:
    'Without --release an interrupted rollout is undone, else every release of the last rollout that is still there goes back to its last revision that was deployed ' +
    'and holds something else, and what it installed is removed. Helm’s history shows each as a rollback.',
  example: 'zakenak rollback --environment prod --release ollama --revision 3',
  inputs: {
    environment: environmentInput,
    release: { type: 'string', notEmpty: true, description: 'Only this release' },
    revision: {
      type: 'integer',
      minimum: 1,
      description: 'Revision of --release to go back to; the last with other content where nothing is said',
    },
    'dry-run': { type: 'boolean', description: 'Only plan' },
    ...writingInputs,
    ...clusterInputs,
  },
  outputs: { ...planOutputs, ...deployedOutputs },
});

/** Inputs and outputs of status. */
export const statusSpec = defineSpec({
  name: 'status',
  verb: 'status',
  summary:
    'Show what is deployed: revision, health and drift of every release, who deployed last, and who holds the lock.',
  example: 'zakenak status --environment prod',
  inputs: { environment: environmentInput, ...clusterInputs },
  outputs: {
    set: planOutputs.set,
    releases: {
      description:
        'JSON list: name, namespace, status, revision, chart, updated, health, drift and remarks of each release',
    },
    drift: {
      description:
        'JSON list of objects that differ from what was deployed: release, object, state, fields, and ignored fields with their rule',
    },
    'locked-by': { description: 'Who deploys right now; empty where nobody does' },
    'last-entry': {
      description:
        'JSON object: the newest entry of the audit trail, as audit tells it: verb, outcome, commit, endedBy, endedAt, releases, cause…',
    },
  },
});

/** Inputs and outputs of sync. */
export const syncSpec = defineSpec({
  name: 'sync',
  verb: 'sync',
  summary: 'Find what drifted from what was deployed, and report it, put it back, or hold it.',
  details:
    'Each object of the deployed revisions is compared with the cluster by server-side dry run; each field that differs names who wrote it and when. report fails ' +
    'where something drifted. correct puts it back under the set’s lock, waits until it is ready, and goes back as a whole where that fails. hold keeps it: no sync, ' +
    'deploy or rollback moves these fields until --unhold. Rules of `drift` in zakenak.yaml hold for all of them.',
  example: 'zakenak sync --environment prod --mode correct',
  inputs: {
    environment: environmentInput,
    mode: {
      type: 'choice',
      choices: ['report', 'correct', 'hold'],
      description: 'What is done about drift',
      default: 'report',
    },
    watch: {
      type: 'boolean',
      description: 'Go on until Ctrl-C: report or correct each drift as it comes',
    },
    unhold: { type: 'boolean', description: 'First give up everything that earlier runs hold' },
    'lock-timeout': writingInputs['lock-timeout'],
    'wait-timeout': writingInputs['wait-timeout'],
    ...clusterInputs,
  },
  outputs: {
    set: planOutputs.set,
    mode: { description: 'What was done about drift' },
    drift: statusSpec.outputs.drift,
    corrected: { description: 'With --watch: how many objects were put back' },
  },
});
