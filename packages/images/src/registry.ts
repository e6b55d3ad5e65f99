import { createHash } from 'node:crypto';
import { type HttpResponse, type Ports, ZakenakError } from '@zakenak/core';
import { digestMismatch, registryUnauthorized, registryUnreachable } from './errors.ts';
import { type ImageName, isLoopback } from './reference.ts';

/** Who we are at a registry. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

const manifestTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

/**
 * Reads every reference's manifest back by the distribution specification and recomputes its digest from the bytes. Throws `image/digest-mismatch`,
 * `image/registry-unauthorized`, `image/registry-unreachable`.
 */
export async function confirmDigest(
  image: ImageName,
  tags: readonly string[],
  digest: string,
  ports: Pick<Ports, 'http'> & { readonly credentials: Credentials | undefined },
  signal?: AbortSignal,
): Promise<void> {
  const authorization: Authorization = { value: undefined };
  for (const reference of [digest, ...tags]) {
    const found = await readDigest(image, reference, ports, authorization, signal);
    const shown = reference === digest ? `${image.name}@${digest}` : `${image.name}:${reference}`;
    if (found !== digest) throw digestMismatch(shown, digest, found);
  }
}

interface Authorization {
  value: string | undefined;
}

async function readDigest(
  image: ImageName,
  reference: string,
  ports: Pick<Ports, 'http'> & { readonly credentials: Credentials | undefined },
  authorization: Authorization,
  signal?: AbortSignal,
): Promise<string> {
  const url = `${isLoopback(image.host) ? 'http' : 'https'}://${image.host}/v2/${image.repository}/manifests/${reference}`;
  const get = () => {
    const headers = authorization.value === undefined ? {} : { authorization: authorization.value };
    return send(image, ports.http, { url, headers: { accept: manifestTypes, ...headers } }, signal);
  };
  let response = await get();
  if (response.status === 401 && authorization.value === undefined) {
    authorization.value = await authorize(image, response, ports, signal);
    response = await get();
  }
  if (response.status === 404) return 'absent';
  if (response.status === 401 || response.status === 403)
    throw registryUnauthorized(image.host, `reading ${image.repository} gave HTTP ${response.status}`);
  if (response.status !== 200) throw registryUnreachable(image.host, `${url} gave HTTP ${response.status}`);
  return `sha256:${createHash('sha256').update(response.body).digest('hex')}`;
}

async function send(
  image: ImageName,
  http: Ports['http'],
  request: Parameters<Ports['http']['request']>[0],
  signal?: AbortSignal,
): Promise<HttpResponse> {
  try {
    return await http.request(request, signal);
  } catch (error) {
    if (error instanceof ZakenakError && error.code.startsWith('http/'))
      throw registryUnreachable(image.host, error.message, error);
    throw error;
  }
}

/** Answers a 401 (distribution specification, token authentication). Credentials go only where the registry's own scheme is kept. */
async function authorize(
  image: ImageName,
  challenged: HttpResponse,
  ports: Pick<Ports, 'http'> & { readonly credentials: Credentials | undefined },
  signal?: AbortSignal,
): Promise<string> {
  const challenge = challenged.headers['www-authenticate'] ?? '';
  const { credentials } = ports;
  const basic =
    credentials === undefined
      ? undefined
      : `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`;
  if (/^basic/i.test(challenge)) {
    if (basic === undefined) throw registryUnauthorized(image.host, 'it wants a user and a password');
    return basic;
  }
  const values = new Map(
    [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map((match) => [match[1] ?? '', match[2] ?? '']),
  );
  const realm = URL.parse(values.get('realm') ?? '');
  const safe =
    realm?.protocol === 'https:' || (realm !== null && isLoopback(realm.host) && isLoopback(image.host));
  if (realm === null || !safe)
    throw registryUnauthorized(image.host, 'it names no trustworthy place to get a token from');
  realm.searchParams.set('scope', `repository:${image.repository}:pull`);
  const service = values.get('service');
  if (service !== undefined) realm.searchParams.set('service', service);
  const headers = basic === undefined ? {} : { authorization: basic };
  const response = await send(image, ports.http, { url: realm.href, headers }, signal);
  const token = response.status === 200 ? readToken(response.body) : undefined;
  if (token === undefined)
    throw registryUnauthorized(image.host, `its token service gave HTTP ${response.status}`);
  return `Bearer ${token}`;
}

function readToken(body: Uint8Array): string | undefined {
  try {
    const answer = JSON.parse(new TextDecoder().decode(body)) as { token?: unknown; access_token?: unknown };
    return [answer.token, answer.access_token].find((value) => typeof value === 'string');
  } catch {
    return undefined;
  }
}
