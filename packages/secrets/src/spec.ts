import { defineSpec } from '@zakenak/core';

/** Inputs and outputs of the `scan-secrets` action and the `secrets` verb. */
export const spec = defineSpec({
  name: 'scan-secrets',
  verb: 'secrets',
  summary: 'Find leaked credentials in exactly the commits of the event, with gitleaks.',
  details:
    'Scans what the event brought: a pull request’s own commits, a push, a tag; the contents that merge commits add themselves included. ' +
    'Configuration, .gitleaksignore and baseline come from the base branch on a pull request. No secret is ever printed or stored: ' +
    'findings and the baseline carry a salted hash. Beside gitleaks’ rules, YAML files are read as Kubernetes reads them: values of plain Secrets (base64 looked ' +
    'through), kubeconfigs, credentials in values files; templates, SOPS’ ciphertexts and placeholders are none. A comment `gitleaks:allow` on the line accepts it. ' +
    'Text files beyond 100 MiB or in UTF-16, which git and gitleaks pass over in silence, are read too; one that cannot be is a finding. Other files with a NUL in the first 8000 bytes are binary and not scanned, nor are the names of files and the messages of commits.',
  example: 'zakenak secrets --scope tree',
  inputs: {
    scope: {
      type: 'choice',
      choices: ['range', 'tree', 'history'],
      default: 'range',
      description:
        'The commits of the event (range), the files of the head commit (tree), or every commit of every branch and tag (history).',
    },
    base: { type: 'string', description: 'Scan what has been committed since this revision.' },
    head: { type: 'string', description: 'Scan up to this revision; the event’s commit where not given.' },
    config: {
      type: 'string',
      description:
        'The zakenak.yaml to use, where there is one, if nothing is said; gitleaks’ own configuration is gitleaks-config.',
    },
    'gitleaks-config': {
      type: 'string',
      description: 'The rules: gitleaks’ own configuration (TOML).',
      default: '.gitleaks.toml',
    },
    baseline: {
      type: 'string',
      description: 'File of the secrets already dealt with: rule, salted hash and reason.',
      default: '.zakenak/secrets-baseline.json',
    },
    'update-baseline': {
      type: 'boolean',
      description: 'Write what is found into the baseline, to be reviewed and committed.',
      default: false,
    },
    redact: {
      type: 'integer',
      description:
        'How much of a secret is hidden, in percent; only 100 is taken: no part of a secret is ever shown.',
      default: 100,
    },
    exclude: {
      type: 'list',
      description: 'Globs of paths, from the repository’s top, that are not reported.',
    },
    'max-file-size': {
      type: 'integer',
      description: 'Skip larger files, in megabytes; 0: none.',
      default: 0,
    },
    'decode-depth': {
      type: 'integer',
      description: 'How often base64, hex and percent encodings are looked through.',
      default: 2,
    },
    'kubernetes-rules': {
      type: 'boolean',
      description: 'Find values of plain Secrets, of kubeconfigs and passwords in values files too.',
      default: true,
    },
    'fail-on': {
      type: 'choice',
      choices: ['new', 'any', 'none'],
      default: 'new',
      description: 'Fail on secrets that are not in the baseline (new), on all (any), or never.',
    },
  },
  reports: ['gl-secret-detection'],
  outputs: {
    'leaks-count': { description: 'Secrets found, those of the baseline included.' },
    'new-count': { description: 'Secrets found that are not in the baseline.' },
    'commits-scanned': {
      description: 'Commits scanned, by this run or by an earlier one with the same rules.',
    },
    range: { description: 'What was scanned, in words.' },
    head: { description: 'The commit whose files the findings’ lines speak of.' },
  },
});
