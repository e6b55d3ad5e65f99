import { badInput } from './errors.ts';

/** An image's place in a registry. */
export interface ImageName {
  /** Host with port, as requests go to it: `ghcr.io`, `localhost:5000`, `registry-1.docker.io`. */
  readonly host: string;
  /** `acme/app`. */
  readonly repository: string;
  /** The name as written, in lower case: `ghcr.io/acme/app`. */
  readonly name: string;
}

const part = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const host = /^(?:\[[0-9a-f:]+\]|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::\d{1,5})?$/;
const tag = /^\w[\w.-]{0,127}$/;

/** Reads an image name without tag or digest, by the distribution specification's grammar; upper case is lowered. Throws `image/bad-input`. */
export function parseImageName(text: string): ImageName {
  const name = text.trim().toLowerCase();
  const segments = name.split('/');
  const [first = ''] = segments;
  const hasHost = segments.length > 1 && (/[.:]/.test(first) || first === 'localhost');
  const path = hasHost ? segments.slice(1) : segments.length === 1 ? ['library', ...segments] : segments;
  const valid = path.every((segment) => part.test(segment)) && (!hasHost || host.test(first));
  if (!valid || name.length > 255)
    throw badInput('image', text, 'an image name without tag, such as ghcr.io/acme/app');
  const registry = hasHost ? first : 'docker.io';
  return {
    host: registry === 'docker.io' ? 'registry-1.docker.io' : registry,
    repository: path.join('/'),
    name,
  };
}

/** The tag itself when it is one. Throws `image/bad-input`. */
export function checkTag(text: string): string {
  if (!tag.test(text))
    throw badInput('tags', text, 'a tag: up to 128 letters, digits, dots, dashes and underscores');
  return text;
}

/** True for a registry on this machine, which BuildKit and Docker reach over plain HTTP as well. */
export function isLoopback(registryHost: string): boolean {
  const bare = registryHost.startsWith('[')
    ? registryHost.slice(0, registryHost.indexOf(']') + 1)
    : registryHost.split(':')[0];
  return bare === 'localhost' || bare === '[::1]' || /^127(\.\d{1,3}){3}$/.test(bare ?? '');
}
