import { posix } from 'node:path';
import { type LintChartsRequest, lintCharts, spec } from '@zakenak/charts';
import type { Config } from '@zakenak/config';
import type { Files } from '@zakenak/core';
import { type Bound, bindInputs, bindVerb, given } from '../bind.ts';
import type { RunContext } from '../context.ts';
import { tellEdits } from '../policy-edits.ts';
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
    'ignore-file': policy?.ignoreFile,
    baseline: policy?.baseline,
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
    ignored: await readPolicyFile(inputs['ignore-file'], settings.policyRevision, context),
    known: await readPolicyFile(inputs.baseline, settings.policyRevision, context),
    ...(compared ? await readChanges(inputs['base-ref'], context) : {}),
    releases: deployed.releases,
    schemaFolder: context.schemaFolder,
    cacheFolder: posix.join(context.cacheFolder, 'lint'),
    version: context.version,
  };
  const report = await lintCharts(request, context.ports, context.signal);
  const edits = await tellEdits('charts', [inputs['ignore-file'], inputs.baseline], settings, context);
  return { ...report, caveats: [...edits, ...report.caveats, ...deployed.caveats] };
};

/** Text of a file of the policy, of the base commit where a change is judged. */
async function readPolicyFile(
  path: string,
  revision: string | undefined,
  { ports: { files, git } }: RunContext,
): Promise<string | undefined> {
  await files.resolve(path);
  if (revision !== undefined) return git.readFile(revision, posix.normalize(path));
  return (await files.stat(path)) ? files.readText(path) : undefined;
}

/** What changed since `baseRef`, in the event's range where none is given, and the files as they were where that branched off. */
async function readChanges(
  baseRef: string | undefined,
  context: RunContext,
): Promise<Pick<LintChartsRequest, 'changedFiles' | 'readBase'>> {
  const { git } = context.ports;
  const range = await context.range(baseRef);
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
    'ignore-file': 'policy.charts.ignoreFile',
    baseline: 'policy.charts.baseline',
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
