import type { BuildConfig, Config, ReleaseConfig, ResolvedEnvironment } from '@zakenak/config';
import { resolveEnvironment } from '@zakenak/config/environment';
import { type CiEvent, parseDuration, parseQuantity } from '@zakenak/core';
import type { DriftSettings, ReleaseRequest, RolloutRequest, ValuesLayer } from '@zakenak/rollout';
import { badImageDigest, badImages, longSetName, noReleases } from './errors.ts';
import { pickEnvironment } from './settings.ts';

/** Repository and digest of an image that was built. */
interface BuiltImage {
  readonly repository: string;
  readonly digest: string;
}

/** What of the inputs a rollout is made of. */
interface RolloutInputs {
  readonly environment?: string | undefined;
  readonly 'image-digests'?: readonly string[];
  readonly images?: string | undefined;
  readonly 'wait-timeout'?: number;
  readonly test?: boolean;
}

/** Characters of a label's value (kubernetes: apimachinery/pkg/util/validation). */
const longestLabel = 63;

/** The environment's set of releases. Throws `config/unknown-environment`, `pipeline/no-releases`, `pipeline/long-set-name` and `pipeline/bad-image-digest`. */
export function describeRollout(
  config: Config,
  inputs: RolloutInputs,
  event: CiEvent,
): { readonly rollout: RolloutRequest; readonly environment: ResolvedEnvironment } {
  const environment =
    pickEnvironment(config, inputs.environment) ?? resolveEnvironment(config, inputs.environment);
  const images = readImages(inputs, config.build ?? []);
  const manifests = manifestsRelease(config, environment);
  const timeoutMs = inputs['wait-timeout'];
  const releases = environment.releases.map((release) => ({
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...describeRelease(release, config, environment, images, manifests !== undefined),
    ...(inputs.test || release.test ? { test: true } : {}),
  }));
  const all = [...(manifests ? [manifests] : []), ...releases];
  if (all.length === 0) throw noReleases(environment.name);
  const set = `${config.project}-${environment.name}`;
  if (set.length > longestLabel) throw longSetName(set);
  return {
    environment,
    rollout: {
      set,
      releases: all,
      drift: describeDrift(config, environment),
      ...(config.health ? { health: config.health } : {}),
      ...(config.deploy?.helmTimeout
        ? { helmTimeoutMs: parseDuration('deploy.helmTimeout', config.deploy.helmTimeout) }
        : {}),
      ...(config.deploy?.historyLimit ? { historyLimit: config.deploy.historyLimit } : {}),
      ...(event.headSha ? { commit: event.headSha } : {}),
    },
  };
}

/** The rules of the file, and each release's own; whose fields are taken over. */
function describeDrift({ drift, deploy }: Config, { releases }: ResolvedEnvironment): DriftSettings {
  const own = releases.flatMap(({ name, drift }) =>
    (drift?.ignore ?? []).map((rule) => ({ ...rule, release: name })),
  );
  const ignore = [...own, ...(drift?.ignore ?? [])];
  return {
    ...(drift?.autoscalers ? { autoscalers: drift.autoscalers } : {}),
    ...(deploy?.conflicts ? { conflicts: deploy.conflicts } : {}),
    ignore,
  };
}

/** Plain manifests are a release of their own, and every other one needs it. */
const manifestsName = 'manifests';

function manifestsRelease(config: Config, { environment }: ResolvedEnvironment): ReleaseRequest | undefined {
  const paths = config.deploy?.manifests ?? [];
  if (paths.length === 0) return undefined;
  const namespace = environment.namespace ?? config.deploy?.namespace ?? 'default';
  return { name: manifestsName, namespace, source: { manifests: paths } };
}

function describeRelease(
  release: ReleaseConfig & { readonly namespace: string },
  config: Config,
  environment: ResolvedEnvironment,
  images: readonly (BuildConfig & BuiltImage)[],
  hasManifests: boolean,
): ReleaseRequest {
  const { name, namespace, chart, version, repo, gpu, timeout } = release;
  return {
    name,
    namespace,
    source: { chart, ...(version ? { version } : {}), ...(repo ? { repo } : {}) },
    values: describeValues(release, config, environment, images),
    needs: [...(hasManifests ? [manifestsName] : []), ...(release.needs ?? [])],
    ...(timeout ? { timeoutMs: parseDuration('timeout', timeout) } : {}),
    ...(gpu ? { gpu: { count: gpu.count ?? 1, ...memoryOf(gpu.minMemory) } } : {}),
  };
}

/** A release's values in an environment, the last word last. */
export function describeValues(
  release: ReleaseConfig,
  config: Config,
  environment: ResolvedEnvironment,
  images: readonly (BuildConfig & BuiltImage)[],
): readonly ValuesLayer[] {
  const { name } = release;
  return [
    ...ownValues(release),
    ...environmentValues(name, config, environment),
    ...imageValues(name, images),
  ];
}

function memoryOf(text: string | undefined): { readonly minMemoryBytes?: number } {
  const bytes = text === undefined ? undefined : parseQuantity(text);
  return bytes === undefined ? {} : { minMemoryBytes: bytes };
}

function ownValues({ name, values, valuesFrom = [] }: ReleaseConfig): readonly ValuesLayer[] {
  const others = valuesFrom.map((from) => ({ ...from, namedBy: `valuesFrom of the release ${name}` }));
  if (values === undefined) return others;
  return Array.isArray(values)
    ? [...values.map((file: string) => ({ file, namedBy: `values of the release ${name}` })), ...others]
    : [{ values: values as Readonly<Record<string, unknown>> }, ...others];
}

/** The environment knows its place better than the release does: its values win. */
function environmentValues(
  release: string,
  { deploy }: Config,
  { name, environment }: ResolvedEnvironment,
): readonly ValuesLayer[] {
  // A release that is not of this environment is a release.
  const releases = (deploy?.releases ?? []).map(({ name }) => name);
  const namedBy = `values of the environment ${name}`;
  return (environment.values ?? []).map((file) => ({ file, namedBy, release, releases }));
}

function imageValues(release: string, images: readonly (BuildConfig & BuiltImage)[]): readonly ValuesLayer[] {
  return images
    .filter((image) => (image.release ?? image.name) === release)
    .map(({ valuesPath = 'image', repository, digest }) => ({ image: { repository, digest }, valuesPath }));
}

function readImages(
  inputs: RolloutInputs,
  builds: readonly BuildConfig[],
): readonly (BuildConfig & BuiltImage)[] {
  const given = new Map([...parseImages(inputs.images), ...(inputs['image-digests'] ?? []).map(parseDigest)]);
  const known = builds.map(({ name }) => name);
  for (const name of given.keys()) if (!known.includes(name)) throw badImageDigest(name, known);
  return builds.flatMap((build) => {
    const image = given.get(build.name);
    return image ? [{ ...build, ...image }] : [];
  });
}

function parseDigest(text: string): [string, BuiltImage] {
  const [, name = '', repository = '', digest = ''] = /^([^=]+)=(.+)@(sha256:[0-9a-f]{64})$/.exec(text) ?? [];
  if (!name) throw badImageDigest(text, []);
  return [name, { repository, digest }];
}

function parseImages(text: string | undefined): readonly [string, BuiltImage][] {
  if (!text?.trim()) return [];
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw badImages();
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw badImages();
  return Object.entries(parsed as Record<string, Partial<BuiltImage> | null>).flatMap(([name, image]) =>
    image?.repository && image.digest ? [parseDigest(`${name}=${image.repository}@${image.digest}`)] : [],
  );
}
