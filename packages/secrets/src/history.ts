import type { Ports } from '@zakenak/core';
import { readPatches, selectOnly } from './candidates.ts';
import { type Change, readablePaths } from './changes.ts';
import { scannerFailed } from './errors.ts';
import { readVersion, runGitleaks, selectCommits } from './gitleaks.ts';
import { hasLargeFiles, readApart } from './large-files.ts';
import type { Leak } from './leak.ts';
import { makeMirror, type StandIn } from './mirror.ts';
import type { Policy } from './policy.ts';
import { createPrefilter, type Prefilter } from './prefilter.ts';
import type { ScanSecretsRequest } from './request.ts';
import { readRules } from './rules.ts';
import type { Scope } from './scope.ts';

/** From so many commits on, reading the rules and every patch ourselves costs less than it saves. */
const manyCommits = 1_000;

/**
 * What gitleaks finds in the commits of a scope: in one pass, or, of a long history, in a pass over the commits in which it may find something at all; and the files of which not all
 * could be scanned. Throws `secrets/scanner-failed` also where gitleaks did not say that it scanned every commit.
 */
export async function scanHistory(
  { scope, commits, changes, hasUnreadable, sizes, policy, request, folder }: HistoryRequest,
  ports: Pick<Ports, 'process' | 'files' | 'git' | 'log'>,
  signal: AbortSignal | undefined,
): Promise<{ readonly leaks: readonly Leak[]; readonly unscanned: readonly Change[] }> {
  if (scope.only?.length === 0) return { leaks: [], unscanned: [] };
  const isLong = commits >= manyCommits;
  const prefilter =
    isLong || hasLargeFiles(changes, sizes) ? await readPrefilter(policy, ports, signal) : undefined;
  const { parts, unscanned } = await readApart(changes, sizes, prefilter, ports.git);
  const content = { heads: scope.only ?? scope.heads, trees: scope.trees, files: scope.mergedFiles, parts };
  const mirror = await makeMirror(folder, content, ports);
  const paths = hasUnreadable ? readablePaths : [];
  const whole = selectCommits(scope);
  const scan = (selection: readonly string[]) =>
    runGitleaks(
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
  const read = (filter: Prefilter | undefined) =>
    readPatches(mirror.path, [...whole, ...paths], filter, ports, signal);
  const few = isLong && prefilter ? await read(prefilter) : undefined;
  // One at least, so that gitleaks judges its configuration.
  const chosen = few && (few.candidates.length > 0 ? few.candidates : few.commits.slice(0, 1));
  const [found, expected] = chosen
    ? [await scan(await selectOnly(mirror.path, chosen, ports)), chosen.length]
    : await Promise.all([scan(whole), read(undefined).then((all) => all?.commits.length)]);
  if (expected === undefined) throw scannerFailed('git’s patches have a form that is not known');
  // gitleaks ends without a word at a patch that it cannot read.
  if (found.commits !== expected)
    throw scannerFailed(`it scanned ${found.commits} of ${expected} commits with text`);
  return { leaks: found.leaks.map((leak) => nameOrigin(leak, mirror.standIns)), unscanned };
}

/** A leak of a commit made for the scan is one of the commit that it stands for. */
function nameOrigin(leak: Leak, standIns: ReadonlyMap<string, StandIn>): Leak {
  const standIn = standIns.get(leak.commit);
  if (!standIn) return leak;
  const { commit, path = leak.path, linesBefore } = standIn;
  return {
    ...leak,
    commit,
    path,
    startLine: leak.startLine + linesBefore,
    endLine: leak.endLine + linesBefore,
  };
}

/** What a pass over a history works with. */
export interface HistoryRequest {
  readonly scope: Scope;
  /** Commits of the scope that are to be scanned. */
  readonly commits: number;
  /** What they write, and the sizes of its blobs. */
  readonly changes: readonly Change[];
  readonly sizes: ReadonlyMap<string, number>;
  readonly hasUnreadable: boolean;
  readonly policy: Policy;
  readonly request: ScanSecretsRequest;
  /** Absolute path of a temporary folder. */
  readonly folder: string;
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
