import type { CiEvent, InputsOf, Ports } from '@zakenak/core';
import type { CachePolicy } from './builder.ts';
import { badInput, insecureRegistry } from './errors.ts';
import { checkTag, type ImageName, isLoopback, parseImageName } from './reference.ts';
import type { Credentials } from './registry.ts';
import type { Source } from './source.ts';
import type { spec } from './spec.ts';
import { deriveTags } from './tags.ts';

/** The parsed inputs of the action, and what the CI host knows. */
export type BuildImageRequest = InputsOf<typeof spec> & {
  readonly event?: CiEvent | undefined;
  /** Address of the repository, for the `source` label. */
  readonly repositoryUrl?: string | undefined;
};

/** The images' names, lowered with a warning. Throws `image/bad-input`, `image/insecure-registry`. */
export function readImages(request: BuildImageRequest, log: Ports['log']): readonly ImageName[] {
  const images = request.image.map((text) => {
    const image = parseImageName(text);
    if (image.name !== text.trim())
      log.warn(`Image names are lower case: ${text} is built as ${image.name}.`);
    return image;
  });
  if (images.length === 0) throw badInput('image', '', 'at least one image name');
  const distant = images.find(({ host }) => !isLoopback(host));
  if (request['insecure-registry'] && distant) throw insecureRegistry(distant.host);
  return images;
}

/** The given tags, or those that follow from the event. Throws `image/bad-input`. */
export function readTags(request: BuildImageRequest, source: Source | undefined): readonly string[] {
  if (request.tags.length > 0) return [...new Set(request.tags.map(checkTag))];
  const event: CiEvent = request.event ?? { kind: 'local', ...(source ? { headSha: source.revision } : {}) };
  return deriveTags(event, '').map((tag) => tag.slice(1));
}

/** Both halves of the login or none. Throws `image/bad-input`. */
export function readCredentials(request: BuildImageRequest): Credentials | undefined {
  const { username, password } = request;
  if (username === undefined && password === undefined) return undefined;
  if (username === undefined || password === undefined)
    throw badInput(username === undefined ? 'username' : 'password', '', 'given: a login needs both');
  return { username, password };
}

/** Everyone reads a shared cache; only what has passed review writes it, so that a pull request cannot plant layers in a release. */
export function readCache(request: BuildImageRequest): CachePolicy {
  if (request.cache === 'auto') return { kind: 'own' };
  if (request.cache === 'off') return { kind: 'off' };
  const trusted = ['push', 'tag', 'schedule'].includes(request.event?.kind ?? '');
  return { kind: 'registry', reference: request.cache, write: trusted };
}
