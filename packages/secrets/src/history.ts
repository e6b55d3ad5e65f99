import type { Ports } from '@zakenak/core';
import { type Change, readablePaths } from './changes.ts';
import { scannerFailed } from './errors.ts';
import { readVersion, runGitleaks, selectCommits } from './gitleaks.ts';
import { hasLargeFiles, readApart } from './large-files.ts';
import type { Leak } from './leak.ts';
import { addParts, type Mirror, makeMirror, type StandIn } from './mirror.ts';
import { type Patches, readPatches, selectOnly } from './mirror-patches.ts';
import type { Policy } from './policy.ts';
import { createPrefilter } from './prefilter.ts';
import type { ScanSecretsRequest } from './request.ts';
import { readRules } from './rules.ts';
import type { Scope } from './scope.ts';

/** From so many commits on, reading the rules and every patch ourselves costs less than it saves. */
const manyCommits = 1_000;

/** The commits of a scope, read once and ready to be scanned. */
export interface History {
  readonly mirror: Mirror;
  /** git log's arguments for all of them. */
  readonly whole: readonly string[];
  /** What leaves unreadable paths out of them. */
  readonly paths: readonly string[];
  readonly patches: Patches;
}

/** What a pass over a history works with. */
export interface HistoryRequest {
  readonly scope: Scope;
  readonly policy: Policy;
  readonly request: ScanSecretsRequest;
  /** Absolute path of a temporary folder. */
  readonly folder: string;
}

type HistoryPorts = Pick<Ports, 'process' | 'files' | 'git' | 'log'>;

/** Reads what the commits of a scope change. Undefined: there are none. Throws `secrets/scanner-failed`. */
export async function readHistory(
  { scope, policy, folder }: HistoryRequest,
  ports: HistoryPorts,
  signal: AbortSignal | undefined,
): Promise<History | undefined> {
  const heads = scope.only ?? scope.heads;
  if (heads.length === 0 && scope.trees.size === 0) return undefined;
  const isLong = (scope.only ?? scope.all).length >= manyCommits;
  const [mirror, prefilter] = await Promise.all([
    makeMirror(folder, { heads, trees: scope.trees, files: scope.mergedFiles }, ports),
    isLong ? readPrefilter(policy, ports, signal) : undefined,
  ]);
  const whole = selectCommits(scope);
  const read = (paths: readonly string[]) =>
    readPatches(mirror.path, [...whole, ...paths], prefilter, ports, signal);
  const all = await read([]);
  const changes = all.changes.map((change) => ({
    ...change,
    commit: mirror.standIns.get(change.commit)?.commit ?? change.commit,
  }));
  if (!all.hasUnreadable) return { mirror, whole, paths: [], patches: { ...all, changes } };
  // A file that was renamed from an unreadable path is a new one to git without that.
  const patches = { ...(await read(readablePaths)), changes };
  return { mirror, whole, paths: readablePaths, patches };
}

/**
 * What gitleaks finds in a history: in one pass, or, of a long one, in a pass over the commits in which it may find something at all; and the files of which not all could be scanned.
 * Throws `secrets/scanner-failed` also where gitleaks did not say that it scanned every commit.
 */
export async function scanHistory(
  { mirror, whole, paths, patches }: History,
  sizes: ReadonlyMap<string, number>,
  { policy, request, folder }: HistoryRequest,
  ports: HistoryPorts,
  signal: AbortSignal | undefined,
): Promise<{ readonly leaks: readonly Leak[]; readonly unscanned: readonly Change[] }> {
  const wanted = patches.changes.filter((change) => !isSkipped(change, sizes, request));
  const prefilter = hasLargeFiles(wanted, sizes) ? await readPrefilter(policy, ports, signal) : undefined;
  const { parts, unscanned } = await readApart(wanted, sizes, prefilter, ports.git);
  const pieces = await addParts(mirror, parts, ports.git);
  const { commits, candidates } = patches;
  // One at least, so that gitleaks judges its configuration.
  const chosen = candidates.length > 0 ? candidates : commits.slice(0, 1);
  const selection =
    chosen.length < commits.length
      ? await selectOnly(mirror.path, [...chosen, ...pieces.keys()], ports)
      : whole;
  const found = await runGitleaks(
    {
      repository: mirror.path,
      selection: [...selection, ...paths],
      config: policy.config,
      ignoreFile: policy.ignoreFile,
      cwd: folder,
      decodeDepth: request['decode-depth'],
      maxFileSize: request['max-file-size'],
    },
    ports,
    signal,
  );
  // gitleaks ends without a word at a patch that it cannot read.
  const expected = chosen.length + pieces.size;
  if (found.commits !== expected)
    throw scannerFailed(`it scanned ${found.commits} of ${expected} commits with text`);
  const standIns = new Map([...mirror.standIns, ...pieces]);
  return { leaks: found.leaks.map((leak) => nameOrigin(leak, standIns)), unscanned };
}

/** Larger than the request wants: gitleaks counts whole megabytes, and skips what has more of them. */
export function isSkipped(
  { blob }: Change,
  sizes: ReadonlyMap<string, number>,
  { 'max-file-size': megabytes }: ScanSecretsRequest,
): boolean {
  return megabytes > 0 && Math.floor((sizes.get(blob) ?? 0) / 1_000_000) > megabytes;
}

/** A leak of a commit made for the scan is one of the commit that it stands for. */
function nameOrigin(leak: Leak, standIns: ReadonlyMap<string, StandIn>): Leak {
  const standIn = standIns.get(leak.commit);
  if (!standIn) return leak;
  const { commit, path = leak.path, linesBefore } = standIn;
  const [startLine, endLine] = [leak.startLine + linesBefore, leak.endLine + linesBefore];
  return { ...leak, commit, path, startLine, endLine };
}

async function readPrefilter(
  { configurations }: Policy,
  ports: Pick<Ports, 'process' | 'files'>,
  signal: AbortSignal | undefined,
) {
  if (configurations === undefined) return undefined;
  const rules = await readRules(configurations, await readVersion(ports, signal), ports, signal);
  return rules && createPrefilter(rules);
}
