import { join } from 'node:path';
import type { Finding, Ports } from '@zakenak/core';
import { sbomFailed, scanFailed } from './errors.ts';
import { parseScanReport, type Scanner } from './scan-report.ts';

/** An image in a Docker archive, before it is pushed. */
export interface ScanTarget {
  /** Absolute path of the archive. */
  readonly archive: string;
  /** An empty folder for the report. */
  readonly folder: string;
  /** Where findings are located, relative to the workspace. */
  readonly dockerfile: string;
}

/** Scans an image's packages. Every severity comes back: the caller holds the gate. Throws `tool/missing` without the scanner, `image/scan-failed`. */
export async function scanImage(
  scanner: Scanner,
  target: ScanTarget,
  ignoreUnfixed: boolean,
  ports: Pick<Ports, 'process' | 'files'>,
  signal?: AbortSignal,
): Promise<readonly Finding[]> {
  const report = join(target.folder, `${scanner}.json`);
  const args =
    scanner === 'trivy' ? trivyArgs(target, report, ignoreUnfixed) : grypeArgs(target, report, ignoreUnfixed);
  const env = {
    GRYPE_CHECK_FOR_APP_UPDATE: 'false',
    TRIVY_SKIP_VERSION_CHECK: 'true',
    TRIVY_DISABLE_TELEMETRY: 'true',
  };
  const result = await ports.process.run({ program: scanner, args, env, cwd: ports.files.root }, signal);
  if (result.exitCode !== 0) throw scanFailed(scanner, lastLine(result.stderr));
  if ((await ports.files.stat(report)) === undefined) throw scanFailed(scanner, 'it wrote no report');
  return parseScanReport(scanner, await ports.files.readText(report), target.dockerfile);
}

/** Lists an image's contents as SPDX JSON at an absolute path. Throws `tool/missing` without syft, `image/sbom-failed`. */
export async function writeSbom(
  archive: string,
  path: string,
  ports: Pick<Ports, 'process' | 'files'>,
  signal?: AbortSignal,
): Promise<void> {
  const args = ['scan', `docker-archive:${archive}`, '--quiet', '--output', `spdx-json=${path}`];
  const env = { SYFT_CHECK_FOR_APP_UPDATE: 'false' };
  const result = await ports.process.run({ program: 'syft', args, env, cwd: ports.files.root }, signal);
  if (result.exitCode !== 0) throw sbomFailed(lastLine(result.stderr));
  if ((await ports.files.stat(path)) === undefined) throw sbomFailed('it wrote no file');
}

function trivyArgs(target: ScanTarget, report: string, ignoreUnfixed: boolean): readonly string[] {
  return [
    ...['image', '--quiet', '--scanners', 'vuln', '--format', 'json', '--output', report, '--exit-code', '0'],
    ...(ignoreUnfixed ? ['--ignore-unfixed'] : []),
    ...['--input', target.archive],
  ];
}

function grypeArgs(target: ScanTarget, report: string, ignoreUnfixed: boolean): readonly string[] {
  return [
    ...[`docker-archive:${target.archive}`, '--quiet', '--output', 'json', '--file', report],
    ...(ignoreUnfixed ? ['--only-fixed'] : []),
  ];
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.slice(0, 500) || 'it gave no reason';
}
