import { posix } from 'node:path';
import { type LintChartsRequest, lintCharts, spec } from '@zakenak/charts';
import type { Config } from '@zakenak/config';
import type { Files } from '@zakenak/core';
import { type Bound, bindInputs, bindVerb, given } from '../bind.ts';
import type { RunContext } from '../context.ts';
import { chartFolderOf, readReleaseValues } from '../release-values.ts';

/** Lints the charts: those named, or those of the charts' folders and of zakenak.yaml. */
export const lint: Bound = async (read, settings, context) => {
  const policy = (await settings.policy())?.charts;
  const named = given(read, 'charts') ?? given(read, 'chart-dirs');
  const inputs = bindInputs(spec, read, {
    strict: policy?.strict,
    'kubernetes-versions': policy?.kubernetesVersions,
    checks: policy?.checks,
    values: policy?.values,
    'crd-dirs': policy?.crdDirs,
    'schema-locations': policy?.schemaLocations,
    'version-bump': policy?.versionBump,
    'fail-on': policy?.failOn,
    ...(named ? {} : { charts: await findOwnCharts(settings.config, context.ports.files) }),
  });
  const compared = inputs['changed-only'] || inputs['version-bump'] !== 'off';
  const parsed = inputs.environments && settings.config ? await context.config() : undefined;
  const deployed = parsed
    ? await readReleaseValues(parsed, context.ports, context.signal)
    : { releases: [], caveats: [] };
  const request = {
    ...inputs,
    ignored: await readIgnored(inputs['ignore-file'], settings.policyRevision, context),
    ...(compared ? await readChanges(context) : {}),
    releases: deployed.releases,
    schemaFolder: context.schemaFolder,
    cacheFolder: posix.join(context.cacheFolder, 'lint'),
    version: context.version,
  };
  const report = await lintCharts(request, context.ports, context.signal);
  return { ...report, caveats: [...report.caveats, ...deployed.caveats] };
};

/** Text of the ignore file, of the base commit where a change is judged. */
async function readIgnored(
  path: string,
  revision: string | undefined,
  { ports: { files, git } }: RunContext,
): Promise<string | undefined> {
  if (revision !== undefined) return git.readFile(revision, path);
  await files.resolve(path);
  return (await files.stat(path)) ? files.readText(path) : undefined;
}

/** What changed in the event's range, and the files as they were where it branched off. */
async function readChanges(
  context: RunContext,
): Promise<Pick<LintChartsRequest, 'changedFiles' | 'readBase'>> {
  const { git } = context.ports;
  const range = await context.range();
  const changedFiles = await git.changedFiles(range);
  const [tip] = range.bases;
  const base = tip === undefined ? undefined : ((await git.mergeBase(tip, range.head)) ?? tip);
  return base === undefined
    ? { changedFiles }
    : { changedFiles, readBase: (path) => git.readFile(base, path) };
}

/** `zakenak lint` and lint-helm. */
export const lintVerb = bindVerb(
  spec,
  {
    'chart-dirs': 'the folders of deploy.releases',
    strict: 'policy.charts.strict',
    'kubernetes-versions': 'policy.charts.kubernetesVersions',
    checks: 'policy.charts.checks',
    values: 'policy.charts.values',
    'crd-dirs': 'policy.charts.crdDirs',
    'schema-locations': 'policy.charts.schemaLocations',
    'version-bump': 'policy.charts.versionBump',
    'fail-on': 'policy.charts.failOn',
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
    .map(chartFolderOf)
    .filter((folder) => folder !== undefined);
  const manifests = await files.glob(places);
  return [...new Set([...manifests.map((path) => posix.dirname(path)), ...declared])].sort();
}
