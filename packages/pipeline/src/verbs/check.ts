import {
  asZakenakError,
  cancelled,
  createErrorReport,
  createReport,
  defineSpec,
  nearest,
  type Report,
} from '@zakenak/core';
import type { ReadInput } from '../bind.ts';
import { type CheckInputs, type CheckPart, checkConfig, checkParts, skip } from '../check-parts.ts';
import type { RunContext } from '../context.ts';
import { unknownPart } from '../errors.ts';
import type { Settings } from '../settings.ts';
import { defineVerb } from '../verb.ts';

const names = ['config', ...checkParts.map(({ name }) => name)];

const spec = defineSpec({
  name: 'pipeline',
  verb: 'check',
  summary: 'The whole review in one report: charts, secrets, signatures, images and the plan.',
  details:
    'Runs every stage side by side and reports all findings of all stages at once; a stage that could not look is told as such and ' +
    'hides no other. Nothing is pushed or deployed. On a pull request the policy comes from the base commit, and a fork’s pull ' +
    'request gets no secret and reaches no cluster.',
  example: 'zakenak check --build off',
  inputs: {
    only: { type: 'list', description: `Only these stages: ${names.join(', ')}` },
    environment: {
      type: 'string',
      description: 'Environment of zakenak.yaml to plan against; its cluster has to be reachable.',
    },
    plan: {
      type: 'boolean',
      description: 'Plan against the only environment without naming it.',
      default: false,
    },
    build: {
      type: 'choice',
      choices: ['auto', 'always', 'off'],
      description:
        'Build the images of zakenak.yaml without pushing them; auto: those whose context changed.',
      default: 'auto',
    },
    'changed-only': {
      type: 'boolean',
      description: 'Lint only charts with changes, and charts that depend on these.',
      default: false,
    },
    builder: { type: 'string', description: 'What builds: see build-push-image.' },
    'buildkit-address': { type: 'string', description: 'Address of a running buildkitd.' },
  },
  reports: ['gl-secret-detection'],
  outputs: {
    'findings-count': { description: 'Findings of all stages.' },
    verdicts: { description: 'JSON object: stage to its verdict.' },
  },
});

/** `zakenak check` and the pipeline action. */
export const checkVerb = defineVerb({
  spec,
  async run(inputs, context) {
    for (const name of inputs.only)
      if (!names.includes(name)) throw unknownPart(name, names, nearest(name, names));
    const wanted = (name: string) => inputs.only.length === 0 || inputs.only.includes(name);
    const config = await checkConfig(context);
    const run = (part: CheckPart) => runPart(part, inputs, config, context);
    const parts = await Promise.all(checkParts.filter(({ name }) => wanted(name)).map(run));
    if (context.signal.aborted) throw asZakenakError(context.signal.reason ?? cancelled());
    return summarize([...(wanted('config') ? [{ name: 'config', report: config.report }] : []), ...parts]);
  },
});

interface NamedReport {
  readonly name: string;
  readonly report: Report;
}

/** A stage that throws becomes an `errored` part: the others' findings are not lost. */
async function runPart(
  part: CheckPart,
  inputs: CheckInputs,
  { settings, broken }: { readonly settings: Settings; readonly broken: boolean },
  context: RunContext,
): Promise<NamedReport> {
  const { name } = part;
  const { clock, progress, host, log } = context.ports;
  const read: ReadInput = (input) => (passedOn.includes(input) ? host.readInput(input) : undefined);
  const started = clock.monotonicMs();
  progress.emit({ stage: 'check', subject: name, state: 'started' });
  try {
    const report = await part.run(inputs, read, settings, context);
    const ended = { failed: 'failed', errored: 'failed', skipped: 'skipped' } as const;
    const state = report.verdict in ended ? ended[report.verdict as keyof typeof ended] : 'done';
    progress.emit({ stage: 'check', subject: name, state, message: report.summary });
    return { name, report: timed(report, name, clock.monotonicMs() - started) };
  } catch (thrown) {
    const error = asZakenakError(thrown);
    if (context.env.ZAKENAK_DEBUG && thrown instanceof Error) log.error(String(thrown.stack));
    progress.emit({ stage: 'check', subject: name, state: 'failed', message: error.message });
    if (broken && error.code.startsWith('config/'))
      return { name, report: skip(name, 'Not run: zakenak.yaml does not load.') };
    return { name, report: createErrorReport(name, error) };
  }
}

/** Inputs of `check` that stages take under the same name. */
const passedOn: readonly string[] = ['builder', 'buildkit-address'];

function timed(report: Report, name: string, durationMs: number): Report {
  return { ...report, timings: [...report.timings, { name, durationMs }] };
}

function summarize(named: readonly NamedReport[]): Report {
  const parts = named.map(({ report }) => report);
  const findings = parts.reduce((count, part) => count + countFindings(part), 0);
  const bad = named.filter(({ report }) => report.verdict === 'failed' || report.verdict === 'errored');
  const ran = named.filter(({ report }) => report.verdict !== 'skipped').length;
  const summary =
    bad.length === 0
      ? `${ran} of ${named.length} stages ran and held.`
      : `${bad.map(({ name, report }) => `${name} ${report.verdict}`).join(', ')}; ${findings} finding${findings === 1 ? '' : 's'}.`;
  return createReport({
    tool: 'check',
    summary,
    parts,
    outputs: {
      'findings-count': findings,
      verdicts: Object.fromEntries(named.map(({ name, report }) => [name, report.verdict])),
    },
  });
}

function countFindings(report: Report): number {
  return report.findings.length + report.parts.reduce((count, part) => count + countFindings(part), 0);
}
