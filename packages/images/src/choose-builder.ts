import { type Ports, ZakenakError } from '@zakenak/core';
import type { Builder } from './builder.ts';
import { answersBuildah, createBuildah } from './builders/buildah.ts';
import { answersBuildctl, createBuildctl } from './builders/buildctl.ts';
import { answersBuildx, createBuildx } from './builders/buildx.ts';
import { answersClassicDocker, createDocker } from './builders/docker.ts';
import { startBuildkitd } from './builders/private-buildkitd.ts';
import type { BuilderContext } from './builders/run.ts';
import { noBuilder } from './errors.ts';

/** A builder's name as users choose it. */
export type BuilderChoice = 'auto' | 'buildx' | 'buildctl' | 'docker' | 'buildah' | 'private';

/** A builder that is ready; disposing ends what was started for it. */
export interface OpenBuilder extends AsyncDisposable {
  readonly builder: Builder;
}

type Candidate = (signal?: AbortSignal) => Promise<OpenBuilder | undefined>;

/**
 * Opens the chosen builder, or the first that answers: a given buildkitd, Docker with buildx, a buildkitd at the usual address, Docker without buildx,
 * a private buildkitd, buildah. Throws `image/no-builder` saying what was tried.
 */
export async function openBuilder(
  choice: BuilderChoice,
  address: string | undefined,
  context: BuilderContext & Pick<Ports, 'clock'>,
  signal?: AbortSignal,
): Promise<OpenBuilder> {
  const candidates = candidatesOf(address, context);
  const automatic =
    address === undefined ? ['buildx', 'buildctl', 'docker', 'private', 'buildah'] : ['buildctl'];
  const tried: string[] = [];
  let cause: unknown;
  for (const name of choice === 'auto' ? automatic : [choice]) {
    try {
      const open = await candidates[name]?.(signal);
      if (open) return open;
      tried.push(`${name} does not answer`);
    } catch (error) {
      if (!(error instanceof ZakenakError) || !isAbsence(error)) throw error;
      cause = error;
      tried.push(`${name}: ${error.message}`);
    }
  }
  throw noBuilder(tried, cause);
}

function candidatesOf(
  address: string | undefined,
  context: BuilderContext & Pick<Ports, 'clock'>,
): Readonly<Record<string, Candidate>> {
  const offer = (answers: Promise<boolean>, make: () => Builder) =>
    answers.then((yes) => (yes ? { builder: make(), [Symbol.asyncDispose]: async () => {} } : undefined));
  return {
    buildx: (signal) => offer(answersBuildx(context, signal), () => createBuildx(context)),
    buildctl: (signal) =>
      offer(answersBuildctl(context, address, signal), () => createBuildctl(context, address)),
    docker: (signal) => offer(answersClassicDocker(context, signal), () => createDocker(context)),
    buildah: (signal) => offer(answersBuildah(context, signal), () => createBuildah(context)),
    private: async (signal) => {
      const daemon = await startBuildkitd(context, signal);
      const end = () => daemon[Symbol.asyncDispose]();
      return { builder: createBuildctl(context, daemon.address), [Symbol.asyncDispose]: end };
    },
  };
}

function isAbsence(error: ZakenakError): boolean {
  return (
    error.code.startsWith('tool/') || error.code === 'image/no-builder' || error.code === 'process/timed-out'
  );
}
