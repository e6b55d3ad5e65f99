import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bad, deployment, lintFiles } from './lint-fixture.ts';

// What charts that thousands use do, and what lint once took for a fault of theirs.

const demanding = `apiVersion: v1
kind: ConfigMap
metadata:
  name: web
data:
  host: {{ required "host is needed" .Values.host | quote }}
  upper: {{ upper .Values.host | quote }}
`;

test('a chart that asks for a value passes where a values file of it has one', async (t) => {
  const template = { 'charts/web/templates/config.yaml': demanding };
  const alone = await lintFiles(t, template);
  assert.deepEqual(
    bad(alone).filter((text) => text.startsWith('charts/refused-values')),
    ['charts/refused-values charts/web/templates/config.yaml:6'],
  );
  const refusal = alone.findings.find(({ ruleId }) => ruleId === 'charts/refused-values');
  assert.match(refusal?.message ?? '', /^host is needed \(defaults on /);
  assert.match(refusal?.remedy ?? '', /ci\/NAME-values\.yaml/);
  const given = await lintFiles(t, { ...template, 'charts/web/ci/host-values.yaml': 'host: a.prod.local\n' });
  assert.deepEqual(bad(given), []);
  assert.equal(given.verdict, 'passed');
  const told = given.findings.filter(({ ruleId }) => ruleId === 'charts/refused-values');
  assert.deepEqual(
    told.map(({ severity }) => severity),
    ['info'],
  );
});

test('a template that fails by itself stays a fault, whatever a values file heals', async (t) => {
  const report = await lintFiles(t, {
    'charts/web/templates/config.yaml': demanding.replace(
      '{{ required "host is needed" .Values.host | quote }}',
      'x',
    ),
    'charts/web/ci/host-values.yaml': 'host: a.prod.local\n',
  });
  assert.deepEqual([...new Set(bad(report))], ['charts/template-error charts/web/templates/config.yaml:7']);
});

test('a values file that the chart refuses is a fault, whatever the defaults do', async (t) => {
  const report = await lintFiles(t, {
    'charts/web/templates/config.yaml': '{{ if .Values.host }}{{ fail "no host, please" }}{{ end }}',
    'charts/web/ci/host-values.yaml': 'host: a.prod.local\n',
  });
  assert.deepEqual(bad(report), ['charts/refused-values charts/web/templates/config.yaml:1']);
});

test('a template that asks for an API of every cluster is answered yes', async (t) => {
  const version = (api: string) =>
    `{{ if .Capabilities.APIVersions.Has "${api}" }}v1{{ else }}v1beta1{{ end }}`;
  const service = (api: string, name: string) => `apiVersion: apiregistration.k8s.io/${version(api)}
kind: APIService
metadata: { name: v1.${name}.metrics.k8s.io }
spec:
  group: ${name}.metrics.k8s.io
  version: v1
  groupPriorityMinimum: 100
  versionPriority: 100
  service: { name: metrics, namespace: monitoring }
`;
  const report = await lintFiles(t, {
    'charts/web/templates/group.yaml': service('apiregistration.k8s.io/v1', 'a'),
    'charts/web/templates/kind.yaml': service('apiregistration.k8s.io/v1/APIService', 'b'),
  });
  assert.deepEqual(bad(report), []);
});

test('a chart may refuse the namespace default, and is rendered as it is deployed', async (t) => {
  const refusing = '{{ if eq .Release.Namespace "default" }}{{ fail "not here" }}{{ end }}';
  assert.deepEqual(bad(await lintFiles(t, { 'charts/web/templates/check.yaml': refusing })), []);
});

test('a chart of dependencies alone needs no templates', async (t) => {
  const umbrella = {
    'charts/platform/Chart.yaml':
      'apiVersion: v2\nname: platform\nversion: 0.1.0\ndependencies: [{ name: web, version: 0.1.0, repository: "file://../web" }]\n',
    'charts/platform/values.yaml': '{}\n',
  };
  const report = await lintFiles(t, umbrella);
  assert.deepEqual(bad(report), []);
  const bare = { 'charts/platform/Chart.yaml': 'apiVersion: v2\nname: platform\nversion: 0.1.0\n' };
  const strict = await lintFiles(t, bare);
  const empty = strict.findings.find(({ severity }) => severity === 'high');
  assert.match(empty?.message ?? '', /^templates\/: directory does not exist/);
});

test('the dialect of a values schema may be named as the newest there is', async (t) => {
  for (const dialect of ['http://json-schema.org/schema#', 'https://json-schema.org/schema']) {
    const schema = { $schema: dialect, properties: { replicas: { type: 'string' } } };
    const report = await lintFiles(t, { 'charts/web/values.schema.json': JSON.stringify(schema) });
    assert.deepEqual(bad(report), ['charts/values-against-schema charts/web/values.yaml:1'], dialect);
  }
});

test('an object that a values file names otherwise is told of once, two of one line twice', async (t) => {
  const pod = `{{- range .Values.names }}
---
apiVersion: v1
kind: Pod
metadata:
  name: {{ . }}
spec:
  containers:
    - name: main
      image: web:1
      readinessProbe: { httpGet: { path: /, port: 80 } }
      securityContext:
        privileged: true
{{- end }}
`;
  const report = await lintFiles(t, {
    'charts/web/templates/pods.yaml': pod,
    'charts/web/values.yaml': 'replicas: 1\nnames: [a, b]\n',
    'charts/web/ci/other-values.yaml': 'names: [c, d]\n',
  });
  const found = report.findings.filter(({ ruleId }) => ruleId === 'charts/privileged');
  assert.deepEqual(found.map(({ message }) => /^Pod (.).*\((.*)\)$/.exec(message)?.slice(1)).sort(), [
    ['a', 'defaults on 1.34.4, ci/other-values.yaml on 1.34.4'],
    ['b', 'defaults on 1.34.4, ci/other-values.yaml on 1.34.4'],
  ]);
});

test('a field that toYaml writes is placed at the key of the values, in the file that has the last word', async (t) => {
  const files = {
    'charts/web/templates/deployment.yaml': deployment.replace(
      '          readinessProbe',
      '          securityContext:\n            {{- toYaml .Values.security.context | nindent 12 }}\n          readinessProbe',
    ),
    'charts/web/values.yaml': 'privileged: false\nreplicas: 1\nsecurity:\n  context:\n    privileged: true\n',
  };
  assert.deepEqual(bad(await lintFiles(t, files)), ['charts/privileged charts/web/values.yaml:5']);
  const harmless = 'replicas: 1\nsecurity:\n  context:\n    runAsUser: 1\n';
  const wrong = { ...files, 'charts/web/values.yaml': harmless };
  const ci = (text: string) => ({ 'charts/web/ci/own-values.yaml': `security:\n  context: ${text}\n` });
  const found = async (text: string) => bad(await lintFiles(t, { ...wrong, ...ci(text) }));
  assert.deepEqual(await found('\n    runAsUser: many'), [
    'charts/invalid-manifest charts/web/ci/own-values.yaml:3',
  ]);
  assert.deepEqual(await found('\n    privileged: true'), [
    'charts/privileged charts/web/ci/own-values.yaml:3',
  ]);
  // Of a key that is not written on a line of its own the template's line is told.
  assert.deepEqual(await found('{ privileged: true }'), [
    'charts/privileged charts/web/templates/deployment.yaml:16',
  ]);
});

test('what a subchart is given is placed in its parent’s values', async (t) => {
  const sub = deployment.replace(
    '          readinessProbe',
    '{{- with .Values.context }}\n          securityContext:\n            {{- toYaml . | nindent 12 }}\n{{- end }}\n          readinessProbe',
  );
  const report = await lintFiles(t, {
    'charts/web/Chart.yaml':
      'apiVersion: v2\nname: web\nversion: 0.1.0\ndependencies: [{ name: db, version: 0.1.0, repository: "" }]\n',
    'charts/web/charts/db/Chart.yaml': 'apiVersion: v2\nname: db\nversion: 0.1.0\n',
    'charts/web/charts/db/values.yaml': 'replicas: 1\n',
    'charts/web/charts/db/templates/deployment.yaml': sub,
    'charts/web/values.yaml': 'replicas: 1\ndb:\n  context:\n    privileged: true\n',
  });
  assert.deepEqual(bad(report), ['charts/privileged charts/web/values.yaml:4']);
});
