import { InvalidConfigError } from '@zakenak/config/errors';
import { asZakenakError, createErrorReport, createReport, type Report } from '@zakenak/core';
import type { ReadInput } from './bind.ts';
import type { RunContext } from './context.ts';
import { isFork, readEventSettings, readOptionalConfig, type Settings } from './settings.ts';
import { build } from './verbs/build.ts';
import { findOwnCharts, lint } from './verbs/lint.ts';
import { plan } from './verbs/rollout.ts';
import { secrets } from './verbs/secrets.ts';
import { verify } from './verbs/verify.ts';

/** What `check` was asked for, as far as its parts see it. */
export interface CheckInputs {
  readonly environment: string | undefined;
  readonly plan: boolean;
  readonly build: 'auto' | 'always' | 'off';
  readonly 'changed-only': boolean;
}

/** One stage of the review. It says itself when it has nothing to do. */
export interface CheckPart {
  readonly name: string;
  run(inputs: CheckInputs, read: ReadInput, settings: Settings, context: RunContext): Promise<Report>;
}

/** The stages of the review, in the report's order; none needs another's result. */
export const checkParts: readonly CheckPart[] = [
  { name: 'lint', run: lintPart },
  { name: 'secrets', run: (_inputs, read, settings, context) => secrets(read, settings, context) },
  { name: 'verify', run: verifyPart },
  { name: 'build', run: buildPart },
  { name: 'plan', run: planPart },
];

/** zakenak.yaml of the checkout as a part of its own: what is wrong in it are findings. */
export async function checkConfig(
  context: RunContext,
): Promise<{ readonly report: Report; readonly settings: Settings; readonly broken: boolean }> {
  const base = await readEventSettings(context);
  try {
    const parsed = await readOptionalConfig(context);
    const report = parsed
      ? createReport({ tool: 'config', findings: parsed.findings, summary: `${parsed.path} holds.` })
      : skip('config', 'There is no zakenak.yaml: every stage works by its defaults.');
    return { report, settings: { ...base, config: parsed?.config }, broken: false };
  } catch (thrown) {
    const report =
      thrown instanceof InvalidConfigError
        ? createReport({ tool: 'config', findings: thrown.findings, verdict: 'failed' })
        : createErrorReport('config', asZakenakError(thrown));
    return { report, settings: { ...base, config: undefined }, broken: true };
  }
}

/** A stage that was not run, and why. */
export function skip(tool: string, why: string, caveats: readonly string[] = []): Report {
  return createReport({ tool, verdict: 'skipped', summary: why, caveats });
}

async function lintPart(
  inputs: CheckInputs,
  read: ReadInput,
  settings: Settings,
  context: RunContext,
): Promise<Report> {
  const charts = await findOwnCharts(settings.config, context.ports.files);
  if (charts.length === 0) return skip('lint-helm', 'There is no chart in this repository.');
  const reader: ReadInput = (name) => (name === 'changed-only' ? String(inputs['changed-only']) : read(name));
  return lint(reader, settings, context);
}

/** Without a word in the policy nobody has said that commits are signed here: that is told, not failed. */
async function verifyPart(
  _inputs: CheckInputs,
  read: ReadInput,
  settings: Settings,
  context: RunContext,
): Promise<Report> {
  if ((await settings.policy())?.commits) return verify(read, settings, context);
  const why = 'zakenak.yaml has no policy.commits.';
  const where = settings.policyRevision ? 'the base branch’s zakenak.yaml' : 'zakenak.yaml';
  return skip('sign-verify-commits', why, [`Signatures were not verified: ${where} has no policy.commits.`]);
}

async function buildPart(
  inputs: CheckInputs,
  read: ReadInput,
  settings: Settings,
  context: RunContext,
): Promise<Report> {
  const declared = settings.config?.build ?? [];
  if (declared.length === 0 || inputs.build === 'off')
    return skip('build-push-image', declared.length ? 'Not asked for.' : 'zakenak.yaml has no build.');
  const own: Readonly<Record<string, string | undefined>> = {
    environment: inputs.environment,
    'changed-only': String(inputs.build === 'auto'),
    builder: read('builder'),
    'buildkit-address': read('buildkit-address'),
  };
  return build((name) => own[name], settings, context);
}

async function planPart(
  inputs: CheckInputs,
  _read: ReadInput,
  settings: Settings,
  context: RunContext,
): Promise<Report> {
  const reason = whyNoPlan(inputs, settings);
  if (reason) return skip('plan', reason);
  return plan((name) => (name === 'environment' ? inputs.environment : undefined), settings, context);
}

/** Why the plan is not made, undefined where it is. */
function whyNoPlan(inputs: CheckInputs, settings: Settings): string | undefined {
  if (!settings.config) return 'There is no zakenak.yaml to plan from.';
  if (isFork(settings.event)) return 'A fork’s pull request does not reach a cluster.';
  if (!inputs.plan && !inputs.environment) return 'No environment was named to plan against.';
  return undefined;
}
