import { nearest } from '@zakenak/core';
import { unknownEnvironment } from './errors.ts';
import type { Config, EnvironmentConfig, ReleaseConfig } from './schema.ts';

/** One environment with the releases that belong to it. */
export interface ResolvedEnvironment {
  readonly name: string;
  readonly environment: EnvironmentConfig;
  /** Releases of this environment, each with its namespace; needs of releases that live only elsewhere are dropped. */
  readonly releases: readonly (ReleaseConfig & { readonly namespace: string })[];
}

/** Picks an environment by name, or the only one there is. Throws `config/unknown-environment`. */
export function resolveEnvironment(config: Config, name?: string): ResolvedEnvironment {
  const known = Object.keys(config.environments);
  const picked = name ?? (known.length === 1 ? known[0] : undefined);
  const environment =
    picked !== undefined && known.includes(picked) ? config.environments[picked] : undefined;
  if (picked === undefined || !environment)
    throw unknownEnvironment(name, known, name ? nearest(name, known) : undefined);
  const declared = config.deploy?.releases ?? [];
  const here = declared.filter(
    ({ environments }) => environments === undefined || environments.includes(picked),
  );
  const names = new Set(here.map((release) => release.name));
  const fallback = environment.namespace ?? config.deploy?.namespace ?? 'default';
  const releases = here.map((release) => ({
    ...release,
    namespace: release.namespace ?? fallback,
    ...(release.needs ? { needs: release.needs.filter((need) => names.has(need)) } : {}),
  }));
  return { name: picked, environment, releases };
}
