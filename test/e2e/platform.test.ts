import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseConfig, resolveEnvironment } from '@zakenak/config';
import type { Report } from '@zakenak/core';
import { parse, parseAllDocuments } from 'yaml';

const root = join(import.meta.dirname, '../..');
const platform = join(root, 'examples/platform');
const read = (path: string) => readFileSync(join(platform, path), 'utf8');
const charts = ['coredns', 'local-ca', 'nvidia-device-plugin', 'ollama', 'open-webui'];

test('zakenak.yaml of the reference platform loads without a finding, and everything it names is there', () => {
  const { config, findings } = parseConfig(read('zakenak.yaml'));
  assert.deepEqual(findings, []);
  for (const { context, dockerfile } of config.build ?? [])
    assert.ok(existsSync(join(platform, context, dockerfile ?? 'Dockerfile')), context);
  for (const name of Object.keys(config.environments)) {
    const { environment, releases } = resolveEnvironment(config, name);
    for (const file of environment.values ?? []) assert.ok(existsSync(join(platform, file)), file);
    const own = releases.filter(({ chart }) => !chart.includes('://')).map(({ chart }) => chart);
    assert.deepEqual(own.sort(), charts.map((chart) => `helm-charts/${chart}`).sort(), name);
  }
});

test('values files name releases only: a key that no release has would reach nobody', () => {
  const { config } = parseConfig(read('zakenak.yaml'));
  for (const [name, { values }] of Object.entries(config.environments)) {
    const known = ['global', ...resolveEnvironment(config, name).releases.map((release) => release.name)];
    for (const file of values ?? [])
      for (const key of Object.keys(parse(read(file)) as object))
        assert.ok(known.includes(key), `${file}: ${key}`);
  }
});

test('every chart is lint-clean under the platform’s own policy: strict, on Kubernetes 1.25 and 1.34', () => {
  const cli = [join(root, 'packages/cli/src/bin.ts'), 'lint', '--json', '--quiet', '--fail-on', 'low'];
  const { stdout, status } = spawnSync(process.execPath, cli, { cwd: platform, encoding: 'utf8' });
  const report = JSON.parse(stdout) as Report;
  assert.equal(status, 0, stdout);
  assert.deepEqual(
    report.findings.filter(({ severity }) => severity !== 'info'),
    [],
  );
  const { policy } = parseConfig(read('zakenak.yaml')).config;
  assert.equal(policy?.charts?.strict, true);
  assert.deepEqual(policy?.charts?.kubernetesVersions, ['1.25.0', '1.34.4']);
});

test('every chart has a closed schema of its values, values for the checks, notes and a README that names each value', () => {
  assert.deepEqual(
    globSync('helm-charts/*/Chart.yaml', { cwd: platform })
      .map((path) => path.split('/')[1])
      .sort(),
    charts,
  );
  for (const chart of charts) {
    const folder = `helm-charts/${chart}`;
    const schema = JSON.parse(read(`${folder}/values.schema.json`)) as Schema;
    assert.equal(schema.additionalProperties, false, `${chart}: a misspelt key passes`);
    const values = parse(read(`${folder}/values.yaml`)) as Readonly<Record<string, unknown>>;
    const readme = read(`${folder}/README.md`);
    for (const key of Object.keys(values)) {
      assert.ok(schema.properties?.[key], `${chart}: ${key} is not in the schema`);
      if (key !== 'global')
        assert.ok(readme.includes(`\`${key}`), `${chart}: the README does not name ${key}`);
    }
    assert.ok(
      globSync(`${folder}/ci/*-values.yaml`, { cwd: platform }).length >= 2,
      `${chart}: one way only is checked`,
    );
    assert.ok(existsSync(join(platform, folder, 'templates/NOTES.txt')), chart);
  }
});

interface Schema {
  readonly additionalProperties?: unknown;
  readonly properties?: Readonly<Record<string, unknown>>;
}

test('the READMEs’ tables are those that tools/chart-readme.mjs writes', () => {
  for (const chart of charts) {
    const script = [join(platform, 'tools/chart-readme.mjs'), '--check', `helm-charts/${chart}`];
    const { status, stdout, stderr } = spawnSync(process.execPath, script, {
      cwd: platform,
      encoding: 'utf8',
    });
    assert.equal(status, 0, stdout + stderr);
  }
});

test('what users deploy is pinned: every image of the charts by digest or exact version, every action of the workflow by commit or by our tag', () => {
  for (const chart of charts)
    for (const [path, image] of imagesIn(parse(read(`helm-charts/${chart}/values.yaml`)))) {
      // Where no digest is given the tag has to be exact: the chart's own version, or one with three numbers.
      const isPinned =
        /^sha256:[0-9a-f]{64}$/.test(String(image.digest)) || /^v?\d+\.\d+\.\d+/.test(String(image.tag));
      assert.ok(isPinned, `${chart}: ${path}`);
    }
  const uses = [...read('.github/workflows/zakenak.yaml').matchAll(/uses: (\S+)/g)].map(
    ([, name]) => name ?? '',
  );
  assert.ok(uses.length >= 8);
  for (const name of uses) {
    assert.match(name, /^zakenak\/[a-z0-9-]+@v1$|@[0-9a-f]{40}$/);
    const own = /^zakenak\/(.*)@v1$/.exec(name)?.[1];
    if (own) assert.ok(existsSync(join(root, 'actions', own, 'action.yml')), name);
  }
});

function imagesIn(
  value: unknown,
  path = '',
): readonly (readonly [string, Readonly<Record<string, unknown>>])[] {
  if (typeof value !== 'object' || value === null) return [];
  const record = value as Readonly<Record<string, unknown>>;
  const own = 'repository' in record ? [[path, record] as const] : [];
  return [...own, ...Object.entries(record).flatMap(([key, child]) => imagesIn(child, `${path}.${key}`))];
}

interface Pipeline {
  readonly include: readonly {
    readonly component: string;
    readonly inputs: Readonly<Record<string, string>>;
  }[];
  readonly stages: readonly string[];
  readonly [job: string]: unknown;
}

test('the GitLab pipeline includes templates that exist, gives inputs that they have, and every job of theirs runs in a known stage', () => {
  const pipeline = parse(read('.gitlab-ci.yml')) as Pipeline;
  const jobs = pipeline.include.map(({ component, inputs }) => {
    const [, name = ''] = /\/([a-z0-9-]+)@[\d.]+$/.exec(component) ?? [];
    const file = `gitlab-templates/${name}/template.yml`;
    const [header, body] = parseAllDocuments(readFileSync(join(root, file), 'utf8'));
    const spec = header?.toJS() as { spec: { inputs: Record<string, unknown> } };
    for (const input of Object.keys(inputs))
      assert.ok(input in spec.spec.inputs, `${file} has no input ${input}`);
    assert.ok(pipeline.stages.includes(inputs.stage ?? ''), file);
    const [job = ''] = Object.keys(body?.toJS() as object);
    return job.replace('$[[ inputs.job-prefix ]]', '');
  });
  assert.equal(jobs.length, 5);
  // Without rules of ours a job would run on merge requests too, the deploy among them.
  for (const job of jobs) assert.ok(pipeline[job], `${job} has no rules`);
  for (const job of Object.keys(pipeline))
    assert.ok(/^(include|stages|workflow|\..*)$/.test(job) || jobs.includes(job), `${job} overrides nothing`);
});
