import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { lintCharts, spec } from '@zakenak/charts';
import { parseInputs, type Report } from '@zakenak/core';
import { collectingLog } from '@zakenak/core/testing';
import { createFiles, createHttp, createProcessRunner } from '@zakenak/machine';
import { prepareSchemas } from '@zakenak/schemas';
import { cacheFolder, createToolchain } from '@zakenak/toolchain';

const progress = { emit() {} };
const runner = createToolchain({
  process: createProcessRunner(),
  env: process.env,
  http: createHttp(),
  progress,
});

const deployment = `apiVersion: apps/v1
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
`;

const good = {
  'charts/web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 0.1.0\n',
  'charts/web/values.yaml': 'replicas: 1\n',
  'charts/web/templates/deployment.yaml': deployment,
};

function lint(root: string, changed?: readonly string[]): Promise<Report> {
  return lintCharts(
    {
      ...parseInputs(spec, (name) => (changed && name === 'changed-only' ? 'true' : undefined)),
      ...(changed ? { changedFiles: changed.map((path) => ({ path, status: 'modified' as const })) } : {}),
      schemaFolder: (version) =>
        prepareSchemas(version, { process: runner, progress, cacheFolder: cacheFolder(process.env) }),
    },
    { process: runner, files: createFiles(root), log: collectingLog(), progress },
  );
}

async function lintFiles(
  t: TestContext,
  files: Record<string, string>,
  changed?: readonly string[],
): Promise<Report> {
  const root = await mkdtemp(join(tmpdir(), 'lint-helm-'));
  t.after(() => rm(root, { recursive: true }));
  for (const [path, text] of Object.entries({ ...good, ...files })) {
    await mkdir(join(root, dirname(path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return lint(root, changed);
}

const bad = (report: Report) =>
  report.findings
    .filter(({ severity }) => severity !== 'info')
    .map(({ ruleId, location }) => `${ruleId} ${location?.path}:${location?.startLine ?? ''}`);

test('a good chart passes', async (t) => {
  const report = await lintFiles(t, {});
  assert.deepEqual(bad(report), []);
  assert.equal(report.verdict, 'passed');
});

test('a template that fails is found on its line, once', async (t) => {
  const report = await lintFiles(t, {
    'charts/web/templates/config.yaml':
      'kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: {{ .Values.a.b.c }}\n',
  });
  assert.deepEqual(bad(report), ['charts/template-error charts/web/templates/config.yaml:4']);
  assert.equal(report.verdict, 'failed');
});

test('a field of the wrong type is found in the template, with the values that lead to it', async (t) => {
  const report = await lintFiles(t, { 'charts/web/ci/text-values.yaml': 'replicas: many\n' });
  assert.deepEqual(bad(report), ['charts/invalid-manifest charts/web/templates/deployment.yaml:6']);
  assert.match(
    report.findings.find(({ severity }) => severity === 'high')?.message ?? '',
    /ci\/text-values\.yaml/,
  );
});

test('an unknown field is found in the template', async (t) => {
  const report = await lintFiles(t, {
    'charts/web/templates/deployment.yaml': deployment.replace('  replicas:', '  replica:'),
  });
  assert.deepEqual(bad(report), ['charts/invalid-manifest charts/web/templates/deployment.yaml:6']);
});

test('a values schema that is no schema is found', async (t) => {
  const report = await lintFiles(t, { 'charts/web/values.schema.json': '{"type": "objekt"}' });
  assert.deepEqual(
    [...new Set(bad(report))],
    ['charts/invalid-values-schema charts/web/values.schema.json:'],
  );
});

test('a value that breaks the values schema is found on its key', async (t) => {
  const report = await lintFiles(t, {
    'charts/web/values.schema.json': '{"properties": {"replicas": {"type": "string"}}}',
  });
  assert.deepEqual(bad(report), ['charts/values-against-schema charts/web/values.yaml:1']);
});

test('a kind without a schema is told and does not fail; its CRD in the repository is used', async (t) => {
  const thing = 'apiVersion: example.io/v1\nkind: Thing\nmetadata:\n  name: x\nspec:\n  size: big\n';
  const without = await lintFiles(t, { 'charts/web/templates/thing.yaml': thing });
  assert.equal(without.verdict, 'passed');
  assert.ok(without.findings.some(({ ruleId }) => ruleId === 'charts/no-schema'));
  const crd = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: things.example.io }
spec:
  group: example.io
  scope: Namespaced
  names: { kind: Thing, plural: things }
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema: { type: object, properties: { spec: { type: object, properties: { size: { type: integer } } } } }
`;
  const checked = await lintFiles(t, { 'charts/web/templates/thing.yaml': thing, 'crds/thing.yaml': crd });
  assert.deepEqual(bad(checked), ['charts/invalid-manifest charts/web/templates/thing.yaml:6']);
});

test('without a changed chart the run is skipped', async (t) => {
  assert.equal((await lintFiles(t, {}, ['README.md'])).verdict, 'skipped');
  assert.equal((await lintFiles(t, {}, ['charts/web/values.yaml'])).verdict, 'passed');
});

test('every chart of the example platform is clean with all of its values files', async () => {
  const report = await lint(join(import.meta.dirname, '../../examples/platform'));
  assert.deepEqual(bad(report), []);
  assert.equal(report.outputs.errors, 0);
  assert.ok(report.timings.length >= 5);
});
