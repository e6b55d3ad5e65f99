import {
  createFinding,
  createReport,
  type Finding,
  type Report,
  type Section,
  type Verdict,
} from '@zakenak/core';
import type { FailedRelease } from '../apply/release-run.ts';
import { renderEvidence, renderEvidenceText } from '../health/evidence.ts';
import { isNoop, type Plan } from '../plan/plan.ts';
import { planSection, summarizePlan } from '../plan/plan-section.ts';
import type { RollbackResult } from '../rollback/rollback.ts';

const remedies: Readonly<Record<string, string>> = {
  'rollout/not-ready':
    'Look at the events and log lines of the report, mend the chart or its values, and deploy again.',
  'rollout/hook-failed': 'Read the hook’s log lines in the report and mend the hook.',
  'rollout/no-gpu':
    'Stop what holds them, bring a node with enough GPUs (zakenak smoke --level kubernetes shows what the nodes offer), or lower the release’s gpu demand.',
  'rollout/apply-failed': 'Mend what the API server names in the chart.',
  'rollout/forbidden': 'Grant the deploying account the verb and resource that the message names.',
  'rollout/conflict': 'Remove the field from the chart, or make its manager let go of it.',
  'rollout/immutable': 'Rename the object, or have it deleted first.',
  'rollout/delete-failed': 'Look for finalizers on the object: kubectl get -o yaml shows them.',
  'rollout/namespace-ending':
    'Find out who deletes it and wait until it is gone, then deploy again: zakenak deploy makes it anew.',
  'rollout/verification-failed': 'Read the verification’s own findings.',
  'rollout/rollback-incomplete':
    'Mend what is named, then run zakenak rollback: it goes on where it stopped.',
};

/** One finding for each failure. Messages are redacted by their makers or by the writer. */
export function failureFindings(failures: readonly FailedRelease[], what = ''): readonly Finding[] {
  return failures.map(({ release, failure }) =>
    createFinding({
      ruleId: failure.ruleId,
      severity: 'high',
      message: `${what}${release}: ${failure.message}`,
      identity: `${what}${release}`,
      tool: 'zakenak',
      ...(remedies[failure.ruleId] ? { remedy: remedies[failure.ruleId] as string } : {}),
    }),
  );
}

/** How a deploy or rollback ended. */
export interface Outcome {
  readonly tool: string;
  readonly plan: Plan;
  readonly verdict: Verdict;
  readonly summary: string;
  readonly findings?: readonly Finding[];
  readonly failures?: readonly FailedRelease[];
  readonly rollback?: RollbackResult;
  /** Releases that were brought to where the plan wanted them; all, where nothing failed. */
  readonly done?: readonly string[];
  readonly caveats?: readonly string[];
  readonly parts?: readonly Report[];
  readonly timings?: Report['timings'];
  /** Nothing was written: only what the plan says is handed on. */
  readonly planOnly?: true;
}

/** The report of a deploy: plan, findings, evidence, and revisions as they are now. */
export function deployReport(outcome: Outcome): Report {
  const { tool, plan, verdict, rollback, failures = [], done = [] } = outcome;
  const rolledBack = new Map(rollback?.restored.map(({ name, revision }) => [name, revision]));
  const isAllDone = verdict === 'passed' || verdict === 'simulated';
  const revisions = plan.releases.map(({ name, toRevision, fromRevision }): [string, number] => [
    name,
    rolledBack.get(name) ?? (isAllDone || done.includes(name) ? toRevision : fromRevision),
  ]);
  return createReport({
    tool,
    verdict,
    summary: outcome.summary,
    findings: [
      ...(outcome.findings ?? []),
      ...failureFindings(failures),
      ...failureFindings(rollback?.failures ?? [], 'rollback of '),
    ],
    outputs: {
      ...planOutputs(plan),
      ...(outcome.planOnly
        ? {}
        : {
            status: verdict,
            'rolled-back': verdict === 'rolled-back',
            revisions: Object.fromEntries(revisions),
            'previous-revisions': Object.fromEntries(
              plan.releases.map(({ name, fromRevision }) => [name, fromRevision]),
            ),
          }),
    },
    sections: [...evidenceSections(failures), planSection(plan)],
    caveats: outcome.caveats ?? [],
    timings: outcome.timings ?? [],
    parts: outcome.parts ?? [],
  });
}

/** What a plan hands on. */
function planOutputs(plan: Plan): Report['outputs'] {
  return {
    set: plan.set,
    'plan-id': plan.id,
    'has-changes': !isNoop(plan),
    changes: summarizePlan(plan),
    releases: plan.releases.map(({ name, namespace, action, chart, fromRevision, toRevision }) => ({
      name,
      namespace,
      action,
      chart,
      fromRevision,
      toRevision,
    })),
  };
}

function evidenceSections(failures: readonly FailedRelease[]): readonly Section[] {
  return failures.flatMap(({ release, evidence }) =>
    evidence
      ? [
          {
            title: `Evidence: ${release}`,
            markdown: renderEvidence(evidence),
            text: renderEvidenceText(evidence),
          },
        ]
      : [],
  );
}
