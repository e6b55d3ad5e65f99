import { posix } from 'node:path';
import type { ReleaseValues } from '@zakenak/charts';
import type { Config } from '@zakenak/config';
import { resolveEnvironment } from '@zakenak/config/environment';
import { readValues, type ValuesLayer } from '@zakenak/rollout';
import type { RunContext } from './context.ts';
import { describeValues } from './rollout-request.ts';

/** What the releases of zakenak.yaml are deployed with. */
export interface DeployedValues {
  readonly releases: readonly ReleaseValues[];
  /** Releases that were left out, one sentence each. */
  readonly caveats: readonly string[];
}

type ValuesPorts = Pick<RunContext['ports'], 'files' | 'process' | 'redactor'>;

/** The folder of a chart as zakenak.yaml names it; undefined for one of elsewhere or an archive. */
export function chartFolderOf({
  chart,
  repo,
}: {
  readonly chart: string;
  readonly repo?: string;
}): string | undefined {
  if (repo !== undefined || /^[a-z]+:\/\/|\.tgz$/.test(chart)) return undefined;
  return posix.normalize(chart).replace(/(?<=.)\/+$/, '');
}

/**
 * The values of each release with a chart of the repository, in each environment: what an image's digest will be is not known yet, and has a stand-in. Values that SOPS encrypted are not decrypted: what is told
 * of a change must not depend on who has the keys. Throws what reading values throws.
 */
export async function readReleaseValues(
  { config, path }: { readonly config: Config; readonly path: string },
  ports: ValuesPorts,
  signal?: AbortSignal,
): Promise<DeployedValues> {
  const releases = new Map<string, ReleaseValues>();
  const caveats: string[] = [];
  const images = (config.build ?? []).map((build) => ({
    ...build,
    repository: `${config.registry ?? 'registry.invalid'}/${build.name}`,
    digest: `sha256:${'0'.repeat(64)}`,
  }));
  for (const name of Object.keys(config.environments)) {
    const environment = resolveEnvironment(config, name);
    for (const release of environment.releases) {
      const chart = chartFolderOf(release);
      if (chart === undefined) continue;
      const label = `${release.name} in ${name}`;
      const layers = describeValues(release, config, environment, images);
      const encrypted = await findEncrypted(layers, ports);
      if (encrypted !== undefined) {
        caveats.push(`${label} was not rendered: its values in ${encrypted} are encrypted.`);
        continue;
      }
      const takesImage = layers.some((layer) => 'image' in layer);
      const defaults = takesImage ? await readDefaults(chart, ports) : {};
      const values = await readValues(layers, ports, signal, { defaults });
      const places = [...layers.flatMap(placeOf).reverse(), { path, below: '' }];
      const { namespace } = release;
      const key = JSON.stringify([chart, release.name, namespace, values]);
      const same = releases.get(key);
      // Two environments that differ in nothing are one combination.
      if (same) releases.set(key, { ...same, label: `${same.label}, ${label}` });
      else releases.set(key, { chart, name: release.name, namespace, label, values, places });
    }
  }
  return { releases: [...releases.values()], caveats };
}

/** The chart's own values; none where they cannot be read, of which lint tells. */
async function readDefaults(chart: string, ports: ValuesPorts): Promise<Readonly<Record<string, unknown>>> {
  const file = posix.join(chart, 'values.yaml');
  return readValues([{ file, optional: true }], ports).catch(() => ({}));
}

function placeOf(layer: ValuesLayer): ReleaseValues['places'] {
  if (!('file' in layer)) return [];
  return [{ path: posix.normalize(layer.file), below: 'release' in layer ? layer.release : '' }];
}

async function findEncrypted(
  layers: readonly ValuesLayer[],
  { files }: ValuesPorts,
): Promise<string | undefined> {
  for (const layer of layers) {
    if (!('file' in layer)) continue;
    const path = await files.resolve(layer.file);
    const text = (await files.stat(path)) ? await files.readText(path) : '';
    if (/^\s*["']?sops["']?\s*:/m.test(text)) return layer.file;
  }
  return undefined;
}
