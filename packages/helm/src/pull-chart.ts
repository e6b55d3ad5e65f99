import type { Ports } from '@zakenak/core';
import { badChart, notFetched } from './errors.ts';

/** Where a chart is: an oci:// reference, or its name in the repository `repo`; `version` may be a range. */
export interface RemoteChart {
  readonly chart: string;
  readonly version?: string;
  readonly repo?: string;
}

/** Brings a packed chart into an empty folder. Returns the archive's absolute path. Throws ZakenakError `helm/bad-chart`, `helm/not-fetched`, `helm/unreachable`, `helm/unauthorized`. */
export type PullChart = (source: RemoteChart, folder: string) => Promise<string>;

// A registry on this machine has no certificate, as Docker assumes too.
const loopback = /^oci:\/\/(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?\//;

const MiB = 1024 * 1024;
/** Helm holds what it downloads in memory. */
const limits = { timeoutMs: 300_000, maxMemoryBytes: 1024 * MiB };
/** What an archive may hold when it is unpacked: a larger one holds more. */
const mostArchive = 64 * MiB;

/** Pulls by `helm pull`, with the credentials that helm and Docker have. `helm`: a name of the toolchain's manifest, or an absolute path. */
export function createPull(
  ports: Pick<Ports, 'files' | 'process'>,
  { helm = 'helm', signal }: { readonly helm?: string; readonly signal?: AbortSignal | undefined } = {},
): PullChart {
  return async ({ chart, version, repo }, folder) => {
    const name = repo ? `${chart} of ${repo}` : chart;
    // helm would take it for a flag.
    if ([chart, version, repo].some((part) => part?.startsWith('-')))
      throw badChart(name, 'no part of it may begin with a dash.');
    const args = ['pull', chart, '--destination', folder];
    if (version) args.push('--version', version);
    if (repo) args.push('--repo', repo);
    if (loopback.test(chart)) args.push('--plain-http');
    const result = await ports.process.run({ program: helm, args, ...limits }, signal);
    if (result.exitCode !== 0) throw notFetched(name, result.stderr.trim().slice(0, 2_000));
    const [archive] = await ports.files.glob(['*.tgz'], { cwd: folder });
    if (!archive) throw badChart(name, 'helm pull left no archive.');
    const path = `${folder}/${archive}`;
    const size = (await ports.files.stat(path))?.size ?? 0;
    if (size > mostArchive) throw badChart(name, `its archive has ${Math.ceil(size / MiB)} MiB.`);
    return path;
  };
}
