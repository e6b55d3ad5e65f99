import { join } from 'node:path';
import type { Builder, BuildFailure, BuildJob } from '../builder.ts';
import { csv } from './buildctl.ts';
import { type BuilderContext, runBuilder } from './run.ts';

/** Buildah: no daemon, no root needed where user namespaces are set up. One platform, no provenance. */
export function createBuildah(context: BuilderContext): Builder {
  return {
    name: 'buildah',
    async build(job, signal) {
      const idFile = join(job.folder, 'image-id');
      const run = (args: readonly string[]) =>
        runBuilder(context, { program: 'buildah', args, timeoutMs: job.timeoutMs }, signal);
      const built = await run(buildahArgs(job, idFile));
      if (built.failure) return built.failure;
      const configDigest = (await context.files.readText(idFile)).trim();
      const failed = await send(job, run);
      if (failed) return failed;
      const digest = job.output.kind === 'push' ? await readDigest(job, context) : undefined;
      return { digest, configDigest, metadata: {} };
    },
  };
}

/** True when buildah is there. */
export async function answersBuildah(context: BuilderContext, signal?: AbortSignal): Promise<boolean> {
  const command = { program: 'buildah', args: ['--version'], env: context.env, timeoutMs: 15_000 };
  return (await context.process.run(command, signal)).exitCode === 0;
}

async function send(
  job: BuildJob,
  run: (args: readonly string[]) => Promise<{ readonly failure: BuildFailure | undefined }>,
): Promise<BuildFailure | undefined> {
  const [first = ''] = job.references;
  if (job.output.kind === 'none') return undefined;
  if (job.output.kind === 'archive')
    return (await run(['push', first, `docker-archive:${job.output.path}`])).failure;
  const tls = job.insecure ? ['--tls-verify=false'] : [];
  const digest = ['--digestfile', join(job.folder, 'digest')];
  for (const reference of job.references) {
    const { failure } = await run(['push', ...tls, ...digest, reference, `docker://${reference}`]);
    if (failure) return failure;
  }
  return undefined;
}

async function readDigest(job: BuildJob, context: BuilderContext): Promise<string> {
  return (await context.files.readText(join(job.folder, 'digest'))).trim();
}

function buildahArgs(job: BuildJob, idFile: string): readonly string[] {
  return [
    ...['build', '--format', 'oci', '--layers', '--file', job.dockerfile, '--iidfile', idFile],
    ...job.references.flatMap((reference) => ['--tag', reference]),
    ...(job.target === undefined ? [] : ['--target', job.target]),
    ...(job.platforms.length === 0 ? [] : ['--platform', job.platforms.join(',')]),
    ...(job.epoch === undefined ? [] : ['--timestamp', String(job.epoch)]),
    ...job.buildArgs.flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
    ...job.labels.flatMap(([name, value]) => ['--label', `${name}=${value}`]),
    ...job.secrets.flatMap(({ id, path }) => ['--secret', csv(['id', id], ['src', path])]),
    ...(job.insecure ? ['--tls-verify=false'] : []),
    ...(job.cache.kind === 'off' ? ['--no-cache'] : []),
    '--',
    job.context,
  ];
}
