import assert from 'node:assert/strict';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { githubEnvironment, makeWorkspace, reportOf, runCli } from './cli-fixture.ts';

const chartYaml = (name: string) => `apiVersion: v2\nname: ${name}\nversion: 0.1.0\n`;
const template = (size: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata:\n  size: ${size}\n  image: {{ .Values.image.digest | quote }}\n`;

const files = {
  'zakenak.yaml': `project: shop
registry: registry.example.com/shop
build: [{ name: web, context: images/web }]
environments:
  test: { cluster: { context: none }, values: [values/test.yaml] }
  prod: { cluster: { context: none }, values: [values/prod.yaml] }
  sealed: { cluster: { context: none }, values: [values/sealed.yaml] }
deploy:
  releases:
    - { name: web, chart: apps/web, values: { image: { tag: "1" } } }
    - { name: worker, chart: apps/worker, environments: [test, prod] }
`,
  'images/web/Dockerfile': 'FROM scratch\n',
  'values/test.yaml': 'web:\n  size: "1"\n',
  'values/prod.yaml': 'web:\n  size: "2"\nworker:\n  unit: [2]\n',
  'values/sealed.yaml': 'web:\n  size: ENC[AES256_GCM,data:x]\nsops:\n  mac: ENC[x]\n',
  'apps/web/Chart.yaml': chartYaml('web'),
  'apps/web/values.yaml': 'size: "0"\nimage: { digest: "" }\n',
  'apps/web/values.schema.json': '{ "properties": { "size": { "type": "string" } } }',
  'apps/web/templates/map.yaml': template('{{ .Values.size | quote }}'),
  'apps/worker/Chart.yaml': chartYaml('worker'),
  'apps/worker/values.yaml': 'unit: "0"\nimage: { digest: "" }\n',
  'apps/worker/templates/map.yaml': template('{{ toJson .Values.unit }}'),
};

test('the matrix holds what zakenak.yaml deploys: a fault of one environment is found, with its place', async (t) => {
  const workspace = await makeWorkspace(t, files);
  const lint = async (...more: readonly string[]) => {
    const report = reportOf(await runCli(['lint', '--json', '--directory', workspace.root, ...more]));
    return {
      caveats: report.caveats,
      found: report.findings
        .filter(({ severity }) => severity === 'high')
        .map(
          ({ ruleId, location, message }) =>
            [ruleId, `${location?.path}:${location?.startLine}`, message] as const,
        ),
    };
  };
  const first = await lint();
  assert.deepEqual(
    first.found.map(([rule, place]) => [rule, place]),
    [['charts/invalid-manifest', 'apps/worker/templates/map.yaml:5']],
  );
  assert.match(first.found[0]?.[2] ?? '', /\(worker in prod on 1\.34\.4\)$/);
  assert.deepEqual(first.caveats, [
    'web in sealed was not rendered: its values in values/sealed.yaml are encrypted.',
  ]);
  await workspace.write({ 'values/prod.yaml': '# first\nworker:\n  size: "4"\nweb:\n  size: 3\n' });
  const second = await lint();
  assert.deepEqual(
    second.found.map(([rule, place]) => [rule, place]),
    [['charts/values-against-schema', 'values/prod.yaml:5']],
  );
  assert.deepEqual((await lint('--no-environments')).found, []);
});

test('a release is rendered by its own name and in its own namespace', async (t) => {
  const refusing =
    '{{ if ne (printf "%s/%s" .Release.Namespace .Release.Name) "shop/web" }}{{ fail "who is it?" }}{{ end }}';
  const workspace = await makeWorkspace(t, {
    'zakenak.yaml':
      'project: shop\nenvironments: { test: { cluster: { context: none } } }\ndeploy: { namespace: shop, releases: [{ name: web, chart: apps/web }] }\n',
    'apps/web/Chart.yaml': chartYaml('web'),
    'apps/web/templates/map.yaml': refusing,
  });
  const { verdict, findings } = reportOf(await runCli(['lint', '--json', '--directory', workspace.root]));
  assert.equal(verdict, 'passed');
  assert.match(
    findings.find(({ ruleId }) => ruleId === 'charts/refused-values')?.message ?? '',
    /defaults on/,
  );
});

test('a changed file of values has the charts linted that are deployed with it, and no others', async (t) => {
  const workspace = await makeWorkspace(t, files);
  const base = workspace.git('rev-parse', 'HEAD');
  const changedCharts = async (changed: Readonly<Record<string, string>>) => {
    workspace.git('checkout', '-q', '-B', 'feature', base);
    const head = await workspace.commit(changed);
    const payload = {
      pull_request: {
        number: 7,
        head: { sha: head, ref: 'feature', repo: { full_name: 'acme/platform' } },
        base: { sha: base, ref: 'main', repo: { full_name: 'acme/platform' } },
      },
    };
    const env = await githubEnvironment(workspace, 'pull_request', payload, { GITHUB_SHA: head });
    return reportOf(await runCli(['lint', '--json', '--changed-only'], { env })).outputs['changed-charts'];
  };
  assert.deepEqual(await changedCharts({ 'values/test.yaml': 'web:\n  size: "5"\n' }), [
    'apps/web',
    'apps/worker',
  ]);
  assert.deepEqual(await changedCharts({ 'apps/web/values.yaml': 'size: "9"\nimage: {}\n' }), ['apps/web']);
  assert.deepEqual(await changedCharts({ 'README.md': 'x' }), []);
  await symlink('../../../README.md', join(workspace.root, 'apps/worker/templates/NOTES.txt'));
  assert.deepEqual(
    await changedCharts({ 'README.md': 'y' }),
    ['apps/worker'],
    'a link may lead to the change',
  );
});
