import { posix } from 'node:path';
import type { Files } from '@zakenak/core';
import type { Chart } from './chart.ts';
import { findValues } from './chart.ts';

/** Values that a chart is deployed with. */
export interface ReleaseValues {
  /** The chart's folder. */
  readonly chart: string;
  /** The release's. */
  readonly name: string;
  readonly namespace: string;
  /** `web in prod` */
  readonly label: string;
  readonly values: Readonly<Record<string, unknown>>;
  /** Files of the workspace that they are written in, the last word first; `below` is the key that a file holds this release's values under, '' for none. */
  readonly places: readonly { readonly path: string; readonly below: string }[];
}

/** One set of values of a chart's matrix. */
export interface ValuesSet {
  /** `ci/big-values.yaml`, `web in prod` */
  readonly label: string;
  /** What helm is given after `--values`: an absolute path, or - for `input`. */
  readonly argument: string;
  readonly input?: string;
  readonly places: ReleaseValues['places'];
  /** What it is deployed as, where it is. */
  readonly release?: Pick<ReleaseValues, 'name' | 'namespace'>;
  /** Whatever changes when the values do. */
  readonly bytes: Uint8Array;
}

/** The values that a chart is rendered with besides its defaults: files of its own, and those of its releases. Throws `charts/missing-values`. */
export async function collectValues(
  chart: Chart,
  globs: readonly string[],
  releases: readonly ReleaseValues[],
  files: Files,
): Promise<readonly ValuesSet[]> {
  const own = (await findValues(chart, globs, files)).map(async (label): Promise<ValuesSet> => {
    const path = posix.join(chart.folder, label);
    const argument = await files.resolve(path);
    return { label, argument, places: [{ path, below: '' }], bytes: await files.readBytes(argument) };
  });
  const deployed = releases
    .filter((release) => release.chart === chart.folder)
    .map(({ name, namespace, label, values, places }): ValuesSet => {
      const input = JSON.stringify(values);
      const release = { name, namespace };
      return { label, argument: '-', input, places, release, bytes: Buffer.from(input) };
    });
  return [...(await Promise.all(own)), ...deployed];
}

/** Files outside the chart's folder that its values are written in. */
export function valuesElsewhere(
  { folder }: Pick<Chart, 'folder'>,
  globs: readonly string[],
  releases: readonly ReleaseValues[],
): readonly string[] {
  const plain = globs.map((glob) => posix.join(folder, glob)).filter((path) => !/[*?[{]/.test(path));
  const deployed = releases.filter(({ chart }) => chart === folder);
  return [...plain, ...deployed.flatMap(({ places }) => places.map(({ path }) => path))];
}
