import type { Ports, ProcessResult } from '@zakenak/core';
import { scannerFailed } from './errors.ts';
import type { Leak } from './leak.ts';
import type { Scope } from './scope.ts';

/** One pass of gitleaks over commits of a bare repository. */
export interface Pass {
  /** Absolute path of a bare repository that we made ourselves. */
  readonly repository: string;
  /** git log's arguments for the commits to scan. */
  readonly selection: readonly string[];
  /** Absolute paths. */
  readonly config: string;
  readonly ignoreFile: string;
  /** Where gitleaks runs: relative paths of the configuration start here. */
  readonly cwd: string;
  readonly decodeDepth: number;
  /** Megabytes; 0: no limit. */
  readonly maxFileSize: number;
}

/** Bytes. git compares no larger files (its own limit of 512 MiB would cost gigabytes of memory), and gitleaks passes over what git does not compare: see large-files.ts. */
export const largestText = 100 * 1024 * 1024;

/** The user's git settings (external diffs, prefixes, colours) would change what gitleaks reads. */
export const gitEnvironment: Readonly<Record<string, string | undefined>> = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_COUNT: '1',
  GIT_CONFIG_KEY_0: 'core.bigFileThreshold',
  GIT_CONFIG_VALUE_0: String(largestText),
  GIT_CONFIG_PARAMETERS: undefined,
  GIT_DIFF_OPTS: undefined,
  GIT_EXTERNAL_DIFF: undefined,
  GIT_DIR: undefined,
  GIT_WORK_TREE: undefined,
  GIT_NO_REPLACE_OBJECTS: '1',
  LC_ALL: 'C',
};

/**
 * Runs gitleaks and returns its finds and how many commits it scanned. The report with the secrets passes through a pipe and is never on disk. gitleaks 8.30 ends with 0 also when its
 * own git failed, so its log is read too: an error line or a missing count throws.
 */
export async function runGitleaks(
  pass: Pass,
  ports: Pick<Ports, 'process'>,
  signal?: AbortSignal,
): Promise<{ readonly leaks: readonly Leak[]; readonly commits: number }> {
  const range = ['--no-ext-diff', '--no-textconv', ...pass.selection];
  const result = await ports.process.run(
    {
      program: 'gitleaks',
      args: [
        'git',
        pass.repository,
        `--log-opts=${range.join(' ')}`,
        `--config=${pass.config}`,
        `--gitleaks-ignore-path=${pass.ignoreFile}`,
        `--max-decode-depth=${pass.decodeDepth}`,
        ...(pass.maxFileSize > 0 ? [`--max-target-megabytes=${pass.maxFileSize}`] : []),
        '--report-format=json',
        '--report-path=-',
        '--exit-code=0',
        '--no-banner',
        '--no-color',
      ],
      cwd: pass.cwd,
      env: { ...gitEnvironment, GITLEAKS_CONFIG: undefined, GITLEAKS_CONFIG_TOML: undefined },
      maxOutputBytes: 512 * 1024 * 1024,
    },
    signal,
  );
  const commits = assertWholePass(result);
  return { leaks: parseReport(result.stdout), commits };
}

/** git log's arguments for the commits of a mirror. */
export function selectCommits({ bases, only }: Pick<Scope, 'bases' | 'only'>): readonly string[] {
  if (only !== undefined) return ['--no-walk=unsorted', '--all'];
  return ['--full-history', '--all', ...(bases.length > 0 ? ['--not', ...bases] : [])];
}

/** What gitleaks says of its version. */
export async function readVersion(ports: Pick<Ports, 'process'>, signal?: AbortSignal): Promise<string> {
  return (await ports.process.run({ program: 'gitleaks', args: ['version'] }, signal)).stdout.trim();
}

/** How many commits with added text were scanned. Throws unless the log says that everything was read. */
export function assertWholePass(result: ProcessResult): number {
  const lines = result.stderr.split('\n');
  const wrong = lines.filter((line) => /\s(ERR|FTL)\s/.test(line)).map((line) => line.replace(/^\S+\s+/, ''));
  if (result.exitCode !== 0 || wrong.length > 0)
    throw scannerFailed(wrong.slice(0, 3).join(' ') || `it ended with ${result.exitCode}`);
  const count = lines.map((line) => /\s(\d+) commits scanned\./.exec(line)?.[1]).find(Boolean);
  if (count === undefined) throw scannerFailed('it does not say how many commits it scanned');
  return Number(count);
}

/** gitleaks' JSON report. Throws `secrets/scanner-failed` on any other shape. */
export function parseReport(text: string): readonly Leak[] {
  let entries: unknown;
  try {
    entries = JSON.parse(text);
  } catch {
    // The parser's message quotes the text, which holds secrets.
    throw scannerFailed('its report is not JSON');
  }
  if (!Array.isArray(entries)) throw scannerFailed('its report is not a list');
  return entries.map(parseEntry);
}

function parseEntry(entry: unknown): Leak {
  const fields = (typeof entry === 'object' && entry !== null ? entry : {}) as Record<string, unknown>;
  const { RuleID, Description, File, StartLine, EndLine, Commit, Secret, Match } = fields;
  if (typeof RuleID !== 'string' || typeof File !== 'string' || typeof Commit !== 'string')
    throw scannerFailed('an entry of its report lacks rule, file or commit');
  const start = typeof StartLine === 'number' && StartLine > 0 ? StartLine : 1;
  return {
    rule: RuleID,
    description: typeof Description === 'string' ? Description : '',
    path: File,
    startLine: start,
    endLine: typeof EndLine === 'number' && EndLine >= start ? EndLine : start,
    commit: Commit,
    secret: String(Secret || Match || ''),
  };
}
