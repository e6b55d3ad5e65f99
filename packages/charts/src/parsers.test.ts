import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Files } from '@zakenak/core';
import { selectChanged } from './chart.ts';
import { renderCrdSchemas } from './crds.ts';
import { parseLint, parseRenderError } from './helm-errors.ts';
import {
  indexKeys,
  locateKey,
  locateKind,
  locateOccurrence,
  locateValue,
  valuesWrittenAt,
} from './key-index.ts';
import { parseKubeconform } from './kubeconform.ts';
import { splitRendered } from './manifests.ts';
import { checkPolicies } from './policies.ts';
import { mergeRaw } from './raw-finding.ts';
import { checkVersionBumps, compareVersions } from './version-bump.ts';

test('the lint output becomes one problem per entry', () => {
  const output = `==> Linting a
[INFO] Chart.yaml: icon is recommended
[WARNING] /x/a: chart directory is missing these dependencies: z
[ERROR] templates/: a/templates/d.yaml:17:15
  executing "a/templates/d.yaml" at <.Values.a.b.c>:
    nil pointer evaluating interface {}.b

`;
  assert.deepEqual(
    parseLint(output).map(({ severity, path, line, column }) => [severity, path, line, column]),
    [
      ['info', './Chart.yaml', undefined, undefined],
      ['medium', './Chart.yaml', undefined, undefined],
      ['high', 'a/templates/d.yaml', 17, 16],
    ],
  );
});

test("Helm 3's template errors give line and column too", () => {
  const [problem] = parseRenderError(
    'Error: template: a/templates/d.yaml:17:15: executing "a/templates/d.yaml" at <.Values.a.b.c>: nil pointer\n\nUse --debug flag to render out invalid YAML\n',
  );
  assert.deepEqual([problem?.path, problem?.line, problem?.column], ['a/templates/d.yaml', 17, 16]);
});

test('an error that is not understood is still a problem', () => {
  assert.deepEqual(
    parseRenderError('Error: something new').map(({ ruleId, message }) => [ruleId, message]),
    [['charts/render-failed', 'something new']],
  );
});

test('missing dependencies and broken YAML are told apart', () => {
  assert.equal(
    parseRenderError('Error: found in Chart.yaml, but missing in charts/ directory: z')[0]?.ruleId,
    'charts/missing-dependencies',
  );
  const [yaml] = parseRenderError(
    'Error: YAML parse error on a/templates/e.yaml: error converting YAML to JSON: yaml: line 2: mapping values are not allowed',
  );
  assert.deepEqual(
    [yaml?.ruleId, yaml?.path, yaml?.renderedLine],
    ['charts/invalid-yaml', 'a/templates/e.yaml', 2],
  );
});

test('kubeconform’s innermost places become problems', () => {
  const msg =
    "problem validating schema. - at '/spec': validation failed     - at '/spec/replicas': got string, want null or integer     - at '/spec': additional properties 'bogus' not allowed";
  const [verdict] = parseKubeconform(
    JSON.stringify({
      resources: [{ kind: 'Deployment', name: 'a', version: 'apps/v1', status: 'statusInvalid', msg }],
    }),
  );
  assert.deepEqual(
    verdict?.problems.map(({ key }) => key),
    ['replicas', 'bogus'],
  );
});

test('rendered text splits into objects with their templates', () => {
  const text =
    '---\n# Source: a/templates/x.yaml\nkind: Thing\nmetadata:\n  labels:\n    a: b\n  name: "n"\n---\n# empty\n';
  assert.deepEqual(
    splitRendered(text).map(({ source, kind, name }) => [source, kind, name]),
    [['a/templates/x.yaml', 'Thing', 'n']],
  );
});

test('keys are found after the line of their kind', () => {
  const template = 'kind: A\nsize: 1\n---\nkind: B\nsize: 2\n';
  assert.equal(locateKey(indexKeys(template), 'B', 'size'), 5);
  assert.equal(locateKey(indexKeys(template), 'B', 'other'), undefined);
  assert.equal(locateKind(indexKeys(template), 'B'), 4);
  assert.equal(locateKey(indexKeys('kind: B\nspec: { a: 1, "size": 2 }\n'), 'B', 'size'), 2);
  assert.equal(locateValue(indexKeys('tag: a\nimage:\n  tag: b\n'), ['image', 'tag'])?.line, 3);
});

test('a value is found below its own keys alone, however deep it is written', () => {
  const index = indexKeys('a:\n  b: 1\n# note\nc: {}\nb: 2\nd:\n  e:\n    # f: 0\n    f: 3\n');
  assert.deepEqual(locateValue(index, ['c', 'b']), { line: 4, depth: 1 });
  assert.deepEqual(locateValue(index, ['a', 'b']), { line: 2, depth: 2 });
  assert.deepEqual(locateValue(index, ['d', 'e', 'f']), { line: 9, depth: 3 });
  assert.equal(locateValue(index, ['f']), undefined);
});

test('what toYaml writes below a key is told by the name of its values', () => {
  const find = (template: string, line: number) => valuesWrittenAt(indexKeys(template), line)?.join('.');
  assert.equal(find('a:\n  {{- toYaml .Values.x.y | nindent 2 }}\n', 1), 'x.y');
  assert.equal(find('a: {{ toYaml ($.Values.x) | nindent 2 }}\n', 1), 'x');
  assert.equal(find('{{- with .Values.x }}\na:\n  {{- toYaml . | nindent 2 }}\n{{- end }}\n', 2), 'x');
  assert.equal(find('image: b\na:\n  {{- toYaml .Values.x | nindent 2 }}\n', 1), undefined);
  assert.equal(find('a:\n{{ end }}\n{{ toYaml .Values.x }}\n', 1), undefined);
});

test('a chart that depends on a changed chart is changed', () => {
  const charts = [
    { folder: 'c/a', name: 'a', localDependencies: [] },
    { folder: 'c/b', name: 'b', localDependencies: ['c/a'] },
    { folder: 'c/c', name: 'c', localDependencies: [] },
  ];
  const changed = selectChanged(charts, [{ path: 'c/a/values.yaml', status: 'modified' }]);
  assert.deepEqual(
    changed.map(({ name }) => name),
    ['a', 'b'],
  );
});

test('no schema comes from a text without CustomResourceDefinitions', () => {
  assert.equal(renderCrdSchemas('kind: ConfigMap\n---\n{broken').size, 0);
});

test('a definition is read as Kubernetes reads it, whose reader takes more than others', () => {
  const text = `kind: CustomResourceDefinition
kind: CustomResourceDefinition
spec:
  group: example.com
  names: { kind: Thing }
  versions:
    - name: v1
      schema:
        openAPIV3Schema:
          type: object
          properties:
            on: { type: boolean, default: yes }
            mode: { type: integer, default: 0644, maximum: 18446744073709551615 }
            size: { type: object, properties: {
              a: { type: string }
            } }
`;
  const schema = renderCrdSchemas(text).get('example.com/thing_v1.json');
  assert.ok(schema, 'it has a schema');
  const { mode, size } = schema.properties as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  assert.equal(mode?.default, 0o644);
  assert.equal(size?.additionalProperties, false);
});

test('a definition’s names lead nowhere, and two groups that begin alike are two', () => {
  const crd = (group: string, kind: string, version: string) =>
    `kind: CustomResourceDefinition\nspec:\n  group: "${group}"\n  names: { kind: "${kind}" }\n  versions:\n    - { name: "${version}", schema: { openAPIV3Schema: { type: object } } }\n`;
  const pathsOf = (...texts: readonly string[]) => [...renderCrdSchemas(texts.join('---\n')).keys()];
  assert.deepEqual(pathsOf(crd('example.com', 'Thing', 'v1'), crd('example.org', 'Thing', 'v1beta1')), [
    'example.com/thing_v1.json',
    'example.org/thing_v1beta1.json',
  ]);
  for (const [group, kind, version] of [
    ['..', 'Thing', 'v1'],
    ['../../etc', 'Thing', 'v1'],
    ['example.com', '../../Thing', 'v1'],
    ['example.com', 'Thing', '../v1'],
    ['', 'Thing', 'v1'],
  ] as const)
    assert.deepEqual(pathsOf(crd(group, kind, version)), [], `${group} ${kind} ${version}`);
});

test('versions are ordered as Semantic Versioning orders them', () => {
  const ordered = [
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
  ].concat(['1.0.0-rc.1', '1.0.0', '1.0.1-a-1', '1.0.1', '1.2', '1.10.0']);
  ordered.forEach((low, index) => {
    assert.equal(compareVersions(low, low), 0);
    for (const high of ordered.slice(index + 1)) {
      assert.ok(compareVersions(low, high) < 0, `${low} < ${high}`);
      assert.ok(compareVersions(high, low) > 0, `${high} > ${low}`);
    }
  });
  assert.equal(compareVersions('v1.0.0+a', '1.0.0+b'), 0);
});

test('a version that rose is one also where it is written as a number, and one that did not is told on its line', async () => {
  const bumps = async (before: string, now: string) => {
    const text = `name: a\nversion: ${now}\n`;
    const files = { readText: async () => text } as unknown as Files;
    const changes = {
      files: [{ path: 'charts/a/values.yaml', status: 'modified' as const }],
      readBase: async () => `name: a\nversion: ${before}\n`,
    };
    const chart = { folder: 'charts/a', name: 'a', localDependencies: [] };
    return (await checkVersionBumps([chart], changes, 'error', { files })).map(
      ({ message, location }) => `${location?.startLine} ${message}`,
    );
  };
  assert.deepEqual(await bumps('1.9', '1.10'), []);
  assert.deepEqual(await bumps('1.10', '1.10'), [
    '2 The chart changed and its version did not rise: it was 1.10 and is 1.10.',
  ]);
  assert.deepEqual(await bumps('[1]', '1.10'), []);
  assert.deepEqual(await bumps('1.0.0', '{broken'), []);
});

test('of several equal keys of an object the one in its place is found', () => {
  const template =
    'kind: A\nimage: x\n---\nspec:\n  image: a\n{{ if x }}\nkind: B\n  image: b\n---\nkind: C\n';
  const text = '\nspec:\n  image: a\nkind: B\n  image: b\n';
  const find = (key: string, offset: number) =>
    locateOccurrence(indexKeys(template), indexKeys(text), { kind: 'B', key, offset });
  assert.equal(find('image', text.indexOf('a\nkind')), 5);
  assert.equal(find('image', text.lastIndexOf('b')), 8);
  assert.equal(find('other', 0), undefined);
  assert.equal(locateKind(indexKeys(template), 'B'), 7);
});

test('what breaks a values schema, and a schema that is none, are told of the chart that they belong to', () => {
  const text = `Error: values don't meet the specifications of the schema(s) in the following chart(s):
web:
- at '/replicas': got string, want integer
- at '': missing property 'image'
note:
"file:///values.schema.json#" is not valid against metaschema: jsonschema validation failed
- at '': 'allOf' failed
other:
invalid character 'o' in literal null (expecting 'u')
`;
  assert.deepEqual(
    parseRenderError(text).map(({ ruleId, chart, valuePath, path }) => [ruleId, chart ?? path, valuePath]),
    [
      ['charts/values-against-schema', 'web', '/replicas'],
      ['charts/values-against-schema', 'web', ''],
      ['charts/invalid-values-schema', 'note/values.schema.json', undefined],
      ['charts/invalid-values-schema', 'other/values.schema.json', undefined],
    ],
  );
});

test('what a program prints is read in little time, whatever it prints', () => {
  for (const text of [
    `Error: ${'a'.repeat(60_000)}`,
    `Error: ${'a/'.repeat(30_000)}`,
    `Error: ${' '.repeat(60_000)}`,
    `Error: ${"- at '".repeat(10_000)}`,
    `Error: ${'a.yaml'.repeat(10_000)}`,
    `Error: values don't meet the specifications of the schema(s)\n${'a:\n'.repeat(20_000)}`,
    '-'.repeat(120_000),
    ' '.repeat(120_000),
  ]) {
    const started = performance.now();
    parseRenderError(text);
    parseLint(`[ERROR] ${text}`);
    const resources = [{ kind: 'A', name: 'a', version: 'v1', status: 'statusInvalid', msg: text }];
    parseKubeconform(JSON.stringify({ resources }));
    splitRendered(text);
    indexKeys(text);
    valuesWrittenAt(indexKeys(`image: {{ toYaml ${text} }}`), 1);
    assert.ok(performance.now() - started < 1_000, text.slice(0, 20));
  }
});

test('no text of a program or a chart throws a parser, and every line that is told exists', () => {
  const words = [
    ...[
      '---',
      '# Source: web/templates/a.yaml',
      'kind: ',
      'ConfigMap',
      'metadata:',
      '  name: a',
      '- at ',
      "'/a/b'",
      ': ',
    ],
    ...[
      '[ERROR] ',
      '[INFO] ',
      'templates/',
      'a.yaml:3:9',
      ': unable to parse YAML: ',
      'yaml: line 7',
      '==> Linting x',
    ],
    ...[
      'Error: ',
      'schema(s)',
      'specifications of the schema(s)\n',
      'web:\n',
      '{',
      '}',
      '[',
      ']',
      '"',
      "'",
      '&a',
      '*a',
      '\n',
    ],
    ...[
      '\t',
      '\u0000',
      '\u2028',
      '😀',
      '{{ .Values.a }}',
      'items:',
      'kind: List',
      'apiVersion: v1',
      '%',
      '|',
      '>-',
      '? ',
    ],
  ];
  let state = 1;
  const next = (below: number) => {
    state = (Math.imul(state, 48271) >>> 0) % 2147483647;
    return state % below;
  };
  for (let round = 0; round < 2_000; round += 1) {
    const parts = Array.from({ length: 1 + next(30) }, () => words[next(words.length)] ?? '');
    const text = parts.join(next(2) ? '\n' : '');
    parseLint(text);
    parseRenderError(text);
    renderCrdSchemas(text);
    parseKubeconform(
      JSON.stringify({ resources: [{ kind: '', name: '', version: '', status: 'x', msg: text }] }),
    );
    for (const rendered of splitRendered(text)) {
      checkPolicies(rendered, '1.34.4', new Set(['privileged']));
      const index = indexKeys(text);
      const found = locateOccurrence(index, indexKeys(rendered.text), {
        kind: rendered.kind,
        key: 'name',
        offset: next(99),
      });
      for (const line of [
        found,
        locateKey(index, rendered.kind, 'a'),
        locateValue(index, ['metadata', 'name'])?.line,
      ])
        assert.ok(line === undefined || (line >= 1 && line <= index.lines.length));
    }
  }
});

test('what is excused in one combination and is a fault in another is a fault', () => {
  const raw = (combination: string, severity: 'info' | 'high') => ({
    ruleId: 'charts/refused-values',
    severity,
    message: 'a host is required',
    location: { path: 'charts/web/templates/a.yaml', startLine: 3 },
    tool: 'helm',
    combination,
  });
  const told = [raw('helm lint', 'info'), raw('web in prod on 1.34.4', 'high'), raw('b on 1.34.4', 'info')];
  assert.deepEqual(
    mergeRaw(told).map(({ severity }) => severity),
    ['high'],
  );
});
