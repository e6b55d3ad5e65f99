import type { Clock, Finding, Http, Insights, Severity } from '@zakenak/core';
import { shorten } from '../one-comment.ts';
import { accept, createRest } from '../rest.ts';

/** Limits of Bitbucket's Code Insights: annotations of a report and of a request, and characters of texts, of which none may be empty. */
const maxAnnotations = 1_000;
const atOnce = 100;
const maxSummaryLength = 450;
const maxDetailsLength = 2_000;

/** Which repository, and how Bitbucket is reached. */
export interface BitbucketInsightsOptions {
  readonly workspace: string;
  readonly repo: string;
  /** The proxy of Pipelines; http://localhost:29418 where nothing is said. */
  readonly proxy?: string;
  readonly http: Http;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

/**
 * Bitbucket's Code Insights: a report at the commit, with annotations in the change (developer.atlassian.com, cloud/bitbucket/rest/api-group-reports). Plain
 * HTTP on purpose: the proxy that runs beside every step of Pipelines adds the credential (support.atlassian.com, code-insights), so no token is needed.
 */
export function createBitbucketInsights(options: BitbucketInsightsOptions): Insights {
  const own = `/repositories/${encodeURIComponent(options.workspace)}/${encodeURIComponent(options.repo)}`;
  const { ask, attempt } = createRest({
    ...options,
    forge: 'Bitbucket',
    baseUrl: 'http://api.bitbucket.org/2.0',
    headers: {},
    proxy: options.proxy ?? 'http://localhost:29418',
  });
  return {
    publish: ({ sha, tool, passed, summary, findings, total, url }) =>
      attempt('write the report into Code Insights', async () => {
        const report = `${own}/commit/${sha}/reports/zakenak-${tool}`;
        // A report that is written again keeps the annotations of the last run.
        const old = await ask('DELETE', report);
        if (old.status !== 404) accept(old);
        const body = {
          title: `Zakenak: ${tool}`,
          details: shorten(summary, maxDetailsLength),
          report_type: 'BUG',
          reporter: 'Zakenak',
          result: passed ? 'PASSED' : 'FAILED',
          data: [
            { type: 'NUMBER', title: 'Findings', value: total },
            {
              type: 'NUMBER',
              title: 'Not annotated',
              value: total - Math.min(findings.length, maxAnnotations),
            },
          ],
          ...(url ? { link: url } : {}),
        };
        accept(await ask('PUT', report, body));
        const annotations = findings.slice(0, maxAnnotations).map(toAnnotation);
        for (let from = 0; from < annotations.length; from += atOnce)
          accept(await ask('POST', `${report}/annotations`, annotations.slice(from, from + atOnce)));
      }),
  };
}

const severities: Readonly<Record<Severity, string>> = {
  critical: 'CRITICAL',
  high: 'HIGH',
  medium: 'MEDIUM',
  low: 'LOW',
  info: 'LOW',
};

function toAnnotation({ location, ...finding }: Finding, index: number): object {
  const details = finding.remedy ? `${finding.message}\n${finding.remedy}` : finding.message;
  return {
    // Two places of one finding have the same fingerprint.
    external_id: `zakenak-${index}-${finding.fingerprint}`,
    annotation_type: 'BUG',
    severity: severities[finding.severity],
    summary: shorten(`${finding.ruleId}: ${finding.message.replace(/\s+/g, ' ')}`, maxSummaryLength),
    details: shorten(details, maxDetailsLength),
    ...(location ? { path: location.path } : {}),
    ...(location?.startLine ? { line: location.startLine } : {}),
  };
}
