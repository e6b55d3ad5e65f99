import { exitCodes, nearest, ZakenakError } from '@zakenak/core';

/** A time that is none. */
export function badTime(text: string): ZakenakError {
  return new ZakenakError({
    code: 'pipeline/bad-time',
    message: `'${text}' is no time.`,
    remedy: 'Write it as 2026-01-31 or 2026-01-31T12:00:00Z.',
    exitCode: exitCodes.badInput,
  });
}

/** A pull request of a fork asks for something that needs trust. */
export function refusedForFork(what: string): ZakenakError {
  return new ZakenakError({
    code: 'pipeline/refused-for-fork',
    message: `This is a pull request of a fork: ${what} is refused, because anyone can open one.`,
    remedy: 'Run this step on the branch after the merge, or have a maintainer push the change to a branch.',
    exitCode: exitCodes.refused,
  });
}

/** Nothing says which image to build. */
export function noImages(): ZakenakError {
  return new ZakenakError({
    code: 'pipeline/no-images',
    message: 'No image was named, and zakenak.yaml has no `build`.',
    remedy: 'Name one with --image REGISTRY/NAME, or list the images under `build` of zakenak.yaml.',
    exitCode: exitCodes.badInput,
  });
}

/** No image of that name under `build`. */
export function unknownImage(name: string, known: readonly string[], near?: string): ZakenakError {
  return new ZakenakError({
    code: 'pipeline/unknown-image',
    message: `zakenak.yaml builds no image '${name}'; it has ${known.join(', ')}.`,
    remedy: near ? `Use --only ${near}.` : 'Name one of them with --only.',
    exitCode: exitCodes.badInput,
  });
}

/** One context for several images. */
export function ambiguousContext(names: readonly string[]): ZakenakError {
  return new ZakenakError({
    code: 'pipeline/ambiguous-context',
    message: `A context, file, target or values file was given for several images (${names.join(', ')}).`,
    remedy: 'Name the one image with --image or --only.',
    exitCode: exitCodes.badInput,
  });
}

/** An image is to be pushed and nothing says where to. */
export function noRegistry(name: string): ZakenakError {
  return new ZakenakError({
    code: 'pipeline/no-registry',
    message: `The image ${name} has no registry to be pushed to.`,
    remedy: 'Set `registry` in zakenak.yaml (ghcr.io/acme), or `image` of the build’s entry.',
    exitCode: exitCodes.badInput,
  });
}

/** A part that `check` does not have. */
export function unknownPart(name: string, known: readonly string[], near?: string): ZakenakError {
  return new ZakenakError({
    code: 'pipeline/unknown-part',
    message: `check has no part '${name}'; it has ${known.join(', ')}.`,
    remedy: near ? `Use --only ${near}.` : 'Name one of them with --only.',
    exitCode: exitCodes.badInput,
  });
}

/** init never overwrites by itself. */
export function fileExists(path: string): ZakenakError {
  return new ZakenakError({
    code: 'init/exists',
    message: `${path} is there already.`,
    remedy: 'Edit it, or overwrite it with --force.',
    exitCode: exitCodes.refused,
  });
}

/** No release belongs to the environment. */
export function noReleases(environment: string): ZakenakError {
  return new ZakenakError({
    code: 'pipeline/no-releases',
    message: `Nothing is deployed to the environment '${environment}': zakenak.yaml lists no release and no manifests for it.`,
    remedy: 'List releases under `deploy.releases` of zakenak.yaml.',
    exitCode: exitCodes.badInput,
  });
}

/** An image digest that names no image of `build`, or is none. */
export function badImageDigest(text: string, known: readonly string[]): ZakenakError {
  const near = nearest(text, known);
  return new ZakenakError({
    code: 'pipeline/bad-image-digest',
    message:
      known.length > 0
        ? `zakenak.yaml builds no image '${text}'; it has ${known.join(', ')}.`
        : `'${text}' is no image by digest.`,
    remedy: near ? `Use the name ${near}.` : 'Write NAME=REPOSITORY@sha256:… with a NAME of `build`.',
    exitCode: exitCodes.badInput,
  });
}

/** What was given for `images` is not what build-push-image hands on. */
export function badImages(): ZakenakError {
  return new ZakenakError({
    code: 'pipeline/bad-images',
    message: 'The input `images` is not the JSON object that build-push-image hands on.',
    remedy: 'Pass the `images` output of build-push-image as it is, or use image-digests.',
    exitCode: exitCodes.badInput,
  });
}

/** Nothing names the branch on which the forge is to make commits. */
export function noBranch(): ZakenakError {
  return new ZakenakError({
    code: 'pipeline/no-branch',
    message: 'HEAD is detached: it is unknown on which branch the forge is to make the commits.',
    remedy: 'Name the branch with --branch.',
    exitCode: exitCodes.badInput,
  });
}

/** A policy was named and is not where it is read from. */
export function policyNotFound(path: string, revision: string | undefined): ZakenakError {
  const where = revision === undefined ? 'the workspace' : `the commit ${revision.slice(0, 12)}`;
  return new ZakenakError({
    code: 'pipeline/policy-not-found',
    message: `The policy ${path} is not in ${where}, which is where it is read from.`,
    remedy: 'Merge the file into the base branch first, or name another commit with policy-ref.',
    exitCode: exitCodes.badInput,
  });
}

/** A set's name is a label on all that it keeps. */
export function longSetName(set: string): ZakenakError {
  return new ZakenakError({
    code: 'pipeline/long-set-name',
    message: `The set's name '${set}', of project and environment, has ${set.length} characters, and Kubernetes takes 63 in a label.`,
    remedy: 'Shorten the name of the project or of the environment in zakenak.yaml.',
    exitCode: exitCodes.badInput,
  });
}
