import { join } from 'node:path';
import type { Builder, BuildFailure, BuildJob } from '../builder.ts';
import { csv } from './buildctl.ts';
import { answersDocker } from './buildx.ts';
import { type BuilderContext, runBuilder } from './run.ts';

/** A Docker engine whose client has no buildx: one platform, no provenance, layer times as the engine makes them. */
export function createDocker(context: BuilderContext): Builder {
  return {
    name: 'docker',
    async build(job, signal) {
      const idFile = join(job.folder, 'image-id');
      const run = (args: readonly string[]) =>
        runBuilder(
          context,
          { program: 'docker', args, env: { DOCKER_BUILDKIT: '1' }, timeoutMs: job.timeoutMs },
          signal,
        );
      const built = await run(dockerArgs(job, idFile));
      if (built.failure) return built.failure;
      const configDigest = (await context.files.readText(idFile)).trim();
      const sent = await send(job, run);
      return 'failure' in sent ? sent.failure : { digest: sent.digest, configDigest, metadata: {} };
    },
  };
}

/** True when a Docker engine answers whose client can drive BuildKit by itself: those from 23.0 on cannot without buildx. */
export async function answersClassicDocker(context: BuilderContext, signal?: AbortSignal): Promise<boolean> {
  const env = { ...context.env, DOCKER_BUILDKIT: '1' };
  const command = { program: 'docker', args: ['build', '--help'], env, timeoutMs: 15_000 };
  const help = await context.process.run(command, signal);
  return help.exitCode === 0 && help.stdout.includes('--secret') && (await answersDocker(context, signal));
}

type Run = (
  args: readonly string[],
) => Promise<{ readonly failure: BuildFailure | undefined; readonly stdout: string }>;

async function send(
  job: BuildJob,
  run: Run,
): Promise<{ readonly digest: string | undefined } | { readonly failure: BuildFailure }> {
  const [first = ''] = job.references;
  if (job.output.kind === 'none') return { digest: undefined };
  if (job.output.kind === 'archive') {
    const { failure } = await run(['save', '--output', job.output.path, first]);
    return failure ? { failure } : { digest: undefined };
  }
  let digest: string | undefined;
  for (const reference of job.references) {
    const { failure, stdout } = await run(['push', reference]);
    if (failure) return { failure };
    digest = /digest: (sha256:[0-9a-f]{64})/.exec(stdout)?.[1] ?? digest;
  }
  return { digest };
}

function dockerArgs(job: BuildJob, idFile: string): readonly string[] {
  const epoch = job.epoch === undefined ? [] : [['SOURCE_DATE_EPOCH', String(job.epoch)] as const];
  return [
    ...['build', '--progress', 'plain', '--file', job.dockerfile, '--iidfile', idFile],
    ...job.references.flatMap((reference) => ['--tag', reference]),
    ...(job.target === undefined ? [] : ['--target', job.target]),
    ...(job.platforms.length === 0 ? [] : ['--platform', job.platforms.join(',')]),
    ...[...job.buildArgs, ...epoch].flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
    ...job.labels.flatMap(([name, value]) => ['--label', `${name}=${value}`]),
    ...job.secrets.flatMap(({ id, path }) => ['--secret', csv(['id', id], ['src', path])]),
    ...(job.cache.kind === 'off' ? ['--no-cache'] : []),
    '--',
    job.context,
  ];
}
