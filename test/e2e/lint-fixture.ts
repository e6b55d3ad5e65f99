import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { lintCharts, type ReleaseValues, spec } from '@zakenak/charts';
import { type ProcessRunner, parseInputs, type Report } from '@zakenak/core';
import { collectingLog } from '@zakenak/core/testing';
import { createFiles, createHttp, createProcessRunner } from '@zakenak/machine';
import { prepareSchemas } from '@zakenak/schemas';
import { cacheFolder, createToolchain } from '@zakenak/toolchain';

const progress = { emit() {} };
/** The real programs. */
export const runner = createToolchain({
  process: createProcessRunner(),
  env: process.env,
  http: createHttp(),
  progress,
});

/** A template without fault. */
export const deployment = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels: { app: web }
  template:
    metadata:
      labels: { app: web }
    spec:
      containers:
        - name: web
          image: web:1
          readinessProbe: { httpGet: { path: /, port: 80 } }
`;

const good = {
  'charts/web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 0.1.0\n',
  'charts/web/values.yaml': 'replicas: 1\n',
  'charts/web/templates/deployment.yaml': deployment,
};

/** How a test lints. */
export interface LintOptions {
  readonly changed?: readonly string[];
  readonly inputs?: Readonly<Record<string, string>>;
  readonly ignored?: string;
  readonly releases?: readonly ReleaseValues[];
  readonly base?: Readonly<Record<string, string>>;
  readonly cacheFolder?: string;
  readonly version?: string;
  readonly process?: ProcessRunner;
}

/** Lints a workspace by the engine, with real programs. */
export function lint(
  root: string,
  { changed, inputs, base, process: own, ...rest }: LintOptions = {},
): Promise<Report> {
  return lintCharts(
    {
      ...parseInputs(spec, (name) => inputs?.[name]),
      ...(changed ? { changedFiles: changed.map((path) => ({ path, status: 'modified' as const })) } : {}),
      ...(base ? { readBase: async (path: string) => base[path] } : {}),
      ...rest,
      schemaFolder: (version) =>
        prepareSchemas(version, { process: runner, progress, cacheFolder: cacheFolder(process.env) }),
    },
    { process: own ?? runner, files: createFiles(root), log: collectingLog(), progress },
  );
}

/** A workspace with a good chart, `charts/web`, and the files given. */
export async function makeTree(t: TestContext, files: Record<string, string>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'lint-helm-'));
  t.after(() => rm(root, { recursive: true }));
  for (const [path, text] of Object.entries({ ...good, ...files })) {
    await mkdir(join(root, dirname(path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return root;
}

/** Lints such a workspace. */
export async function lintFiles(
  t: TestContext,
  files: Record<string, string>,
  options?: LintOptions,
): Promise<Report> {
  return lint(await makeTree(t, files), options);
}

/** Rules and places of what is worse than information. */
export const bad = (report: Report): readonly string[] =>
  report.findings
    .filter(({ severity }) => severity !== 'info')
    .map(({ ruleId, location }) => `${ruleId} ${location?.path}:${location?.startLine ?? ''}`);
