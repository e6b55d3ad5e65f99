import { defineSpec, severities } from '@zakenak/core';
import { checkNames } from './policies.ts';

/** The inputs and outputs of lint-helm. */
export const spec = defineSpec({
  name: 'lint-helm',
  verb: 'lint',
  summary: 'Lint Helm charts, render every values file, and check the manifests against Kubernetes schemas.',
  example: 'zakenak lint --chart-dirs helm-charts',
  inputs: {
    charts: { type: 'list', description: 'Chart folders to lint; all of chart-dirs where none is named' },
    'chart-dirs': {
      type: 'list',
      default: ['helm-charts', 'charts'],
      description: 'Folders whose sub-folders are charts',
    },
    'changed-only': {
      type: 'boolean',
      default: false,
      description: 'Only charts with changes, and charts that depend on these',
    },
    'base-ref': {
      type: 'string',
      description:
        'Branch, tag or commit whose merge base with the head changed-only and version-bump compare with; the event’s base where not given',
    },
    values: {
      type: 'list',
      default: ['ci/*-values.yaml'],
      description: "Globs from the chart's folder; each file is rendered besides the defaults",
    },
    environments: {
      type: 'boolean',
      default: true,
      description: 'Render the charts of zakenak.yaml’s releases with the values of each environment too',
    },
    'kubernetes-versions': {
      type: 'list',
      default: ['1.34.4'],
      description: 'Versions to check against: 1.34.4, 1.34, or a range such as 1.31-1.34',
    },
    checks: {
      type: 'list',
      description: `Checks of our own to run: ${checkNames.join(', ')}; all where none is named, \`-name\` leaves one out`,
    },
    'ignore-file': {
      type: 'string',
      default: '.zakenak/lint-ignore',
      description:
        'File of accepted kinds of findings, `charts/RULE PATH-GLOB` on each line, which are left out; of the base branch on a pull request',
    },
    baseline: {
      type: 'string',
      default: '.zakenak/lint-baseline.json',
      description:
        'File of the very findings that were there before: they are shown and counted, but do not fail; of the base branch on a pull request',
    },
    'update-baseline': {
      type: 'boolean',
      default: false,
      description: 'Write what is found into the baseline, to be reviewed and committed',
    },
    'crd-dirs': {
      type: 'list',
      default: ['**/crds'],
      description: 'Folders of CustomResourceDefinitions whose kinds are checked too',
    },
    'schema-locations': {
      type: 'list',
      default: [],
      description:
        'Folders or path templates of more JSON schemas in the repository, as `kubeconform -schema-location` takes them; asked last',
    },
    'version-bump': {
      type: 'choice',
      choices: ['off', 'warn', 'error'],
      default: 'off',
      description: 'Ask of a changed chart that its version rose since the merge base',
    },
    'helm-path': { type: 'string', description: 'Helm to use; else the one of the PATH or a verified one' },
    strict: { type: 'boolean', default: true, description: "Treat Helm's warnings as errors" },
    'fail-on': {
      type: 'choice',
      choices: [...severities, 'none'],
      default: 'high',
      aliases: ['severity-threshold'],
      description: 'Fail on findings at least this bad that are not in the baseline',
    },
  },
  outputs: {
    'changed-charts': { description: 'JSON list of the chart folders that were linted' },
    'findings-count': { description: 'Number of findings, those of the baseline included' },
    'new-count': { description: 'Number of findings that are not in the baseline' },
    errors: { description: 'Number of new findings of severity high or worse' },
    warnings: { description: 'Number of new findings of severity low and medium' },
  },
});
