import { basename, dirname, join } from 'node:path';
import type { Builder, BuildJob } from '../builder.ts';
import { type BuilderContext, readMetadata, runBuilder } from './run.ts';

/** BuildKit's own client. `address` is buildkitd's; BUILDKIT_HOST or the default socket where it is undefined. */
export function createBuildctl(context: BuilderContext, address: string | undefined): Builder {
  return {
    name: 'buildctl',
    async build(job, signal) {
      const metadataFile = join(job.folder, 'metadata.json');
      const args = [...addressArgs(address), ...buildctlArgs(job, metadataFile)];
      const { failure } = await runBuilder(
        context,
        { program: 'buildctl', args, timeoutMs: job.timeoutMs },
        signal,
      );
      return failure ?? readMetadata(metadataFile, context.files);
    },
  };
}

/** True when a buildkitd answers. */
export async function answersBuildctl(
  context: BuilderContext,
  address: string | undefined,
  signal?: AbortSignal,
): Promise<boolean> {
  const args = [...addressArgs(address), 'debug', 'workers'];
  const command = { program: 'buildctl', args, env: context.env, timeoutMs: 15_000 };
  return (await context.process.run(command, signal)).exitCode === 0;
}

function addressArgs(address: string | undefined): readonly string[] {
  return address === undefined ? [] : ['--addr', address];
}

function buildctlArgs(job: BuildJob, metadataFile: string): readonly string[] {
  const options: (readonly [string, string])[] = [
    ['filename', basename(job.dockerfile)],
    ...(job.target === undefined ? [] : [['target', job.target] as const]),
    ...(job.platforms.length === 0 ? [] : [['platform', job.platforms.join(',')] as const]),
    ...job.buildArgs.map(([name, value]) => [`build-arg:${name}`, value] as const),
    ...(job.epoch === undefined ? [] : [['build-arg:SOURCE_DATE_EPOCH', String(job.epoch)] as const]),
    ...job.labels.map(([name, value]) => [`label:${name}`, value] as const),
    ...(job.provenance ? [['attest:provenance', 'mode=max'] as const] : []),
  ];
  return [
    ...['build', '--progress', 'plain', '--frontend', 'dockerfile.v0'],
    ...['--local', `context=${job.context}`, '--local', `dockerfile=${dirname(job.dockerfile)}`],
    ...options.flatMap(([name, value]) => ['--opt', `${name}=${value}`]),
    ...job.secrets.flatMap(({ id, path }) => ['--secret', csv(['id', id], ['src', path])]),
    ...cacheArgs(job),
    ...['--output', outputOf(job), '--metadata-file', metadataFile],
  ];
}

function outputOf(job: BuildJob): string {
  const common: (readonly [string, string])[] = [
    ['oci-mediatypes', 'true'],
    ...(job.epoch === undefined ? [] : [['rewrite-timestamp', 'true'] as const]),
  ];
  if (job.output.kind === 'archive') return csv(['type', 'docker'], ['dest', job.output.path], ...common);
  const names = ['name', job.references.join(',')] as const;
  const push = job.output.kind === 'push';
  const insecure = push && job.insecure ? [['registry.insecure', 'true'] as const] : [];
  return csv(['type', 'image'], names, ['push', String(push)], ...insecure, ...common);
}

function cacheArgs(job: BuildJob): readonly string[] {
  if (job.cache.kind === 'off') return ['--no-cache'];
  if (job.cache.kind === 'own') return [];
  const insecure = job.insecure ? [['registry.insecure', 'true'] as const] : [];
  const source = ['--import-cache', csv(['type', 'registry'], ['ref', job.cache.reference], ...insecure)];
  if (!job.cache.write || job.output.kind !== 'push') return source;
  const attributes = [
    ['mode', 'max'] as const,
    ['image-manifest', 'true'] as const,
    ['oci-mediatypes', 'true'] as const,
  ];
  const reference = [['type', 'registry'] as const, ['ref', job.cache.reference] as const];
  return [...source, '--export-cache', csv(...reference, ...attributes, ...insecure)];
}

/** BuildKit reads these arguments as one line of CSV. */
export function csv(...pairs: readonly (readonly [string, string])[]): string {
  return pairs
    .map(([name, value]) => `${name}=${value}`)
    .map((field) => (/[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field))
    .join(',');
}
