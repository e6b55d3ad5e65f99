import {
  allFindings,
  asZakenakError,
  type CiEvent,
  exitCodeOf,
  type Forge,
  type Report,
  renderMarkdown,
} from '@zakenak/core';
import type { Publication } from './publish.ts';

/** GitHub's limit less room for the marker: one body for every forge that takes it. */
const maxBodyLength = 65_000;

/**
 * Writes the report's annotations, comment and status where the host and the forge take them. The verdict is known and shown by now: what cannot be written
 * is a warning and replaces nothing, and each is tried whatever became of the others.
 */
export async function publishToForge(
  report: Report,
  to: Publication,
  clean: (text: string) => string,
): Promise<void> {
  const attempt = async <T>(body: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await body();
    } catch (thrown) {
      const { message, remedy } = asZakenakError(thrown);
      to.log.warn(`The report did not reach the forge: ${message} ${remedy}`);
      return undefined;
    }
  };
  if (!to.insights && !to.comment && !to.status) return;
  const event = await attempt(() => to.host.readEvent());
  if (!event) return;
  await attempt(() => writeInsights(report, event, to));
  if (!to.comment && !to.status) return;
  const forge = await attempt(async () => (await to.forge()) ?? 'none');
  if (forge === 'none') to.log.warn(`${whyNoForge(to.host.name)}: comment and status were left out.`);
  if (forge === undefined || forge === 'none') return;
  if (to.comment) await attempt(() => writeComment(report, event, { to, forge, clean }));
  if (to.status) await attempt(() => writeStatus(report, event, { to, forge, clean }));
}

function whyNoForge(host: Publication['host']['name']): string {
  if (host === 'local') return 'This is no forge’s job';
  // A pipeline of Azure's may build a repository of GitHub's.
  return host === 'azure'
    ? 'No token for the forge was given, or the repository is none of Azure Repos'
    : 'No token for the forge was given';
}

async function writeInsights(report: Report, event: CiEvent, to: Publication): Promise<void> {
  if (!to.insights || !event.headSha) return;
  const findings = allFindings(report);
  await to.insights.publish({
    sha: event.headSha,
    tool: report.tool,
    passed: exitCodeOf(report) === 0,
    summary: report.summary,
    findings: findings.slice(0, to.annotationsMax),
    total: findings.length,
    ...(to.host.runUrl ? { url: to.host.runUrl } : {}),
  });
}

interface Writing {
  readonly to: Publication;
  readonly forge: Forge;
  readonly clean: (text: string) => string;
}

async function writeComment(report: Report, event: CiEvent, { to, forge, clean }: Writing): Promise<void> {
  if (!event.pullRequest) return;
  const maxLength = Math.min(maxBodyLength, forge.maxCommentLength);
  const url = await forge.upsertComment({
    pullRequest: event.pullRequest.number,
    marker: `zakenak:${report.tool}`,
    body: clean(renderMarkdown(report, { maxLength })),
    resolved: exitCodeOf(report) === 0,
  });
  to.log.info(`Report: ${url}`);
}

async function writeStatus(report: Report, event: CiEvent, { to, forge, clean }: Writing): Promise<void> {
  if (!event.headSha) return;
  const state = exitCodeOf(report) === 0 ? 'success' : report.verdict === 'errored' ? 'error' : 'failure';
  await forge.setStatus({
    sha: event.headSha,
    context: 'zakenak',
    state,
    description: clean(report.summary),
    ...(event.pullRequest ? { pullRequest: event.pullRequest.number } : {}),
    ...(to.host.runUrl ? { url: to.host.runUrl } : {}),
  });
}
