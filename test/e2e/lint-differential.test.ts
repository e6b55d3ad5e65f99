import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import type { Report } from '@zakenak/core';
import { createProcessRunner } from '@zakenak/machine';
import { prepareSchemas } from '@zakenak/schemas';
import { cacheFolder } from '@zakenak/toolchain';
import { chartCorpus } from './chart-corpus.ts';
import { deployment, lint, makeTree, runner } from './lint-fixture.ts';

// What users run today, and what it says, beside what lint says of the same charts.
const version = '1.34.4';
let helm: string;
let kubeconform: string;
let schemas: string;

before(async () => {
  [helm, kubeconform] = await Promise.all([runner.resolve('helm'), runner.resolve('kubeconform')]);
  schemas = await prepareSchemas(version, {
    process: createProcessRunner(),
    progress: { emit() {} },
    cacheFolder: cacheFolder(process.env),
  });
});

const chartYaml = (name: string) => `apiVersion: v2\nname: ${name}\nversion: 1.0.0\n`;
const map = (name: string, data: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\ndata: ${data}\n`;

/** Charts with every kind of fault that one of the three tells, and shapes of YAML that a reader could miss. */
const faulty: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  types: {
    'templates/a.yaml': deployment.replace('{{ .Values.replicas }}', '"three"'),
    'templates/b.yaml': map('b', '[1]'),
  },
  fields: {
    'templates/a.yaml': deployment.replace('  replicas:', '  replica:').replace('image: web:1', 'imag: 1'),
  },
  json: {
    'templates/a.json': '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": [1]}',
    'templates/b.yaml': '{apiVersion: v1, kind: ConfigMap, metadata: {name: b}, data: {a: 1}}\n',
    'templates/c.yaml': `"apiVersion": v1\n"kind": "ConfigMap"\n"metadata": { "name": c }\n"data": [1]\n`,
  },
  list: {
    'templates/a.yaml': `apiVersion: v1\nkind: List\nitems:\n${['a', 'b']
      .map(
        (name) => `  - apiVersion: v1\n    kind: ConfigMap\n    metadata: { name: ${name} }\n    data: [1]\n`,
      )
      .join('')}`,
  },
  separators: {
    'templates/a.yaml': `---\n# nothing\n---\n${map('a', '{ a: b }')}---\n\n--- # more\n${map('b', '[1]')}...\n---\r\n${map('c', '[1]').replaceAll('\n', '\r\n')}`,
    'templates/NOTES.txt': 'kind: ConfigMap\n',
  },
  nameless: { 'templates/a.yaml': 'apiVersion: v1\nkind: ConfigMap\ndata: { a: b }\n' },
  kindless: { 'templates/a.yaml': 'apiVersion: v1\nmetadata: { name: a }\n' },
  unknown: { 'templates/a.yaml': 'apiVersion: example.com/v1\nkind: Thing\nmetadata: { name: a }\n' },
  gone: {
    'templates/a.yaml': 'apiVersion: policy/v1beta1\nkind: PodSecurityPolicy\nmetadata: { name: a }\n',
  },
  duplicate: { 'templates/a.yaml': `${map('a', '{ a: b }')}data: { c: d }\n` },
  hooks: {
    'templates/a.yaml':
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, annotations: { helm.sh/hook: pre-install } }\ndata: [1]\n',
  },
  crds: {
    'crds/a.yaml': `${map('x', '{ a: b }')}---\n${map('y', '[1]')}`,
    'templates/a.yaml': map('a', '{ a: b }'),
  },
  values: {
    'templates/a.yaml': deployment,
    'values.schema.json': '{"properties": {"replicas": {"type": "integer"}}}',
    'ci/a-values.yaml': 'replicas: many\n',
  },
  schema: { 'templates/a.yaml': map('a', '{ a: b }'), 'values.schema.json': '{"type": "objekt"}' },
  template: { 'templates/a.yaml': map('a', '{ a: {{ .Values.a.b }} }') },
  yaml: { 'templates/a.yaml': 'a: b: c\n' },
  required: {
    'templates/a.yaml': map('a', '{ a: {{ required "a is needed" .Values.a }} }'),
    'ci/a-values.yaml': 'a: b',
  },
  'bad-metadata': {
    'Chart.yaml': 'apiVersion: v2\nname: bad_Metadata\nversion: one\n',
    'templates/a.yaml': '',
  },
  untemplated: { 'values.yaml': 'a: [\n' },
};

interface Word {
  readonly kind: string;
  readonly name: string;
  readonly status: string;
}

/** What kubeconform says of what `helm template` prints; undefined where that fails. */
function pipe(chart: string, values: string | undefined): readonly Word[] | undefined {
  const file = values ? ['--values', join(chart, values)] : [];
  const args = ['template', 'lint', chart, '--kube-version', version, '--include-crds', ...file];
  const rendered = spawnSync(helm, args, { encoding: 'utf8' });
  if (rendered.status !== 0) return undefined;
  const check = [
    '-strict',
    '-output',
    'json',
    '-verbose',
    '-ignore-missing-schemas',
    '-kubernetes-version',
    version,
  ];
  check.push('-schema-location', `${schemas}/{{.ResourceKind}}{{.KindSuffix}}.json`);
  const { stdout } = spawnSync(kubeconform, check, { encoding: 'utf8', input: rendered.stdout });
  return (JSON.parse(stdout) as { readonly resources: readonly Word[] | null }).resources ?? [];
}

/** Objects, by the word on them, of one of ours. */
function oursOf(report: Report, combination: string, rule: string): readonly string[] {
  const found = report.findings.filter(
    ({ ruleId, message, tool }) =>
      tool === 'kubeconform' && ruleId === rule && message.includes(`${combination} on `),
  );
  return [
    ...new Set(found.map(({ message }) => message.split(':')[0]?.replace(/^No schema of \S+ /, '') ?? '')),
  ].sort();
}

async function compare(root: string, chart: string): Promise<void> {
  const folder = join(root, chart);
  const report = await lint(root, {
    inputs: { charts: chart, checks: '-removed-api', 'crd-dirs': 'nowhere' },
  });
  const sets = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    /^ci\/.*-values\.yaml$/.test(path),
  );
  for (const values of [undefined, ...sets]) {
    const words = pipe(folder, values);
    const combination = values ?? 'defaults';
    const failed = report.findings.some(
      ({ tool, severity, ruleId, message }) =>
        // Told, and no fault where a values file has what the defaults lack.
        (ruleId === 'charts/refused-values' || severity === 'high') &&
        tool === 'helm' &&
        message.includes(`${combination} on `),
    );
    assert.equal(failed, words === undefined, `${chart}, ${combination}: helm template fails`);
    const named = (status: readonly string[]) =>
      [
        ...new Set(
          (words ?? [])
            .filter((word) => status.includes(word.status))
            .map(({ kind, name }) => (status.includes('statusSkipped') ? kind : `${kind} ${name}`.trim())),
        ),
      ].sort();
    const about = `${chart}, ${combination}: ${JSON.stringify(report.findings, null, 1)}`;
    assert.deepEqual(
      oursOf(report, combination, 'charts/invalid-manifest').map((name) =>
        name === 'A document' ? '' : name,
      ),
      named(['statusInvalid', 'statusError']),
      about,
    );
    assert.deepEqual(
      oursOf(report, combination, 'charts/no-schema').map((text) => text.split(' ')[0]),
      named(['statusSkipped']),
      about,
    );
  }
  const linted = spawnSync(helm, ['lint', '--strict', folder], { encoding: 'utf8' });
  const ours = report.findings.filter(({ message }) => message.includes('helm lint'));
  assert.equal(
    ours.some(({ severity }) => severity === 'high'),
    linted.status !== 0,
    `${chart}: helm lint --strict ends with ${linted.status}: ${linted.stdout}`,
  );
  const entries = [...linted.stdout.matchAll(/^\[(?:INFO|WARNING|ERROR)\] (.*)/gm)];
  for (const [, text = ''] of entries.filter(([entry]) => entry.startsWith('[INFO]'))) {
    const message = text.slice(text.indexOf(': ') + 2);
    assert.ok(
      ours.some((finding) => finding.message.startsWith(message)),
      `${chart}: ${text}`,
    );
  }
}

for (const [name, files] of Object.entries(faulty))
  test(`of a chart with faults (${name}) lint says what helm and kubeconform say`, async (t) => {
    const own = { 'Chart.yaml': chartYaml(name), 'values.yaml': 'replicas: 1\n', ...files };
    const placed = Object.entries(own).map(([path, text]) => [`charts/${name}/${path}`, text] as const);
    await compare(await makeTree(t, Object.fromEntries(placed)), `charts/${name}`);
  });

test('of a corpus of awkward charts lint says what helm and kubeconform say', async (t) => {
  const placed = Object.entries(chartCorpus).flatMap(([name, files]) =>
    Object.entries(files).map(([path, text]) => [`charts/${name}/${path}`, text] as const),
  );
  const root = await makeTree(t, Object.fromEntries(placed));
  for (const name of Object.keys(chartCorpus)) await compare(root, `charts/${name}`);
});

test('of the example platform lint says what helm and kubeconform say', async () => {
  const root = join(import.meta.dirname, '../../examples/platform');
  const charts = readdirSync(join(root, 'helm-charts'));
  assert.ok(charts.length >= 5);
  for (const name of charts) {
    assert.match(readFileSync(join(root, 'helm-charts', name, 'Chart.yaml'), 'utf8'), /^name:/m);
    await compare(root, `helm-charts/${name}`);
  }
});
