import { join } from 'node:path';
import type { Finding, Ports } from '@zakenak/core';
import { type Builder, type BuildFailure, type BuildJob, isFailure } from './builder.ts';
import type { BuildImageRequest } from './request.ts';
import { scanImage, writeSbom } from './scan.ts';
import { confine } from './workspace.ts';

/** What was seen in the image before it was pushed. */
export interface Inspection {
  readonly findings: readonly Finding[];
  /** Digest of the configuration of each image that was looked at. */
  readonly configDigests: readonly string[];
}

/** Builds every platform into an archive, scans it and lists its contents, as the request asks. Nothing is pushed. */
export async function inspectImage(
  request: BuildImageRequest,
  job: BuildJob,
  builder: Builder,
  dockerfile: string,
  ports: Pick<Ports, 'process' | 'files' | 'progress'>,
  signal?: AbortSignal,
): Promise<Inspection | BuildFailure> {
  if (request.scan === 'off' && !request.sbom) return { findings: [], configDigests: [] };
  const findings: Finding[] = [];
  const configDigests: string[] = [];
  for (const [index, platform] of (job.platforms.length > 0 ? job.platforms : [undefined]).entries()) {
    const folder = join(job.folder, `inspect-${index}`);
    const archive = join(folder, 'image.tar');
    await ports.files.makeFolder(folder);
    const platforms = platform === undefined ? [] : [platform];
    // Attestations cannot live in a Docker archive; the pushed image gets them.
    const built = await builder.build(
      { ...job, platforms, provenance: false, output: { kind: 'archive', path: archive }, folder },
      signal,
    );
    if (isFailure(built)) return built;
    if (built.configDigest !== undefined) configDigests.push(built.configDigest);
    if (request.scan !== 'off') {
      ports.progress.emit({ stage: 'scan', subject: platform ?? 'image', state: 'started' });
      const target = { archive, folder, dockerfile };
      findings.push(
        ...(await scanImage(request.scanner, target, request['scan-ignore-unfixed'], ports, signal)),
      );
      ports.progress.emit({ stage: 'scan', subject: platform ?? 'image', state: 'done' });
    }
    if (request.sbom) await writeSbom(archive, await sbomPath(request, index, ports.files), ports, signal);
  }
  return { findings, configDigests };
}

/** Further platforms get their number before the file's extension. */
async function sbomPath(request: BuildImageRequest, index: number, files: Ports['files']): Promise<string> {
  const path = request['sbom-file'];
  return confine(
    'sbom-file',
    index === 0 ? path : path.replace(/(\.spdx)?(\.json)?$/, `.${index + 1}$1$2`),
    files,
  );
}
