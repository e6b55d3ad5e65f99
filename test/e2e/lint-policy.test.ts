import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeWorkspace, reportOf, runCli } from './cli-fixture.ts';

const files = {
  'charts/web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 0.1.0\nicon: file:///icon.png\n',
  'charts/web/values.yaml': 'image: web\nsize: 1\n',
  'charts/web/envs/big.yaml': 'size: big\n',
  'charts/web/templates/pod.yaml': `apiVersion: v1
kind: Pod
metadata: { name: web }
spec: { containers: [{ name: web, image: {{ .Values.image }} }] }
`,
  'charts/web/templates/machine.yaml': `apiVersion: example.com/v1
kind: Machine
metadata: { name: m }
spec: { size: {{ .Values.size }} }
`,
  'schemas/machine-example-v1.json': JSON.stringify({
    type: 'object',
    properties: { spec: { type: 'object', properties: { size: { type: 'integer' } } } },
  }),
};
const configOf = (charts: string) =>
  `project: shop\nenvironments: { test: { cluster: { context: none } } }\npolicy: { charts: { strict: false, ${charts} } }\n`;

test('policy.charts of zakenak.yaml steers lint, and an input that is given wins over it', async (t) => {
  const lint = async (charts: string, ...more: readonly string[]) => {
    const { root } = await makeWorkspace(t, { ...files, 'zakenak.yaml': configOf(charts) });
    const outcome = await runCli(['lint', '--json', '--directory', root, ...more]);
    return {
      exitCode: outcome.exitCode,
      rules: new Set(reportOf(outcome).findings.map(({ ruleId }) => ruleId)),
    };
  };
  const schemas = 'schemaLocations: ["schemas/{{.ResourceKind}}{{.KindSuffix}}.json"]';
  const plain = await lint(schemas);
  assert.ok(plain.rules.has('charts/unpinned-image'));
  assert.equal(plain.rules.has('charts/invalid-manifest'), false, 'only the values of envs are wrong');

  const steered = await lint(`${schemas}, values: ["envs/*.yaml"], checks: [-unpinned-image], failOn: none`);
  assert.equal(steered.rules.has('charts/unpinned-image'), false);
  assert.ok(steered.rules.has('charts/invalid-manifest'));
  assert.equal(steered.exitCode, 0);

  const given = await lint('failOn: none', '--fail-on', 'low');
  assert.equal(given.exitCode, 1);
});
