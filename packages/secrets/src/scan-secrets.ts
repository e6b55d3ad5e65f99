import { matchesGlob } from 'node:path';
import { assertLightGlob, firstFew, type Ports, type Report, tellPolicyEdits } from '@zakenak/core';
import { type Baseline, findKnown, renderBaseline } from './baseline.ts';
import type { Change } from './changes.ts';
import { type CleanCommits, openCleanCommits, withoutClean } from './clean-commits.ts';
import { redactRefused } from './errors.ts';
import { readVersion } from './gitleaks.ts';
import { isSkipped, readHistory, scanHistory } from './history.ts';
import { createIdentifier, type Identifier, repositorySalt } from './identity.ts';
import { findKubernetesLeaks } from './kubernetes.ts';
import type { Leak } from './leak.ts';
import { keepOwnOfMerges } from './merges.ts';
import { findPlaces } from './place.ts';
import { type Policy, readPolicy } from './policy.ts';
import { type JudgedLeak, reportLeaks } from './report.ts';
import type { ScanSecretsRequest } from './request.ts';
import { readScope, type Scope } from './scope.ts';

/** Raised with every change of our own rules, or of what is given to gitleaks: remembered commits are then scanned anew. */
const rulesVersion = 3;

/** What scan-secrets reaches the world through. */
export type ScanSecretsPorts = Pick<Ports, 'process' | 'files' | 'git' | 'log' | 'progress' | 'redactor'>;

/**
 * Scans the commits of the request for credentials. Finds are findings `secret/<gitleaks rule>`; every secret found is given to the redactor before anything
 * else happens with it. Throws `secrets/redact-refused`, `input/heavy-glob`, `git/shallow-clone`, `secrets/scanner-failed`, `secrets/config-not-found`, `secrets/bad-baseline`,
 * and `tool/missing` without gitleaks: what was not scanned never passes.
 */
export async function scanSecrets(
  request: ScanSecretsRequest,
  ports: ScanSecretsPorts,
  signal?: AbortSignal,
): Promise<Report> {
  request.exclude.forEach(assertLightGlob);
  if (request.redact !== 100) throw redactRefused(request.redact);
  const scope = await readScope(request, ports.git);
  ports.progress.emit({ stage: 'scan', subject: 'secrets', state: 'started', message: scope.reason });
  await using folder = await ports.files.temporaryFolder('zakenak-secrets-');
  const policy = await readPolicy(request, folder.path, ports);
  const { leaks, unscanned, caveats } = await findLeaks(scope, policy, request, folder.path, ports, signal);
  const salt = policy.baseline?.salt ?? (leaks.length > 0 ? await repositorySalt(scope.head, ports.git) : '');
  const identifier = createIdentifier(salt);
  let judged = await judgeLeaks(leaks, identifier, policy.baseline, scope, ports);
  if (request['update-baseline']) {
    const baseline = extendBaseline(policy.baseline, salt, judged);
    if (leaks.length > 0)
      await ports.files.write(await ports.files.resolve(request.baseline), renderBaseline(baseline));
    judged = await judgeLeaks(leaks, identifier, baseline, scope, ports);
  }
  const edits = await noteIgnoredChanges(request, scope, ports);
  const report = reportLeaks(judged, unscanned, scope, request, [...edits, ...caveats]);
  ports.progress.emit({ stage: 'scan', subject: 'secrets', state: 'done', message: report.summary });
  return report;
}

/** What was found, and what was not looked at whole. */
interface Found {
  readonly leaks: readonly Leak[];
  readonly unscanned: readonly Change[];
  readonly caveats: readonly string[];
}

async function findLeaks(
  whole: Scope,
  policy: Policy,
  request: ScanSecretsRequest,
  folder: string,
  ports: ScanSecretsPorts,
  signal: AbortSignal | undefined,
): Promise<Found> {
  const version = await readVersion(ports, signal);
  const clean = await openRecord(version, policy, request, ports);
  const scope = withoutClean(whole, clean.ids);
  const passRequest = { scope, policy, request, version, folder };
  const history = await readHistory(passRequest, ports, signal);
  const { changes = [], sizes = new Map() } = history ?? {};
  const isReported = ({ path }: { readonly path: string }) =>
    !request.exclude.some((glob) => matchesGlob(path, glob));
  const skipped = changes.filter((change) => isSkipped(change, sizes, request) && isReported(change));
  const [real, kubernetes] = await Promise.all([
    history ? scanHistory(history, passRequest, ports, signal) : { leaks: [], unscanned: [] },
    request['kubernetes-rules']
      ? findKubernetesLeaks(changes, sizes, ports.git)
      : { leaks: [], tooLarge: [] },
  ]);
  for (const { secret } of [...real.leaks, ...kubernetes.leaks]) {
    ports.redactor.add(secret);
    // A key of many lines is masked line by line as well: a log holds them so.
    for (const line of secret.split('\n')) if (line.length >= 16) ports.redactor.add(line);
  }
  const isCounted = ({ commit, path, rule, startLine }: Leak) =>
    !policy.ignored.has(`${commit}:${path}:${rule}:${startLine}`) &&
    !policy.ignored.has(`${path}:${rule}:${startLine}`);
  const named = real.leaks.filter(isCounted);
  const counted = [...named, ...withoutKnownPlaces(kubernetes.leaks.filter(isCounted), named)];
  // What was not looked at whole is told in every run.
  const dirty = new Set(
    [counted, kubernetes.tooLarge, real.unscanned, skipped].flat().map(({ commit }) => commit),
  );
  await clean.add((scope.only ?? scope.all).filter((commit) => !dirty.has(commit)));
  const own = await keepOwnOfMerges(counted, new Set(scope.mergedFiles.keys()), ports.git);
  const leaks = own.filter(isReported);
  const caveats = [
    ...nameFiles(kubernetes.tooLarge, 'larger than 1 MiB: gitleaks’ rules alone were applied to'),
    ...nameFiles(
      skipped,
      `larger than max-file-size (${request['max-file-size']} MB) and not scanned whole:`,
    ),
  ];
  return { leaks, unscanned: real.unscanned.filter(isReported), caveats };
}

/** What a commit's finds follow from, and which commits had none. */
async function openRecord(
  version: string,
  policy: Policy,
  request: ScanSecretsRequest,
  ports: ScanSecretsPorts,
): Promise<CleanCommits> {
  if (request.cacheFolder === undefined || policy.texts === undefined || request.scope === 'tree')
    return openCleanCommits(undefined, [], ports);
  const inputs = (['decode-depth', 'max-file-size', 'kubernetes-rules'] as const).map(
    (name) => request[name],
  );
  return openCleanCommits(
    request.cacheFolder,
    [`${rulesVersion} ${request.version}`, version, JSON.stringify(inputs), ...policy.texts],
    ports,
  );
}

/** What gitleaks has found already needs no second finding; its lines of a block begin a line earlier than ours. */
function withoutKnownPlaces(leaks: readonly Leak[], known: readonly Leak[]): readonly Leak[] {
  const file = ({ commit, path }: Leak) => `${commit}:${path}`;
  const byFile = Map.groupBy(known, file);
  return leaks.filter(
    (leak) =>
      !byFile
        .get(file(leak))
        ?.some(({ startLine, endLine }) => leak.startLine >= startLine - 1 && leak.startLine <= endLine + 1),
  );
}

/** One sentence that names the first files. */
function nameFiles(changes: readonly Change[], what: string): readonly string[] {
  const paths = [...new Set(changes.map(({ path }) => path))].sort();
  if (paths.length === 0) return [];
  return [`${paths.length === 1 ? 'A file is' : 'Files are'} ${what} ${firstFew(paths, 5)}.`];
}

/** One judgement per rule, secret and file, at the place nearest to today. */
async function judgeLeaks(
  leaks: readonly Leak[],
  identifier: Identifier,
  baseline: Baseline | undefined,
  scope: Scope,
  ports: ScanSecretsPorts,
): Promise<readonly JudgedLeak[]> {
  const places = await findPlaces(leaks, scope.head, ports.git);
  const judged = new Map<string, JudgedLeak>();
  const hashes = await Promise.all(leaks.map(({ rule, secret }) => identifier.identify(rule, secret)));
  for (const [index, leak] of leaks.entries()) {
    const hash = hashes[index] ?? '';
    const place = places.get(leak) ?? { line: leak.startLine, inHead: false };
    const key = JSON.stringify([leak.rule, hash, leak.path]);
    // gitleaks' order varies from run to run; the commit id decides, so that the report does not.
    const former = judged.get(key);
    if (former && former.leak.commit <= leak.commit) continue;
    judged.set(key, { leak, hash, place, known: findKnown(baseline, leak.rule, hash) });
  }
  return [...judged.values()];
}

function extendBaseline(
  baseline: Baseline | undefined,
  salt: string,
  judged: readonly JudgedLeak[],
): Baseline {
  const added = judged
    .filter(({ known }) => known === undefined)
    .map(({ leak, hash }) => ({ rule: leak.rule, hash, path: leak.path, reason: 'not reviewed yet' }));
  return { version: 1, salt, known: [...(baseline?.known ?? []), ...added] };
}

/** A change may edit what it is judged by; it counts only once it is merged, and the reader is told. */
async function noteIgnoredChanges(
  request: ScanSecretsRequest,
  scope: Scope,
  { git }: ScanSecretsPorts,
): Promise<readonly string[]> {
  if (request.policyRevision === undefined || scope.heads.length !== 1) return [];
  const range = { bases: [request.policyRevision], head: scope.head, reason: scope.reason };
  const watched = [request['gitleaks-config'], '.gitleaksignore', request.baseline];
  return tellPolicyEdits(watched, await git.changedFiles(range));
}
