import { createFinding, createReport, type Finding, type Report } from '@zakenak/core';
import type { KnownSecret } from './baseline.ts';
import type { Change } from './changes.ts';
import { largestText } from './gitleaks.ts';
import type { Leak } from './leak.ts';
import type { Place } from './place.ts';
import type { ScanSecretsRequest } from './request.ts';
import type { Scope } from './scope.ts';

/** A leak that has been judged; still holds the secret. */
export interface JudgedLeak {
  readonly leak: Leak;
  readonly hash: string;
  readonly known: KnownSecret | undefined;
  readonly place: Place;
}

/** The report: no secret in it, nor gitleaks' match. */
export function reportLeaks(
  leaks: readonly JudgedLeak[],
  unscanned: readonly Change[],
  scope: Scope,
  request: ScanSecretsRequest,
  caveats: readonly string[],
): Report {
  const failOn = request['fail-on'];
  const fresh = leaks.filter(({ known }) => known === undefined).length;
  const failed = failOn !== 'none' && (failOn === 'any' ? leaks.length : fresh) + unscanned.length > 0;
  const verdict = scope.commits === 0 ? 'skipped' : failed ? 'failed' : 'passed';
  const scanned = `${scope.commits} commit${scope.commits === 1 ? '' : 's'} scanned`;
  const left =
    unscanned.length === 0
      ? ''
      : `, ${unscanned.length} file${unscanned.length === 1 ? '' : 's'} not scanned whole`;
  return createReport({
    tool: 'scan-secrets',
    findings: [
      ...leaks.map((leak) => describe(leak, failOn === 'any')),
      ...unscanned.map((change) => describeUnscanned(change, scope)),
    ],
    verdict,
    summary: `${fresh === 0 ? 'No new secrets' : `${fresh} new secret${fresh === 1 ? '' : 's'}`}${left}; ${scanned} (${scope.reason}).`,
    outputs: {
      'leaks-count': leaks.length,
      'new-count': fresh,
      'commits-scanned': scope.commits,
      range: scope.reason,
      head: scope.head,
      result: verdict,
    },
    caveats,
  });
}

function describe({ leak, hash, known, place }: JudgedLeak, failsAnyway: boolean): Finding {
  const what = leak.description.replace(/\.$/, '') || `A secret of the kind ${leak.rule}`;
  const where = place.inHead ? '' : ', gone from the head but still in the history';
  const excuse = known ? ` In the baseline: ${known.reason}.` : '';
  return createFinding({
    ruleId: `secret/${leak.rule}`,
    severity: known && !failsAnyway ? 'info' : 'high',
    message: `${what} (commit ${leak.commit.slice(0, 12)}${where}).${excuse}`,
    location: {
      path: leak.path,
      startLine: place.line,
      ...(place.inHead ? {} : { commit: leak.commit }),
    },
    remedy:
      'Revoke the secret where it was issued, then take it out; a false alarm gets the comment gitleaks:allow or an entry in the baseline.',
    tool: leak.tool ?? 'gitleaks',
    identity: hash,
  });
}

function describeUnscanned({ commit, path, blob }: Change, { head }: Scope): Finding {
  return createFinding({
    ruleId: 'secret/file-not-scanned',
    severity: 'high',
    message: `The file could not be scanned whole (text of more than ${largestText / 1024 / 1024} MiB, commit ${commit.slice(0, 12)}).`,
    location: { path, ...(commit === head ? {} : { commit }) },
    remedy:
      'Keep it out of Git (Git LFS, an object store), or name it with --exclude once its content is known.',
    tool: 'zakenak',
    identity: blob,
  });
}
