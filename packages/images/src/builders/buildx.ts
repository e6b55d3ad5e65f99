import { join } from 'node:path';
import type { Builder, BuildFailure, BuildJob } from '../builder.ts';
import { csv } from './buildctl.ts';
import { type BuilderContext, readMetadata, runBuilder } from './run.ts';

/** Docker's BuildKit client, on whichever builder the user has selected. */
export function createBuildx(context: BuilderContext): Builder {
  return {
    name: 'buildx',
    async build(job, signal) {
      const metadataFile = join(job.folder, 'metadata.json');
      const env = job.epoch === undefined ? {} : { SOURCE_DATE_EPOCH: String(job.epoch) };
      const command = {
        program: 'docker',
        args: buildxArgs(job, metadataFile),
        env,
        timeoutMs: job.timeoutMs,
      };
      const built = await runBuilder(context, command, signal);
      const saved = built.failure ?? (await save(job, context, signal));
      return saved ?? readMetadata(metadataFile, context.files);
    },
  };
}

/** Not every driver can export an archive, but each can load into the engine, which can. */
async function save(
  job: BuildJob,
  context: BuilderContext,
  signal?: AbortSignal,
): Promise<BuildFailure | undefined> {
  const [reference = ''] = job.references;
  if (job.output.kind !== 'archive') return undefined;
  const args = ['save', '--output', job.output.path, '--', reference];
  return (await runBuilder(context, { program: 'docker', args, timeoutMs: job.timeoutMs }, signal)).failure;
}

/** True when a Docker engine answers and its client has buildx. */
export async function answersBuildx(context: BuilderContext, signal?: AbortSignal): Promise<boolean> {
  const base = { program: 'docker', env: context.env, timeoutMs: 15_000 };
  const buildx = await context.process.run({ ...base, args: ['buildx', 'version'] }, signal);
  return buildx.exitCode === 0 && (await answersDocker(context, signal));
}

/** True when a Docker engine answers. */
export async function answersDocker(context: BuilderContext, signal?: AbortSignal): Promise<boolean> {
  const args = ['version', '--format', '{{.Server.Version}}'];
  const engine = await context.process.run(
    { program: 'docker', args, env: context.env, timeoutMs: 15_000 },
    signal,
  );
  return engine.exitCode === 0;
}

function buildxArgs(job: BuildJob, metadataFile: string): readonly string[] {
  return [
    ...['buildx', 'build', '--progress', 'plain', '--file', job.dockerfile, '--metadata-file', metadataFile],
    ...job.references.flatMap((reference) => ['--tag', reference]),
    ...(job.target === undefined ? [] : ['--target', job.target]),
    ...(job.platforms.length === 0 ? [] : ['--platform', job.platforms.join(',')]),
    ...job.buildArgs.flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
    ...job.labels.flatMap(([name, value]) => ['--label', `${name}=${value}`]),
    ...job.secrets.flatMap(({ id, path }) => ['--secret', csv(['id', id], ['src', path])]),
    `--provenance=${job.provenance ? 'mode=max' : 'false'}`,
    '--sbom=false',
    ...cacheArgs(job),
    ...outputArgs(job),
    '--',
    job.context,
  ];
}

function outputArgs(job: BuildJob): readonly string[] {
  const timestamps = job.epoch === undefined ? [] : [['rewrite-timestamp', 'true'] as const];
  if (job.output.kind === 'archive') return ['--output', csv(['type', 'docker'], ...timestamps)];
  if (job.output.kind === 'none') return [];
  const insecure = job.insecure ? [['registry.insecure', 'true'] as const] : [];
  const image = [['type', 'image'] as const, ['push', 'true'] as const, ['oci-mediatypes', 'true'] as const];
  return ['--output', csv(...image, ...insecure, ...timestamps)];
}

function cacheArgs(job: BuildJob): readonly string[] {
  if (job.cache.kind === 'off') return ['--no-cache'];
  if (job.cache.kind === 'own') return [];
  const source = ['--cache-from', csv(['type', 'registry'], ['ref', job.cache.reference])];
  if (!job.cache.write || job.output.kind !== 'push') return source;
  return [...source, '--cache-to', csv(['type', 'registry'], ['ref', job.cache.reference], ['mode', 'max'])];
}
