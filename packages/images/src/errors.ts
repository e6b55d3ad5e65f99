import { exitCodes, ZakenakError } from '@zakenak/core';

/** No Dockerfile at the given path. */
export function noDockerfile(path: string): ZakenakError {
  return new ZakenakError({
    code: 'image/no-dockerfile',
    message: `There is no Dockerfile at '${path}'.`,
    remedy: "Add one, or set 'file' to its path from the workspace's root.",
    exitCode: exitCodes.badInput,
  });
}

/** The build context is not a folder. */
export function noContext(path: string): ZakenakError {
  return new ZakenakError({
    code: 'image/no-context',
    message: `The build context '${path}' is not a folder.`,
    remedy: "Set 'context' to a folder of the workspace.",
    exitCode: exitCodes.badInput,
  });
}

/** The build context, Dockerfile or a secret's file lies outside the workspace. */
export function outsideWorkspace(input: string, path: string, cause: unknown): ZakenakError {
  return new ZakenakError({
    code: 'image/context-outside-workspace',
    message: `The ${input} '${path}' leaves the workspace.`,
    remedy: `Set '${input}' to a path inside the workspace; symbolic links must not lead out of it.`,
    exitCode: exitCodes.refused,
    cause,
  });
}

/** An image name, tag, label, argument or secret is malformed. `shown` must not be a secret. */
export function badInput(input: string, shown: string, wanted: string): ZakenakError {
  return new ZakenakError({
    code: 'image/bad-input',
    message: `'${input}' has ${JSON.stringify(shown.slice(0, 120))}, which is not ${wanted}.`,
    remedy: `Write '${input}' as ${wanted}.`,
    exitCode: exitCodes.badInput,
  });
}

/** HTTP was asked for where the registry is not on this machine. */
export function insecureRegistry(registry: string): ZakenakError {
  return new ZakenakError({
    code: 'image/insecure-registry',
    message: `'insecure-registry' is on, but ${registry} is not on this machine.`,
    remedy: 'Give the registry a certificate, and turn insecure-registry off.',
    exitCode: exitCodes.refused,
  });
}

/** Nothing that could build answers. */
export function noBuilder(tried: readonly string[], cause?: unknown): ZakenakError {
  return new ZakenakError({
    code: 'image/no-builder',
    message: `Nothing here can build an image: ${tried.join('; ')}.`,
    remedy:
      'Start Docker, set buildkit-address to a running buildkitd, install buildah, or run as root with runc installed.',
    exitCode: exitCodes.missing,
    cause,
  });
}

/** The builder itself failed, not the user's Dockerfile. */
export function builderFailed(builder: string, reason: string): ZakenakError {
  return new ZakenakError({
    code: 'image/builder-failed',
    message: `${builder} failed: ${reason}`,
    remedy: 'Read the build log above; run the same command again when the builder is well.',
    exitCode: exitCodes.outside,
  });
}

/** The registry (or one that a base image comes from) did not answer, or answered with a server error. */
export function registryUnreachable(registry: string, reason: string, cause?: unknown): ZakenakError {
  return new ZakenakError({
    code: 'image/registry-unreachable',
    message: `The registry ${registry} cannot be reached: ${reason}`,
    remedy:
      'Check its address, the network and the proxy, then run the same command again: finished layers are kept.',
    exitCode: exitCodes.outside,
    cause,
  });
}

/** The registry refused the credentials, or wants some. */
export function registryUnauthorized(registry: string, reason: string): ZakenakError {
  return new ZakenakError({
    code: 'image/registry-unauthorized',
    message: `The registry ${registry} refused access: ${reason}`,
    remedy:
      "Set 'username' and 'password' to an account that may read and push this image (GHCR: permissions: packages: write).",
    exitCode: exitCodes.outside,
  });
}

/** What the registry holds is not what was built. */
export function digestMismatch(reference: string, expected: string, found: string): ZakenakError {
  return new ZakenakError({
    code: 'image/digest-mismatch',
    message: `${reference} is ${found} in the registry, but ${expected} was built.`,
    remedy: 'Do not deploy this image: find out who else pushes this tag, then build again.',
    exitCode: exitCodes.outside,
  });
}

/** The scanner failed or answered with something unreadable. */
export function scanFailed(scanner: string, reason: string, cause?: unknown): ZakenakError {
  return new ZakenakError({
    code: 'image/scan-failed',
    message: `${scanner} could not scan the image: ${reason}`,
    remedy: `Run ${scanner} by hand on the image (its vulnerability database may be unreachable), or set scan to off knowingly.`,
    exitCode: exitCodes.outside,
    cause,
  });
}

/** syft failed. */
export function sbomFailed(reason: string): ZakenakError {
  return new ZakenakError({
    code: 'image/sbom-failed',
    message: `syft could not list the image's contents: ${reason}`,
    remedy: 'Run syft by hand on the image, or turn sbom off.',
    exitCode: exitCodes.outside,
  });
}

/** The values file has no place for the digest. */
export function badValuesFile(path: string, reason: string): ZakenakError {
  return new ZakenakError({
    code: 'image/bad-values-file',
    message: `The digest cannot be written to ${path}: ${reason}`,
    remedy: "Set 'values-file' and 'values-key' to a YAML file and a key in it, such as image.digest.",
    exitCode: exitCodes.badInput,
  });
}
