import { join } from 'node:path';
import { createReport, type Finding, inlineCode, isAtLeast, type Ports, type Report } from '@zakenak/core';
import { judgeFailure, stepOutput } from './build-log.ts';
import { type Builder, type BuildFailure, type BuildJob, type BuildResult, isFailure } from './builder.ts';
import { openBuilder } from './choose-builder.ts';
import { writeLogin } from './credentials.ts';
import { builderFailed, digestMismatch } from './errors.ts';
import { inspectImage } from './inspection.ts';
import { parsePairs } from './pairs.ts';
import type { ImageName } from './reference.ts';
import { confirmDigest } from './registry.ts';
import { type BuildImageRequest, readCache, readCredentials, readImages, readTags } from './request.ts';
import { imageLabels, readSource, type Source } from './source.ts';
import { writeDigest } from './values-digest.ts';
import { type BuildFiles, confine, findBuildFiles, writeSecrets } from './workspace.ts';

/** What building images reaches the world through. */
export type ImagePorts = Pick<
  Ports,
  'process' | 'files' | 'http' | 'clock' | 'log' | 'progress' | 'redactor'
>;

/** Everything that is settled before the first build. */
interface Settled {
  readonly request: BuildImageRequest;
  readonly images: readonly ImageName[];
  readonly tags: readonly string[];
  readonly files: BuildFiles;
  readonly source: Source | undefined;
}

/**
 * Builds an image; scans it and lists its contents where asked; pushes it where asked and confirms its digest from the registry's own bytes. A Dockerfile
 * that does not build and a vulnerability at the gate are findings. Leaves no process, login or temporary file, also when cancelled.
 * Throws the `image/…` errors of ./errors.ts and `tool/missing`.
 */
export async function buildImage(
  request: BuildImageRequest,
  ports: ImagePorts,
  signal?: AbortSignal,
): Promise<Report> {
  const images = readImages(request, ports.log);
  const files = await findBuildFiles(request, ports.files);
  const source = await readSource(request.event, ports, signal);
  const settled: Settled = { request, images, tags: readTags(request, source), files, source };
  await using folder = await ports.files.temporaryFolder('image');
  const env = await writeLogin(readCredentials(request), images, join(folder.path, 'login'), ports);
  const job = await makeJob(settled, folder.path, ports);
  const context = { ...ports, env };
  await using open = await openBuilder(request.builder, request['buildkit-address'], context, signal);
  // Awaited here: otherwise the builder would be ended before it has built.
  return await build(settled, job, open.builder, ports, signal);
}

async function makeJob(settled: Settled, folder: string, ports: ImagePorts): Promise<BuildJob> {
  const { request, images, tags, files, source } = settled;
  const secrets = { secrets: request.secrets, secretFiles: request['secret-files'] };
  const job: BuildJob = {
    context: files.context,
    dockerfile: files.dockerfile,
    references: images.flatMap(({ name }) => tags.map((tag) => `${name}:${tag}`)),
    platforms: request.platforms,
    buildArgs: parsePairs('build-args', request['build-args']),
    secrets: await writeSecrets(secrets, join(folder, 'secrets'), ports),
    labels: imageLabels(source, request.repositoryUrl, parsePairs('labels', request.labels)),
    target: request.target,
    epoch: source?.epoch,
    provenance:
      request.provenance === 'true' || (request.provenance === 'auto' && request.platforms.length > 1),
    insecure: request['insecure-registry'],
    cache: readCache(request),
    output: { kind: request.push ? 'push' : 'none' },
    folder: join(folder, 'build'),
    timeoutMs: request.timeout,
  };
  await ports.files.makeFolder(job.folder);
  return job;
}

async function build(
  settled: Settled,
  job: BuildJob,
  builder: Builder,
  ports: ImagePorts,
  signal?: AbortSignal,
): Promise<Report> {
  const { request, files } = settled;
  const started = ports.clock.monotonicMs();
  const [subject = ''] = job.references;
  ports.progress.emit({ stage: 'build', subject, state: 'started', message: builder.name });
  const seen = await inspectImage(request, job, builder, files.shown, ports, signal);
  if (isFailure(seen)) return await reportFailure(settled, builder, seen, ports);
  const gate = request.scan;
  if (gate !== 'off' && seen.findings.some(({ severity }) => isAtLeast(severity, gate))) {
    ports.progress.emit({ stage: 'scan', subject, state: 'failed' });
    return finish(settled, { findings: seen.findings, pushed: false, result: undefined, durationMs: 0 });
  }
  const result = await builder.build(job, signal);
  if (isFailure(result)) return await reportFailure(settled, builder, result, ports);
  await confirm(settled, result, seen.configDigests, builder, ports, signal);
  await writeValues(request, result, ports.files);
  ports.progress.emit({
    stage: request.push ? 'push' : 'build',
    subject,
    state: 'done',
    message: result.digest ?? '',
  });
  const durationMs = ports.clock.monotonicMs() - started;
  return finish(settled, { findings: seen.findings, pushed: request.push, result, durationMs });
}

async function confirm(
  settled: Settled,
  result: BuildResult,
  inspected: readonly string[],
  builder: Builder,
  ports: ImagePorts,
  signal?: AbortSignal,
): Promise<void> {
  const { request, images, tags } = settled;
  const [scanned] = inspected;
  if (
    inspected.length === 1 &&
    scanned !== undefined &&
    result.configDigest !== undefined &&
    scanned !== result.configDigest
  )
    throw digestMismatch('the scanned image', scanned, result.configDigest);
  if (!request.push) return;
  const { digest } = result;
  if (digest === undefined || !/^sha256:[0-9a-f]{64}$/.test(digest))
    throw builderFailed(builder.name, 'it told no digest');
  const credentials = readCredentials(request);
  for (const image of images)
    await confirmDigest(image, tags, digest, { http: ports.http, credentials }, signal);
}

async function writeValues(
  request: BuildImageRequest,
  result: BuildResult,
  files: Ports['files'],
): Promise<void> {
  const path = request['values-file'];
  if (!request.push || path === undefined || result.digest === undefined) return;
  const target = await confine('values-file', path, files);
  const text = await files.readText(target);
  const changed = writeDigest(text, request['values-key'], result.digest, path);
  if (changed !== text) await files.write(target, changed);
}

async function reportFailure(
  settled: Settled,
  builder: Builder,
  failure: BuildFailure,
  ports: ImagePorts,
): Promise<Report> {
  const text = await ports.files.readText(settled.files.dockerfile);
  const verdict = judgeFailure(builder.name, failure, { path: settled.files.shown, text });
  ports.progress.emit({ stage: 'build', subject: settled.images[0]?.name ?? '', state: 'failed' });
  if ('error' in verdict) {
    for (const line of failure.log.split('\n').slice(-40)) ports.log.info(line);
    throw verdict.error;
  }
  const output = stepOutput(failure.log);
  const fence = '`'.repeat(Math.max(3, ...[...output.matchAll(/`+/g)].map(([run]) => run.length + 1)));
  return createReport({
    tool: 'build-push-image',
    findings: [verdict.finding],
    verdict: 'failed',
    summary: `${settled.files.shown} does not build.`,
    outputs: outputsOf(settled, undefined, false, 1),
    sections: output === '' ? [] : [{ title: 'Last output', markdown: `${fence}text\n${output}\n${fence}` }],
  });
}

interface End {
  readonly findings: readonly Finding[];
  readonly pushed: boolean;
  readonly result: BuildResult | undefined;
  readonly durationMs: number;
}

function finish(settled: Settled, end: End): Report {
  const { request, images, tags, source } = settled;
  const name = images[0]?.name ?? '';
  const digest = end.result?.digest;
  const stopped = end.result === undefined;
  return createReport({
    tool: 'build-push-image',
    findings: end.findings,
    failOn: request.scan === 'off' ? 'none' : request.scan,
    summary: stopped
      ? `${name} has vulnerabilities at or above ${request.scan} and was not pushed.`
      : `${end.pushed ? 'Pushed' : 'Built'} ${name}${digest === undefined ? '' : `@${digest}`} (${tags.join(', ')}).`,
    outputs: outputsOf(settled, end.result, end.pushed, end.findings.length),
    sections: stopped ? [] : [{ title: 'Image', markdown: describe(settled, end) }],
    timings: stopped ? [] : [{ name: end.pushed ? 'build and push' : 'build', durationMs: end.durationMs }],
    caveats:
      source === undefined
        ? ['Outside a Git repository the image’s times, and so its digest, differ from build to build.']
        : [],
  });
}

function outputsOf(
  settled: Settled,
  result: BuildResult | undefined,
  pushed: boolean,
  findings: number,
): Report['outputs'] {
  const { request, images, tags } = settled;
  const digest = result?.digest ?? '';
  return {
    digest,
    'image-ref': pushed && digest !== '' ? `${images[0]?.name}@${digest}` : '',
    tags: images.flatMap(({ name }) => tags.map((tag) => `${name}:${tag}`)),
    pushed,
    'sbom-file': request.sbom && result !== undefined ? request['sbom-file'] : '',
    'findings-count': findings,
    metadata: result?.metadata ?? {},
  };
}

function describe(settled: Settled, end: End): string {
  const rows = settled.images.flatMap(({ name }) =>
    settled.tags.map(
      (tag) => `| ${inlineCode(`${name}:${tag}`)} | ${inlineCode(end.result?.digest ?? 'not pushed')} |`,
    ),
  );
  return ['| Image | Digest |', '| --- | --- |', ...rows].join('\n');
}
