import type { ActionSpec, InputSpec } from '@zakenak/core';

/** Report files that every action writes. */
const reportFormats = ['json', 'markdown', 'sarif', 'junit', 'code-quality'] as const;

/** Inputs that every action and command has: where the report goes. The shells read them; engines never see them. */
export const publicationInputs = {
  // No default: an action's default counts as given, and a named file has to be there.
  config: {
    type: 'string',
    description: 'Configuration to use; zakenak.yaml, where there is one, if nothing is said',
  },
  'output-dir': {
    type: 'string',
    description:
      'Folder for report.json, report.md, report.sarif, junit.xml and gl-code-quality-report.json; none are written where nothing is said',
  },
  // No default: what was asked for needs a folder, and an action's default counts as asked for.
  format: {
    type: 'list',
    choices: reportFormats,
    description: 'The report files that output-dir gets; all where nothing is said',
  },
  events: {
    type: 'string',
    description:
      'File to which everything that happens is appended as lines of JSON while it happens; - for stdout, /dev/fd/3 for an open file; none where nothing is said',
  },
  'annotations-max': {
    type: 'integer',
    description: 'Most annotations, for the worst findings; the rest is counted',
    default: 10,
  },
  token: {
    type: 'string',
    description:
      'Token for the forge’s API: comments and statuses. GITHUB_TOKEN, GITLAB_TOKEN, BITBUCKET_TOKEN or SYSTEM_ACCESSTOKEN (Azure) where nothing is said.',
    secret: true,
  },
  comment: {
    type: 'boolean',
    description: 'Keep one comment with the report on the pull request; needs a token that may write it',
  },
  status: {
    type: 'boolean',
    description: 'Set the commit status `zakenak`; needs a token that may write it',
  },
} as const satisfies Record<string, InputSpec>;

/** The same inputs for one spec, with the report files that it has beside them. */
export function publicationInputsOf({ reports = [] }: ActionSpec): Readonly<Record<string, InputSpec>> {
  const { format } = publicationInputs;
  const choices = [...reportFormats, ...reports];
  const description = `${format.description}: ${choices.join(', ')}`;
  return { ...publicationInputs, format: { ...format, choices, description } };
}

/** Outputs that every action has. */
export const publicationOutputs = {
  result: { description: 'passed, failed, simulated, rolled-back, skipped or errored' },
  'report-file': { description: 'Path of report.md, where it was written' },
  'sarif-file': { description: 'Path of report.sarif, where it was written' },
} as const satisfies ActionSpec['outputs'];
