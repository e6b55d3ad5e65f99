import { join } from 'node:path';
import type { Ports } from '@zakenak/core';
import type { ImageName } from './reference.ts';
import type { Credentials } from './registry.ts';

/**
 * Writes the login for the images' registries into `folder` and returns the environment that makes Docker's tools and buildah read it there: nothing is
 * left in the user's own ~/.docker. Without credentials the user's own login stays in force.
 */
export async function writeLogin(
  credentials: Credentials | undefined,
  images: readonly ImageName[],
  folder: string,
  ports: Pick<Ports, 'files' | 'redactor'>,
): Promise<Readonly<Record<string, string>>> {
  if (credentials === undefined) return {};
  const auth = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64');
  ports.redactor.add(credentials.password);
  ports.redactor.add(auth);
  // Docker Hub's login goes by this historical address.
  const keys = images.map(({ host }) =>
    host === 'registry-1.docker.io' ? 'https://index.docker.io/v1/' : host,
  );
  const auths = Object.fromEntries(keys.map((key) => [key, { auth }]));
  const path = join(folder, 'config.json');
  await ports.files.write(path, JSON.stringify({ auths }), { mode: 0o600 });
  return { DOCKER_CONFIG: folder, REGISTRY_AUTH_FILE: path };
}
