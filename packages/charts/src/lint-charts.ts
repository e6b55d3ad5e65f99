import { posix } from 'node:path';
import {
  type ChangedFile,
  collectFindings,
  createLimiter,
  createReport,
  type Finding,
  type InputsOf,
  isAtLeast,
  type Ports,
  type Report,
} from '@zakenak/core';
import { createPull, keepPulls, placeChart } from '@zakenak/helm';
import { compareWithBaseline, parseBaseline, renderBaseline, updateBaseline } from './baseline.ts';
import { type Chart, findCharts, selectChanged, selectLinked } from './chart.ts';
import { describeSources } from './chart-sources.ts';
import { selectChecks } from './checks.ts';
import { renderCrdSchemas } from './crds.ts';
import { dropIgnored, parseIgnoreFile } from './ignore-file.ts';
import { expandVersions } from './kubernetes-versions.ts';
import { type LintJob, type LintRules, runLintJobs } from './lint-jobs.ts';
import { loadChart } from './load-chart.ts';
import { type Circumstances, keyChart, openResultCache } from './result-cache.ts';
import { resolveSchemaLocations, type SchemaLocation } from './schema-locations.ts';
import type { spec } from './spec.ts';
import { collectValues, type ReleaseValues, valuesElsewhere } from './values-set.ts';
import { checkVersionBumps } from './version-bump.ts';

/** What to lint. */
export type LintChartsRequest = InputsOf<typeof spec> & {
  /** Needed for `changed-only` and `version-bump`; every chart is linted and no version compared where it is absent. */
  readonly changedFiles?: readonly ChangedFile[] | undefined;
  /** The text of a file at the merge base. Needed for `version-bump`. */
  readonly readBase?: (path: string) => Promise<string | undefined>;
  /** What the charts are deployed with: rendered besides the defaults and `values`. */
  readonly releases?: readonly ReleaseValues[];
  /** The text of `ignore-file`; nothing is ignored where it is absent. */
  readonly ignored?: string | undefined;
  /** The text of `baseline`; every finding is new where it is absent. */
  readonly known?: string | undefined;
  /** Absolute folder with the JSON schemas of a Kubernetes version. */
  readonly schemaFolder: (version: string) => Promise<string>;
  /** Absolute folder of findings that later runs may take; nothing is kept where it is absent. */
  readonly cacheFolder?: string;
  /** This program's own: what another version kept does not count. */
  readonly version?: string;
};

type LintPorts = Pick<Ports, 'process' | 'files' | 'log' | 'progress'>;

/**
 * Lints charts, renders each with its defaults and every values file, and checks the manifests against the schemas of each Kubernetes version and
 * against the checks of our own. Findings of a chart for which nothing changed are taken from `cacheFolder`.
 * Throws `charts/no-chart`, `charts/none-found`, `charts/missing-values`, `charts/unknown-check`, `charts/bad-ignore-file`, `charts/bad-baseline`, `charts/remote-schemas`, `charts/missing-schemas`, `charts/schema-check-failed`, and what the ports throw.
 */
export async function lintCharts(
  request: LintChartsRequest,
  ports: LintPorts,
  signal?: AbortSignal,
): Promise<Report> {
  const checks = selectChecks(request.checks);
  const ignored = parseIgnoreFile(request['ignore-file'], request.ignored ?? '');
  const before = request.known === undefined ? undefined : parseBaseline(request.known, request.baseline);
  const all = await findCharts(request.charts, request['chart-dirs'], ports.files);
  const changed = request['changed-only'] ? request.changedFiles : undefined;
  const releases = request.releases ?? [];
  const elsewhere = (chart: Chart) => valuesElsewhere(chart, request.values, releases);
  const charts = changed ? selectChanged(all, changed, elsewhere, await selectLinked(all, ports.files)) : all;
  const common = { tool: 'lint-helm' };
  if (charts.length === 0)
    return createReport({
      ...common,
      verdict: 'skipped',
      summary: 'No chart changed.',
      outputs: outputsOf([], [], []),
    });
  const crds = await readCrds(request['crd-dirs'], ports);
  await using crdFolder = await ports.files.temporaryFolder('crds');
  const locations = await resolveSchemaLocations(request['schema-locations'], ports);
  const rules = await readRules(request, checks, { crdFolder: crdFolder.path, locations }, ports);
  const around = { crds, crdFolder: crdFolder.path, locations: locations.map(({ digest }) => digest) };
  const { found, timings } = await lintAll(request, charts, rules, around, ports, signal);
  const everything = collectFindings([...found, ...(await findUnraised(request, charts, ports))]);
  const unignored = dropIgnored(everything, ignored);
  const folders = charts.map(({ folder }) => folder);
  const baseline = request['update-baseline'] ? updateBaseline(before, unignored, folders) : before;
  if (baseline && baseline !== before)
    await ports.files.write(await ports.files.resolve(request.baseline), renderBaseline(baseline));
  const { findings, fresh } = compareWithBaseline(unignored, baseline);
  const failOn = request['fail-on'];
  const failed = failOn !== 'none' && fresh.some(({ severity }) => isAtLeast(severity, failOn));
  return createReport({
    ...common,
    findings,
    verdict: failed ? 'failed' : 'passed',
    outputs: outputsOf(folders, findings, fresh),
    caveats: [
      ...tellCount(everything.length - unignored.length, `accepted by ${request['ignore-file']}`),
      ...tellCount(findings.length - fresh.length, `in the baseline ${request.baseline}`),
    ],
    timings,
  });
}

function tellCount(count: number, what: string): readonly string[] {
  return count === 0 ? [] : [`${count} finding${count === 1 ? ' is' : 's are'} ${what}.`];
}

async function readRules(
  request: LintChartsRequest,
  checks: ReadonlySet<string>,
  own: { readonly crdFolder: string; readonly locations: readonly SchemaLocation[] },
  { files }: LintPorts,
): Promise<LintRules> {
  const schemas = await Promise.all(
    expandVersions(request['kubernetes-versions']).map(async (version) => ({
      version,
      folder: await request.schemaFolder(version),
      crdFolder: own.crdFolder,
      more: own.locations.map(({ template }) => template),
    })),
  );
  const helmPath = request['helm-path'];
  const helm =
    helmPath === undefined ? 'helm' : helmPath.startsWith('/') ? helmPath : await files.resolve(helmPath);
  return { helm, strict: request.strict, checks, schemas };
}

async function readCrds(
  folders: readonly string[],
  { files }: LintPorts,
): Promise<ReadonlyMap<string, string>> {
  const crds = new Map<string, string>();
  for (const folder of folders) await files.resolve(folder);
  for (const path of await files.glob(folders.map((folder) => `${folder}/**/*.{yaml,yml}`)))
    for (const [name, schema] of renderCrdSchemas(await files.readText(path)))
      crds.set(name, JSON.stringify(schema));
  return crds;
}

/** Findings of all charts: known ones from the cache, the others' found together. */
async function lintAll(
  request: LintChartsRequest,
  charts: readonly Chart[],
  rules: LintRules,
  own: Pick<Circumstances, 'crds' | 'locations'> & { readonly crdFolder: string },
  ports: LintPorts,
  signal?: AbortSignal,
): Promise<{ readonly found: readonly Finding[]; readonly timings: Report['timings'] }> {
  const cache = openResultCache(request.cacheFolder, ports);
  const schemas = rules.schemas.map(({ version, folder }) => ({ version, folder }));
  const tools = request.cacheFolder === undefined ? [] : await readToolVersions(rules.helm, ports, signal);
  await using folder = await ports.files.temporaryFolder('lint');
  const pulls = request.cacheFolder && posix.join(request.cacheFolder, 'pulls');
  const pull = keepPulls(createPull(ports, { helm: rules.helm, signal }), pulls, ports.files);
  const limit = createLimiter(parallelLoads);
  const prepare = async (chart: Chart, index: number): Promise<Prepared> => {
    const values = await collectValues(chart, request.values, request.releases ?? [], ports.files);
    const place = posix.join(folder.path, String(index));
    const read = await loadChart(chart, place, { ...ports, pull });
    if ('ruleId' in read) return { found: [read] };
    const { crds, locations } = own;
    const around = { ...rules, crds, locations, schemas, tools: [...tools, request.version ?? ''] };
    const key = keyChart(chart, read, values, around);
    const found = await cache.read(key);
    if (found) return { found };
    const sources = describeSources(chart, read, await placeChart(read, place, ports));
    return { job: { sources, values, key } };
  };
  const prepared = await Promise.all(charts.map((chart, index) => limit(() => prepare(chart, index))));
  const jobs = prepared.flatMap(({ job }) => job ?? []);
  ports.log.debug(
    `${charts.length - jobs.length} of ${charts.length} charts are as an earlier run judged them.`,
  );
  if (jobs.length > 0)
    await Promise.all(
      [...own.crds].map(([name, schema]) =>
        limit(() => ports.files.write(posix.join(own.crdFolder, name), schema)),
      ),
    );
  const { results, timings } = await runLintJobs(jobs, rules, ports, signal);
  const keys = new Map(jobs.map(({ sources, key }) => [sources.chart.folder, key]));
  for (const { folder: name, findings } of results) await cache.write(keys.get(name), findings);
  const found = [
    ...prepared.flatMap((chart) => chart.found ?? []),
    ...results.flatMap(({ findings }) => findings),
  ];
  return { found, timings };
}

/** A chart whose findings are known, or what is to be looked at. */
interface Prepared {
  readonly found?: readonly Finding[];
  readonly job?: LintJob & { readonly key: string };
}

/** Of what is read of one chart nothing is kept: as many are in memory at a time. */
const parallelLoads = 4;

async function readToolVersions(
  helm: string,
  { process }: LintPorts,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const answers = await Promise.all([
    process.run({ program: helm, args: ['version'], timeoutMs: 30_000 }, signal),
    process.run({ program: 'kubeconform', args: ['-v'], timeoutMs: 30_000 }, signal),
  ]);
  return answers.map(({ stdout, stderr }) => `${stdout}${stderr}`.trim());
}

async function findUnraised(
  request: LintChartsRequest,
  charts: readonly Chart[],
  ports: LintPorts,
): Promise<readonly Finding[]> {
  const { changedFiles, readBase, 'version-bump': level } = request;
  if (level === 'off' || !changedFiles || !readBase) return [];
  return checkVersionBumps(charts, { files: changedFiles, readBase }, level, ports);
}

function outputsOf(
  charts: readonly string[],
  findings: Report['findings'],
  fresh: Report['findings'],
): Report['outputs'] {
  const errors = fresh.filter(({ severity }) => isAtLeast(severity, 'high')).length;
  const warnings = fresh.filter(({ severity }) => severity === 'low' || severity === 'medium').length;
  const counts = { 'findings-count': findings.length, 'new-count': fresh.length, errors, warnings };
  return { 'changed-charts': charts, ...counts };
}
