import type { Ports } from '@zakenak/core';
import { type Apart, holdsLargeBlob, selectApart } from './apart.ts';
import { readSizes } from './blobs.ts';
import type { Change } from './changes.ts';
import { scannerFailed } from './errors.ts';
import { runGitleaks, selectCommits } from './gitleaks.ts';
import { isYaml } from './kubernetes.ts';
import { readApart, readTextsInUtf16 } from './large-files.ts';
import type { Leak } from './leak.ts';
import { addParts, type Mirror, makeMirror, partsOnly, type StandIn } from './mirror.ts';
import { type Patches, readPatches, readRaw, selectOnly } from './mirror-patches.ts';
import type { Policy } from './policy.ts';
import { createPrefilter } from './prefilter.ts';
import type { ScanSecretsRequest } from './request.ts';
import { isFollowed, readRules } from './rules.ts';
import type { Scope } from './scope.ts';

/** From so many commits on, reading the rules and every patch ourselves costs less than it saves. */
const manyCommits = 1_000;

/** The commits of a scope, read and ready to be scanned. */
export interface History {
  readonly mirror: Mirror;
  /** git log's arguments for all of them. */
  readonly whole: readonly string[];
  readonly apart: Apart;
  /** Without what is read apart. */
  readonly patches: Patches;
  /** Every file that a commit writes, and the sizes of its blobs. */
  readonly changes: readonly Change[];
  readonly sizes: ReadonlyMap<string, number>;
}

/** What a pass over a history works with. */
export interface HistoryRequest {
  readonly scope: Scope;
  readonly policy: Policy;
  readonly request: ScanSecretsRequest;
  /** What gitleaks says of its version. */
  readonly version: string;
  /** Absolute path of a temporary folder. */
  readonly folder: string;
}

type HistoryPorts = Pick<Ports, 'process' | 'files' | 'git' | 'log'>;

/** Reads what the commits of a scope change. Undefined: there are none. Throws `secrets/scanner-failed`. */
export async function readHistory(
  { scope, policy, request, version, folder }: HistoryRequest,
  ports: HistoryPorts,
  signal: AbortSignal | undefined,
): Promise<History | undefined> {
  const heads = scope.only ?? scope.heads;
  if (heads.length === 0 && scope.trees.size === 0) return undefined;
  const isLong = (scope.only ?? scope.all).length >= manyCommits;
  const [mirror, prefilter, readsNames] = await Promise.all([
    makeMirror(folder, { heads, trees: scope.trees, files: scope.mergedFiles }, ports),
    isLong ? readPrefilter(policy, version, ports, signal) : undefined,
    // git reads a new file whole into memory, however large it is: its path has to be known before its patch is asked for.
    !isLong || holdsLargeBlob(ports.git),
  ]);
  const whole = selectCommits(scope);
  const read = (pathspec: readonly string[]) =>
    readPatches(mirror.path, [...whole, ...pathspec], prefilter, ports, signal);
  const first = readsNames ? await readRaw(mirror.path, whole, ports, signal) : await read([]);
  // Where no blob is large, few sizes are asked for later on.
  const isAsked = ({ blob, path }: Change) =>
    readsNames || request['max-file-size'] > 0 || isYaml(path) || first.binaries.has(blob);
  const ids = new Set(readsNames ? first.removals.map(({ blob }) => blob) : []);
  for (const change of first.changes)
    if (isAsked(change)) ids.add(change.blob).add(change.former ?? change.blob);
  const sizes = await readSizes(ids, ports.git);
  const apart = selectApart(first, sizes);
  // A file that was renamed from a path that is left out is a new one to git.
  const patches = readsNames || apart.pathspec.length > 0 ? await read(apart.pathspec) : first;
  const changes = first.changes.map((change) => ({
    ...change,
    commit: mirror.standIns.get(change.commit)?.commit ?? change.commit,
  }));
  return { mirror, whole, apart, patches, changes, sizes };
}

/**
 * What gitleaks finds in a history: in one pass, or, of a long one, in a pass over the commits in which it may find something at all; and the files of which not all could be scanned.
 * Throws `secrets/scanner-failed` also where gitleaks did not say that it scanned every commit.
 */
export async function scanHistory(
  { mirror, whole, apart, patches, changes, sizes }: History,
  { policy, request, version, folder }: HistoryRequest,
  ports: HistoryPorts,
  signal: AbortSignal | undefined,
): Promise<{ readonly leaks: readonly Leak[]; readonly unscanned: readonly Change[] }> {
  const scan = async (selection: readonly string[], expected: number) => {
    const { config, ignoreFile } = policy;
    const found = await runGitleaks(
      {
        ...{ repository: mirror.path, selection, config, ignoreFile, cwd: folder },
        decodeDepth: request['decode-depth'],
        maxFileSize: request['max-file-size'],
      },
      ports,
      signal,
    );
    // gitleaks ends without a word at a patch that it cannot read. Older versions count other commits too, and not all of these.
    if (isFollowed(version) ? found.commits !== expected : found.commits === 0 && expected > 0)
      throw scannerFailed(`it scanned ${found.commits} of ${expected} commits with text`);
    return found.leaks;
  };
  const { commits, candidates } = patches;
  // One at least, so that gitleaks judges its configuration.
  const chosen = candidates.length > 0 ? candidates : commits.slice(0, 1);
  const selection = chosen.length < commits.length ? await selectOnly(mirror.path, chosen, ports) : whole;
  const leaks = await scan([...selection, ...apart.pathspec], chosen.length);
  const alone = changes.filter((change) => apart.includes(change.name) && !isSkipped(change, sizes, request));
  const prefilter = alone.length > 0 ? await readPrefilter(policy, version, ports, signal) : undefined;
  const binary = changes.filter(({ name, blob }) => !apart.includes(name) && patches.binaries.has(blob));
  const read = [
    await readApart(alone, sizes, prefilter, ports.git),
    await readTextsInUtf16(binary, sizes, ports.git),
  ];
  const parts = read.flatMap((one) => one.parts);
  const pieces = await addParts(mirror, parts, ports.git);
  const more = pieces.size > 0 ? await scan(partsOnly, pieces.size) : [];
  const standIns = new Map([...mirror.standIns, ...pieces]);
  const unscanned = read.flatMap((one) => one.unscanned);
  return { leaks: [...leaks, ...more].map((leak) => nameOrigin(leak, standIns)), unscanned };
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
  version: string,
  ports: Pick<Ports, 'process' | 'files'>,
  signal: AbortSignal | undefined,
) {
  if (configurations === undefined) return undefined;
  const rules = await readRules(configurations, version, ports, signal);
  return rules && createPrefilter(rules);
}
