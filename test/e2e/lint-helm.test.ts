import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { spec } from '@zakenak/charts';
import type { ProcessRunner } from '@zakenak/core';
import { bad, deployment, lint, lintFiles, makeTree, runner } from './lint-fixture.ts';

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

test('a subchart’s values schema is placed where it lies, and what breaks it at the parent’s key', async (t) => {
  const sub = {
    'charts/web/Chart.yaml': `apiVersion: v2\nname: web\nversion: 0.1.0\ndependencies:\n  - { name: sub, version: 1.0.0, repository: "file://../../libs/sub" }\n`,
    'charts/web/values.yaml': 'replicas: 1\nsub:\n  size: big\n',
    'libs/sub/Chart.yaml': 'apiVersion: v2\nname: sub\nversion: 1.0.0\n',
  };
  const schema = 'libs/sub/values.schema.json';
  const breaks = { [schema]: '{"properties": {"size": {"type": "integer"}}}' };
  assert.deepEqual(bad(await lintFiles(t, { ...sub, ...breaks })), [
    'charts/values-against-schema charts/web/values.yaml:3',
  ]);
  const broken = await lintFiles(t, { ...sub, [schema]: '{"type": "objekt"}' });
  assert.deepEqual([...new Set(bad(broken))], [`charts/invalid-values-schema ${schema}:`]);
});

test('a values schema that leads to the network or to a file of the machine is told, and not followed', async (t) => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end('{}');
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  for (const reference of [`http://127.0.0.1:${port}/a.json`, 'file:///etc/passwd', 'b.json']) {
    const report = await lintFiles(t, {
      'charts/web/values.schema.json': `{\n  "properties": {\n    "a": { "$ref": "${reference}" }\n  }\n}\n`,
    });
    assert.deepEqual(bad(report), ['charts/foreign-values-schema charts/web/values.schema.json:3']);
  }
  assert.deepEqual(asked, []);
  const own = {
    'charts/web/values.schema.json': JSON.stringify({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $defs: { size: { $id: 'https://example.com/size', type: 'string' } },
      properties: { replicas: { $ref: 'https://example.com/size' }, a: { $ref: '#/$defs/size' } },
    }),
  };
  assert.deepEqual(bad(await lintFiles(t, own)), ['charts/values-against-schema charts/web/values.yaml:1']);
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

const machine = `apiVersion: example.com/v1
kind: Machine
metadata: { name: m }
spec: { size: big }
`;
const machineSchema = JSON.stringify({
  type: 'object',
  properties: {
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: { type: 'object' },
    spec: { type: 'object', properties: { size: { type: 'integer' } } },
  },
});

test('schemas of the repository’s own are asked for kinds that nobody else knows', async (t) => {
  const files = { 'charts/web/templates/machine.yaml': machine };
  const template = {
    'schema-locations': 'default,schemas/{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json',
  };
  const path = 'schemas/example.com/machine_v1.json';
  assert.deepEqual(bad(await lintFiles(t, files)), [], 'of a kind without a schema nothing is said');
  const checked = await lintFiles(t, { ...files, [path]: machineSchema }, { inputs: template });
  assert.deepEqual(bad(checked), ['charts/invalid-manifest charts/web/templates/machine.yaml:4']);
  const folder = { 'schema-locations': 'schemas' };
  const layout = 'schemas/v1.34.4-standalone-strict/machine-example-v1.json';
  const other = await lintFiles(t, { ...files, [layout]: machineSchema }, { inputs: folder });
  assert.deepEqual(bad(other), ['charts/invalid-manifest charts/web/templates/machine.yaml:4']);
});

test('a schema of the repository’s own does not replace that of Kubernetes', async (t) => {
  const files = {
    'charts/web/templates/map.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: [1]\n',
    'schemas/configmap-v1.json': '{}',
  };
  const inputs = { 'schema-locations': 'schemas/{{.ResourceKind}}{{.KindSuffix}}.json' };
  assert.deepEqual(bad(await lintFiles(t, files, { inputs })), [
    'charts/invalid-manifest charts/web/templates/map.yaml:4',
  ]);
});

test('schemas of the network, of nowhere and of outside are refused', async (t) => {
  for (const [location, code] of [
    ['https://example.com/{{.ResourceKind}}.json', 'charts/remote-schemas'],
    ['schemas', 'charts/missing-schemas'],
    ['charts', 'charts/missing-schemas'],
    ['charts/{{.ResourceKind}}/../../../x.json', 'charts/missing-schemas'],
    ['../{{.ResourceKind}}.json', 'files/outside-workspace'],
  ] as const)
    await assert.rejects(lintFiles(t, {}, { inputs: { 'schema-locations': location } }), { code }, location);
});

test('without a changed chart the run is skipped', async (t) => {
  const inputs = { 'changed-only': 'true' };
  assert.equal((await lintFiles(t, {}, { changed: ['README.md'], inputs })).verdict, 'skipped');
  assert.equal((await lintFiles(t, {}, { changed: ['charts/web/values.yaml'], inputs })).verdict, 'passed');
});

test('every chart of the example platform is clean with all of its values files', async () => {
  const root = join(import.meta.dirname, '../../examples/platform');
  const report = await lint(root, {
    ignored: await readFile(join(root, spec.inputs['ignore-file'].default), 'utf8'),
  });
  assert.deepEqual(bad(report), []);
  assert.equal(report.outputs.errors, 0);
  assert.ok(report.timings.length >= 5);
});

const pod = (kind: string, spec: string) => `apiVersion: apps/v1
kind: ${kind}
metadata:
  name: node
spec:
  selector: { matchLabels: { app: node } }
  template:
    metadata: { labels: { app: node } }
    spec:
${spec}`;

test('each check of our own finds its field in the template, once for all values files', async (t) => {
  const files = {
    'charts/web/ci/a-values.yaml': 'replicas: 2\n',
    'charts/web/templates/node.yaml': pod(
      'DaemonSet',
      `      containers:
        - name: fine
          image: a:1
          livenessProbe: { exec: { command: [x] } }
        - name: loose
          image: "registry:5000/b"
          securityContext: { privileged: false }
        - name: gpu
          image: c@sha256:0
          livenessProbe: { exec: { command: [x] } }
          securityContext:
            privileged: true
          resources:
            limits: { nvidia.com/gpu: 1 }
      volumes:
        - name: wsl
          hostPath: { path: /usr/lib/wsl }
        - name: root
          hostPath: { path: /usr/lib/wslx }
`,
    ),
  };
  const expected = [
    'charts/privileged charts/web/templates/node.yaml:21',
    'charts/unpinned-image charts/web/templates/node.yaml:15',
    'charts/gpu-resources charts/web/templates/node.yaml:22',
    'charts/host-path charts/web/templates/node.yaml:28',
    'charts/no-probes charts/web/templates/node.yaml:14',
  ];
  const report = await lintFiles(t, files);
  assert.deepEqual(bad(report), expected);
  assert.equal(report.verdict, 'failed');
  const some = await lintFiles(t, files, {
    inputs: { checks: '-privileged,-no-probes' },
    ignored: '# accepted\ncharts/host-path charts/web/** # the node is ours\n',
  });
  assert.deepEqual(bad(some), expected.slice(1, 3));
  assert.match(some.caveats.join(), /1 finding/);
  await assert.rejects(lintFiles(t, {}, { inputs: { checks: 'privilege' } }), {
    code: 'charts/unknown-check',
  });
  await assert.rejects(lintFiles(t, {}, { ignored: 'charts/privileged' }), {
    code: 'charts/bad-ignore-file',
  });
});

test('each check can be asked for alone, and left out alone; YAML 1.1 and Lists do not hide from it', async (t) => {
  const gone = 'apiVersion: flowcontrol.apiserver.k8s.io/v1beta3\nkind: FlowSchema\nmetadata: { name: x }\n';
  const old = 'apiVersion: networking.k8s.io/v1beta1\nkind: ServiceCIDR\nmetadata: { name: x }\n';
  const container = `{ name: a, image: a, securityContext: { privileged: yes }, resources: { limits: { nvidia.com/gpu: 1 } } }`;
  const list = `apiVersion: v1
kind: List
items:
  - apiVersion: apps/v1
    kind: DaemonSet
    metadata: { name: node }
    spec:
      selector: { matchLabels: { app: node } }
      template:
        metadata: { labels: { app: node } }
        spec: { containers: [${container}], volumes: [{ name: v, hostPath: { path: /etc } }] }
`;
  const root = await makeTree(t, {
    'charts/web/templates/gone.yaml': gone,
    'charts/web/templates/old.yaml': old,
    'charts/web/templates/list.yaml': list,
  });
  const rulesOf = async (checks: string) => {
    const report = await lint(root, { inputs: { checks } });
    return [
      ...new Set(
        report.findings.filter(({ tool }) => tool === 'zakenak').map(({ ruleId }) => ruleId.slice(7)),
      ),
    ].sort();
  };
  const names = /to run: ([^;]*);/.exec(spec.inputs.checks.description)?.[1]?.split(', ').sort() ?? [];
  assert.equal(names.length, 7);
  assert.deepEqual(await rulesOf(''), names);
  for (const name of names) {
    assert.deepEqual(await rulesOf(name), [name]);
    assert.deepEqual(
      await rulesOf(`-${name}`),
      names.filter((other) => other !== name),
    );
  }
});

test('several Kubernetes versions are judged in one run, each by its own schemas and lifecycles', async (t) => {
  const policy =
    'apiVersion: flowcontrol.apiserver.k8s.io/v1beta2\nkind: FlowSchema\nmetadata: { name: x }\n';
  const sidecar = deployment.replace(
    '      containers:',
    '      resources: { limits: { cpu: 1 } }\n      containers:',
  );
  const report = await lintFiles(
    t,
    { 'charts/web/templates/flow.yaml': policy, 'charts/web/templates/deployment.yaml': sidecar },
    { inputs: { 'kubernetes-versions': '1.25,1.34.4' } },
  );
  const found = report.findings
    .filter(({ severity, ruleId }) => severity !== 'info' || ruleId === 'charts/no-schema')
    .map(({ ruleId, message }) => `${ruleId} ${/\(.*\)$/.exec(message)?.[0]}`);
  assert.deepEqual(found.sort(), [
    'charts/invalid-manifest (defaults on 1.25.0)',
    'charts/removed-api (defaults on 1.34.4)',
  ]);
});

test('an API that a requested Kubernetes version does not serve any more is found on its line', async (t) => {
  const policy =
    '# first\napiVersion: flowcontrol.apiserver.k8s.io/v1beta3\nkind: FlowSchema\nmetadata:\n  name: x\n';
  const report = await lintFiles(t, { 'charts/web/templates/flow.yaml': policy });
  assert.deepEqual(
    report.findings
      .map(({ ruleId, severity, location, remedy }) => [ruleId, severity, location?.startLine, remedy])
      .slice(0, 1),
    [['charts/removed-api', 'high', 2, 'Write the object as flowcontrol.apiserver.k8s.io/v1.']],
  );
  assert.ok(!report.findings.some(({ ruleId }) => ruleId === 'charts/no-schema'));
});

test('a changed chart whose version did not rise is found', async (t) => {
  const changed = ['charts/web/values.yaml'];
  const base = { 'charts/web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 0.1.0\n' };
  const error = { 'version-bump': 'error' };
  const same = await lintFiles(t, {}, { changed, base, inputs: error });
  assert.deepEqual(bad(same), ['charts/version-not-raised charts/web/Chart.yaml:3']);
  assert.equal(same.verdict, 'failed');
  assert.equal(
    (await lintFiles(t, {}, { changed, base, inputs: { 'version-bump': 'warn' } })).verdict,
    'passed',
  );
  const raised = { 'charts/web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 0.2.0\n' };
  assert.deepEqual(bad(await lintFiles(t, raised, { changed, base, inputs: error })), []);
  assert.deepEqual(bad(await lintFiles(t, {}, { changed, base: {}, inputs: error })), []);
});

test('what an earlier run judged is not judged again, and comes out the same', async (t) => {
  const root = await makeTree(t, { 'charts/web/ci/text-values.yaml': 'replicas: many\n' });
  const folder = await mkdtemp(join(tmpdir(), 'lint-cache-'));
  t.after(() => rm(folder, { recursive: true }));
  const ran: string[] = [];
  const counting: ProcessRunner = {
    run(command, signal) {
      ran.push(command.args[0] ?? '');
      return runner.run(command, signal);
    },
  };
  const again = async (inputs: Record<string, string> = {}, version = '1.0.0') => {
    ran.length = 0;
    const { findings } = await lint(root, { cacheFolder: folder, process: counting, inputs, version });
    return { bytes: JSON.stringify(findings), renders: ran.filter((word) => word === 'template').length };
  };
  const first = await again();
  assert.equal(first.renders, 2);
  assert.match(first.bytes, /invalid-manifest/);
  assert.deepEqual(await again(), { ...first, renders: 0 });
  assert.equal((await again({ checks: '-no-probes' })).renders, 2);
  assert.equal((await again({}, '1.0.1')).renders, 2, 'another version may judge otherwise');
  for (const name of await readdir(folder)) await appendFile(join(folder, name), 'x');
  assert.deepEqual(await again(), first);
  await appendFile(join(root, 'charts/web/values.yaml'), '# more\n');
  assert.equal((await again()).renders, 2);
  await mkdir(join(root, 'shared'));
  await writeFile(join(root, 'shared/text'), 'first');
  await symlink('../../shared/text', join(root, 'charts/web/linked'));
  assert.equal((await again()).renders, 2);
  assert.equal((await again()).renders, 0);
  await writeFile(join(root, 'shared/text'), 'second');
  assert.equal((await again()).renders, 2, 'what a link leads to is part of the chart');
});

test('a changed library chart outside the charts’ folders has its dependents linted, and no others', async (t) => {
  const files = {
    'libs/common/Chart.yaml': 'apiVersion: v2\nname: common\nversion: 0.1.0\ntype: library\n',
    'libs/common/templates/_map.tpl':
      '{{- define "common.map" }}\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { a: {{ .Values.missing.key }} }\n{{- end }}\n',
    'charts/user/Chart.yaml':
      'apiVersion: v2\nname: user\nversion: 0.1.0\ndependencies:\n  - { name: common, version: 0.1.0, repository: "file://../../libs/common/" }\n',
    'charts/user/templates/map.yaml': '{{ include "common.map" . }}\n',
    'charts/far/Chart.yaml':
      'apiVersion: v2\nname: far\nversion: 0.1.0\ndependencies:\n  - { name: user, version: 0.1.0, repository: "file://../user" }\n',
  };
  const report = await lintFiles(t, files, {
    changed: ['libs/common/templates/_map.tpl'],
    inputs: { 'changed-only': 'true' },
  });
  assert.deepEqual(report.outputs['changed-charts'], ['charts/far', 'charts/user']);
  const errors = bad(report).filter((text) => text.startsWith('charts/template-error'));
  assert.deepEqual([...new Set(errors)], ['charts/template-error libs/common/templates/_map.tpl:5']);
});

test('a library chart is linted and not rendered by itself, but where a release deploys it', async (t) => {
  const root = await makeTree(t, {
    'charts/common/Chart.yaml': 'apiVersion: v2\nname: common\nversion: 0.1.0\ntype: "library"\n',
    'charts/common/ci/big-values.yaml': 'replicas: 3\n',
    'charts/common/templates/_name.tpl': '{{- define "common.name" }}{{ .Release.Name }}{{ end }}\n',
    'charts/web/Chart.yaml':
      'apiVersion: v2\nname: web\nversion: 0.1.0\ndependencies:\n  - { name: common, version: 0.1.0, repository: "file://../common" }\n',
    'charts/web/templates/name.yaml':
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: {{ include "common.name" . }} }\n',
  });
  const report = await lint(root);
  assert.deepEqual(bad(report), []);
  assert.equal(report.verdict, 'passed');
  assert.deepEqual(report.outputs['changed-charts'], ['charts/common', 'charts/web']);
  const release = { chart: 'charts/common', name: 'common', namespace: 'shop', label: 'common in prod' };
  const deployed = await lint(root, { releases: [{ ...release, values: {}, places: [] }] });
  assert.deepEqual(bad(deployed), ['charts/render-failed charts/common/Chart.yaml:']);
  assert.match(
    deployed.findings.map(({ message }) => message).join('\n'),
    /not installable \(common in prod/,
  );
});
