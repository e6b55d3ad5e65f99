import { posix } from 'node:path';
import { lintCharts, spec } from '@zakenak/charts';
import type { Config } from '@zakenak/config';
import type { Files } from '@zakenak/core';
import { type Bound, bindInputs, bindVerb, given } from '../bind.ts';

/** Lints the charts: those named, or those of the charts' folders and of zakenak.yaml. */
export const lint: Bound = async (read, settings, context) => {
  const policy = (await settings.policy())?.charts;
  const named = given(read, 'charts') ?? given(read, 'chart-dirs');
  const inputs = bindInputs(spec, read, {
    strict: policy?.strict,
    'kubernetes-versions': policy?.kubernetesVersions,
    ...(named ? {} : { charts: await findOwnCharts(settings.config, context.ports.files) }),
  });
  const changedFiles = inputs['changed-only']
    ? await context.ports.git.changedFiles(await context.range())
    : undefined;
  const request = { ...inputs, changedFiles, schemaFolder: context.schemaFolder };
  return lintCharts(request, context.ports, context.signal);
};

/** `zakenak lint` and lint-helm. */
export const lintVerb = bindVerb(
  spec,
  {
    'chart-dirs': 'the folders of deploy.releases',
    strict: 'policy.charts.strict',
    'kubernetes-versions': 'policy.charts.kubernetesVersions',
  },
  lint,
);

/** Chart folders of the default places and of zakenak.yaml's releases, there or not; what none, or one that is not there, means is the engine's to say. */
export async function findOwnCharts(
  config: Config | undefined,
  files: Pick<Files, 'glob'>,
): Promise<readonly string[]> {
  const places = spec.inputs['chart-dirs'].default.flatMap((folder) => [
    `${folder}/Chart.yaml`,
    `${folder}/*/Chart.yaml`,
  ]);
  const declared = (config?.deploy?.releases ?? [])
    .filter(({ chart, repo }) => repo === undefined && !/^[a-z]+:\/\/|\.tgz$/.test(chart))
    .map(({ chart }) => posix.normalize(chart).replace(/(?<=.)\/+$/, ''));
  const manifests = await files.glob(places);
  return [...new Set([...manifests.map((path) => posix.dirname(path)), ...declared])].sort();
}
