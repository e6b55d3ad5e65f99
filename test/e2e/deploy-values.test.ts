import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { KubeApi } from '@zakenak/core';
import { connectKube } from '@zakenak/kube';
import type { Sandbox } from '@zakenak/sandbox';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { makeTestSet, readWrites, type TestSet } from './rollout-fixture.ts';
import { createTestToolchain, startTestSandbox } from './sandbox-fixture.ts';

let sandbox: Sandbox;
let kube: KubeApi;
let folder: string;
let sops: string;
let recipient: string;
/** The environment of somebody who has the key. */
let withKey: { readonly env: Readonly<Record<string, string>> };

before(async () => {
  const toolchain = createTestToolchain();
  [sandbox, sops] = await Promise.all([startTestSandbox(), toolchain.resolve('sops')]);
  kube = await connectKube({ env: {}, kubeconfig: sandbox.kubeconfig });
  folder = await mkdtemp(join(tmpdir(), 'zakenak-age-'));
  const identity = await generateIdentity();
  recipient = await identityToRecipient(identity);
  await writeFile(join(folder, 'keys.txt'), `${identity}\n`, { mode: 0o600 });
  withKey = { env: { SOPS_AGE_KEY_FILE: join(folder, 'keys.txt') } };
});
after(async () => {
  await sandbox?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

const encrypt = (values: unknown): string =>
  execFileSync(
    sops,
    [
      'encrypt',
      '--age',
      recipient,
      '--filename-override',
      'a.yaml',
      '--input-type',
      'json',
      '--output-type',
      'yaml',
    ],
    { input: JSON.stringify(values), encoding: 'utf8' },
  );

async function makeSet(t: Parameters<typeof makeTestSet>[0], valuesFrom: string): Promise<TestSet> {
  const set = await makeTestSet(t, sandbox);
  await set.workspace.write({
    'values.yaml': '{}',
    'zakenak.yaml': `project: ${set.name.replace(/-test$/, '')}
environments: { test: { cluster: { context: zakenak-sandbox }, values: [values.yaml] } }
deploy:
  namespace: ${set.name}
  releases:
    - { name: base, chart: charts/app, timeout: 30s, values: { text: own, replicas: 1 }, valuesFrom: ${valuesFrom} }
`,
  });
  return set;
}

const dataOf = async ({ name }: TestSet, kind: string): Promise<Readonly<Record<string, string>>> => {
  const found = await kube.get({ apiVersion: 'v1', kind, namespace: name, name: 'base' });
  return (found?.data ?? {}) as Readonly<Record<string, string>>;
};

test('files that SOPS encrypted are values like others, and what was encrypted is in no output and no file', async (t) => {
  const secret = `pw-${randomBytes(12).toString('hex')}`;
  const set = await makeSet(t, '[{ file: secrets/base.yaml }]');
  await set.workspace.write({ 'secrets/base.yaml': encrypt({ password: secret, text: 'from sops' }) });
  const outcome = await set.run(['deploy', '--plan-file', 'plan.json', '--output-dir', 'out'], withKey);
  assert.equal(outcome.exitCode, 0, outcome.report.summary);
  assert.equal(Buffer.from((await dataOf(set, 'Secret'))['password'] ?? '', 'base64').toString(), secret);
  assert.equal(
    (await dataOf(set, 'ConfigMap'))['text'],
    'from sops',
    'it wins over the release’s own values',
  );
  const files = ['plan.json', 'out/report.json', 'out/report.md', 'out/report.sarif'];
  const texts = await Promise.all(files.map((name) => readFile(join(set.workspace.root, name), 'utf8')));
  // A template that fails quotes the value: Helm's own message passes the redactor too.
  await set.workspace.write({
    'charts/app/templates/fail.yaml': '{{ fail (printf "got %s" .Values.password) }}',
  });
  const failed = await set.run(['plan'], withKey);
  assert.equal(failed.report.error?.code, 'rollout/render-failed');
  assert.match(failed.report.error?.message ?? '', /got \*\*\*/);
  for (const text of [...texts, outcome.stdout, outcome.stderr, failed.stdout, failed.stderr])
    assert.ok(!text.includes(secret), 'the secret is shown');
  assert.deepEqual(outcome.leftovers, []);
});

test('an environment’s values file may be encrypted too, and a file may go under a key of its own', async (t) => {
  const set = await makeSet(
    t,
    '[{ file: extra.json, targetPath: extra }, { file: none.yaml, optional: true }]',
  );
  await set.workspace.write({
    'extra.json': '{"one": "1"}',
    'values.yaml': encrypt({ base: { text: 'of the environment' } }),
  });
  const outcome = await set.run(['deploy'], withKey);
  assert.equal(outcome.exitCode, 0, outcome.report.summary);
  assert.equal((await dataOf(set, 'ConfigMap'))['text'], 'of the environment');
  const extra = await kube.get({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    namespace: set.name,
    name: 'base-one',
  });
  assert.deepEqual(extra?.data, { text: '1' });
  assert.equal((await set.run(['deploy'], withKey)).report.outputs['has-changes'], false);
});

test('a missing key, a forged file, a missing file and one outside of the workspace are told with a remedy, and nothing is written', async (t) => {
  const set = await makeSet(t, '[{ file: secrets/base.yaml }]');
  const text = encrypt({ password: `pw-${randomBytes(12).toString('hex')}`, text: 'x' });
  const nobody = { env: { SOPS_AGE_KEY_FILE: join(folder, 'none.txt'), HOME: folder } };
  const forged = text.replace(/lastmodified: "[^"]*"/, 'lastmodified: "2020-01-01T00:00:00Z"');
  assert.notEqual(forged, text);
  const cutOff = text.slice(0, text.indexOf('\nsops:') + 1);
  assert.match(cutOff, /ENC\[/);
  for (const [file, options, code, exitCode, remedy] of [
    [cutOff, withKey, 'rollout/sops-failed', 3, /^Do not use it/],
    [text, nobody, 'rollout/sops-failed', 3, /SOPS_AGE_KEY_FILE/],
    [forged, withKey, 'rollout/sops-failed', 3, /^Do not use it/],
    [undefined, withKey, 'rollout/missing-file', 2, /^Write secrets\/bas.yaml /],
  ] as const) {
    await set.workspace.write(
      file === undefined ? { 'secrets/bas.yaml': '' } : { 'secrets/base.yaml': file },
    );
    if (file === undefined) await rm(join(set.workspace.root, 'secrets/base.yaml'));
    const { report, ...outcome } = await set.run(['deploy'], options);
    assert.deepEqual([report.error?.code, outcome.exitCode], [code, exitCode], report.error?.message);
    assert.match(report.error?.remedy ?? '', remedy);
  }
  const outside = await makeSet(t, '[{ file: ../secrets.yaml }]');
  assert.equal((await outside.run(['plan'])).report.error?.code, 'files/outside-workspace');
  assert.deepEqual(await readWrites(sandbox, set.name), []);
});

test('a chart that renders differently each time is a finding that names object and field; its second deploy writes nothing', async (t) => {
  const set = await makeTestSet(t, sandbox);
  await set.workspace.write({
    'charts/app/templates/random.yaml': `apiVersion: v1
kind: Secret
metadata: { name: {{ .Release.Name }}-random }
stringData: { password: {{ randAlphaNum 24 | quote }}, fixed: same }
`,
  });
  const { report, exitCode } = await set.run(['deploy']);
  assert.equal(exitCode, 0, report.summary);
  const found = report.findings.filter(({ ruleId }) => ruleId === 'rollout/unstable-render');
  assert.deepEqual(found.map(({ message }) => message.split(':')[0]).sort(), ['api', 'base', 'web']);
  assert.match(found[0]?.message ?? '', /Secret \S+-random \(stringData\.password\)\.$/);
  const again = await set.run(['deploy']);
  assert.equal(again.report.outputs['has-changes'], false);
  // A chart that only could be random and is not is no finding.
  await set.workspace.write({
    'charts/app/templates/random.yaml': '{{- if false }}{{ randAlphaNum 24 }}{{ end }}',
  });
  const steady = await set.run(['plan']);
  assert.deepEqual(
    steady.report.findings.filter(({ ruleId }) => ruleId === 'rollout/unstable-render'),
    [],
  );
});

test('keys that mean something to JavaScript are values like others, as for both Helms', async (t) => {
  const set = await makeSet(t, '[{ file: one.yaml }, { file: two.yaml }]');
  await set.workspace.write({
    'one.yaml': 'free: { __proto__: { a: 1, b: 1 }, constructor: { a: 1 }, toString: x }\n',
    'two.yaml': 'free: { __proto__: { b: 2 }, constructor: { b: 2 }, hasOwnProperty: other }\n',
    'charts/app/templates/free.yaml': `apiVersion: v1
kind: ConfigMap
metadata: { name: free }
data:
  all: {{ toJson .Values.free | quote }}
  __proto__: "a key of its own"
`,
  });
  const [first, second] = [await set.run(['deploy']), await set.run(['deploy'])];
  assert.equal(first.exitCode, 0, first.report.error?.message);
  assert.equal(second.report.outputs['has-changes'], false);
  const found = await kube.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: set.name, name: 'free' });
  const expected =
    '{"__proto__":{"a":1,"b":2},"constructor":{"a":1,"b":2},"hasOwnProperty":"other","toString":"x"}';
  assert.equal(
    JSON.stringify(found?.data),
    JSON.stringify(JSON.parse(`{"__proto__": "a key of its own", "all": ${JSON.stringify(expected)}}`)),
  );
  for (const name of ['helm3', 'helm']) {
    const program = await createTestToolchain().resolve(name);
    const files = ['one.yaml', 'two.yaml'].flatMap((file) => ['-f', join(set.workspace.root, file)]);
    const args = ['template', 'base', join(set.workspace.root, 'charts/app'), ...files];
    assert.ok(execFileSync(program, args, { encoding: 'utf8' }).includes(JSON.stringify(expected)), name);
  }
});

test('a key that leaves a Secret’s stringData leaves the Secret, in a deploy and in a rollback, also where Helm 4 had written it', async (t) => {
  const set = await makeTestSet(t, sandbox);
  const write = (keys: Readonly<Record<string, string>>) =>
    set.workspace.write({
      'charts/app/templates/keys.yaml': `apiVersion: v1
kind: Secret
metadata: { name: {{ .Release.Name }}-keys }
data: { kept: "{{ "kept" | b64enc }}" }
stringData: ${JSON.stringify(keys)}
`,
    });
  const ref = { apiVersion: 'v1', kind: 'Secret', namespace: set.name, name: 'base-keys' };
  const keysNow = async () => Object.keys(((await kube.get(ref))?.data ?? {}) as object).sort();
  const deploy = async (keys: Readonly<Record<string, string>>, args: readonly string[] = ['deploy']) => {
    await write(keys);
    const { report } = await set.run(args);
    assert.equal(report.verdict, 'simulated', report.summary);
    return keysNow();
  };
  assert.deepEqual(await deploy({ a: 'first', b: 'of many' }), ['a', 'b', 'kept']);
  assert.deepEqual(await deploy({ a: 'first' }), ['a', 'kept']);
  assert.deepEqual(await deploy({ a: 'first', c: 'new' }), ['a', 'c', 'kept']);
  assert.deepEqual(await deploy({}, ['rollback', '--release', 'base']), ['a', 'kept']);

  const live = await kube.get(ref);
  const { labels = {}, annotations = {} } = live?.metadata ?? {};
  const asHelm = { metadata: { name: ref.name, namespace: set.name, labels, annotations } };
  const stringData = { a: 'first', d: 'by Helm' };
  const [apiVersion, kind, data] = ['v1', 'Secret', { kept: Buffer.from('kept').toString('base64') }];
  await kube.apply({ apiVersion, kind, ...asHelm, data, stringData }, { fieldManager: 'helm', force: true });
  assert.deepEqual(await keysNow(), ['a', 'd', 'kept']);
  await write({ a: 'first' });
  const { report } = await set.run(['plan']);
  assert.match(JSON.stringify(report.sections), /- data\.d: \*\*\*/);
  assert.deepEqual(await deploy({ a: 'first' }), ['a', 'kept']);
  const before = await readWrites(sandbox, set.name);
  await deploy({ a: 'first' });
  assert.deepEqual(await readWrites(sandbox, set.name), before, 'a second deploy writes nothing');
});

test('a chart that takes its image as text gets repository@digest', async (t) => {
  const set = await makeTestSet(t, sandbox);
  const config = await readFile(join(set.workspace.root, 'zakenak.yaml'), 'utf8');
  const build = '[{ name: base, context: charts, valuesPath: text }]';
  await set.workspace.write({
    'values.yaml': '{}',
    'zakenak.yaml': `registry: registry.invalid/acme\nbuild: ${build}\n${config}`,
  });
  const image = `registry.invalid/acme/base@sha256:${'a'.repeat(64)}`;
  const { report } = await set.run(['deploy', '--image-digests', `base=${image}`]);
  assert.equal(report.verdict, 'simulated', report.summary);
  const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace: set.name, name: 'base' };
  assert.equal(((await kube.get(ref))?.data as { text?: string } | undefined)?.text, image);
});

/** Values of one release, as the layers of zakenak.yaml and as helm's `-f` files: its own, then those of two files of the environment. */
const layered: readonly (readonly [own: unknown, first: unknown, second: unknown])[] = [
  [{}, {}, {}],
  [{ a: null }, { m: null }, { m: { z: 1 } }],
  [{ m: { x: null, deep: { one: null } } }, { m: { y: 3, deep: { two: null } } }, {}],
  [{ m: { q: 1 } }, { m: null }, { a: { now: 'a map' }, l: [1, null] }],
  [{ sub: { s: null, sm: { a: null } }, other: { s: null } }, { other: { sm: { b: null } } }, {}],
  [{ sub: null }, {}, { m: null }],
  [{ global: { g: 1, gm: { a: 1 } } }, { global: { gm: { b: 2 } } }, { sub: { global: { mine: 1 } } }],
  [{ global: { gd: null } }, {}, { global: { shared: null } }],
  [{ sub: { enabled: false } }, {}, { imported: { i: 9 } }],
  [{ sub: { enabled: false } }, { sub: { enabled: null } }, { imported: { i: null } }],
  [{ tags: { t: false } }, { none: null, m: 'text' }, { none: { x: null } }],
  [{ sub: { exports: { e: { imported: { i: 7 } } } } }, { imported: null }, {}],
];

const dump = (name: string): string => `apiVersion: v1
kind: ConfigMap
metadata: { name: "{{ .Release.Name }}-${name}" }
data: { all: {{ toJson .Values | quote }} }
`;

test('nulls, globals, aliases, conditions, tags and imports in layers of values are rendered as helm renders them', async (t) => {
  const set = await makeTestSet(t, sandbox);
  const names = layered.map((_, index) => `r${index}`);
  const shared = { global: { shared: 'with all' } };
  const environment = (layer: 1 | 2) =>
    JSON.stringify({
      ...(layer === 1 ? shared : {}),
      ...Object.fromEntries(layered.map((layers, index) => [`r${index}`, layers[layer]])),
    });
  const releases = layered.map((layers, index) =>
    JSON.stringify({ name: `r${index}`, chart: 'charts/v', values: layers[0] }),
  );
  await set.workspace.write({
    'charts/v/Chart.yaml': `apiVersion: v2
name: v
version: 1.0.0
dependencies:
  - { name: sub, version: 1.0.0, condition: sub.enabled, tags: [t], import-values: [e, { child: sm, parent: fromsm }] }
  - { name: sub, version: 1.0.0, alias: other, import-values: [{ child: sm, parent: imported }] }
`,
    'charts/v/values.yaml': `a: 1
l: [0]
m: { x: 1, y: 2, deep: { one: 1, two: 2 } }
global: { gd: 1 }
sub: { s: parent, sm: { c: parent } }
`,
    'charts/v/templates/all.yaml': dump('v'),
    'charts/v/charts/sub/Chart.yaml': 'apiVersion: v2\nname: sub\nversion: 1.0.0\n',
    'charts/v/charts/sub/values.yaml':
      's: own\nsm: { a: 1, b: 2 }\nenabled: true\nexports: { e: { imported: { i: 1 }, top: t } }\n',
    'charts/v/charts/sub/templates/all.yaml': dump('{{ .Chart.Name }}'),
    'first.yaml': environment(1),
    'second.yaml': environment(2),
    'shared.yaml': JSON.stringify(shared),
    ...Object.fromEntries(
      layered.flatMap((layers, index) =>
        layers.map((layer, at) => [`r${index}.${at}.yaml`, JSON.stringify(layer)]),
      ),
    ),
    'zakenak.yaml': `project: ${set.name.replace(/-test$/, '')}
environments: { test: { cluster: { context: zakenak-sandbox }, values: [first.yaml, second.yaml] } }
deploy: { namespace: ${set.name}, releases: [${releases}] }
`,
  });
  const { report, exitCode } = await set.run(['deploy']);
  assert.equal(exitCode, 0, report.error?.message);
  const { items } = await kube.list({ apiVersion: 'v1', kind: 'ConfigMap', namespace: set.name });
  const ours = items
    .filter(({ metadata }) => /^r\d+-/.test(metadata.name))
    .map(({ metadata, data }) => `${metadata.name} ${(data as { all?: string }).all}`);
  const toolchain = createTestToolchain();
  for (const program of await Promise.all(['helm3', 'helm'].map((name) => toolchain.resolve(name)))) {
    const theirs = names.flatMap((name) => {
      const files = [`${name}.0`, 'shared', `${name}.1`, `${name}.2`].flatMap((file) => [
        '--values',
        join(set.workspace.root, `${file}.yaml`),
      ]);
      const args = ['template', name, join(set.workspace.root, 'charts/v'), ...files];
      const text = execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
      const found = [...text.matchAll(/name: "(.*)" \}\ndata: \{ all: (".*") \}/g)];
      return found.map(([, object, all = '']) => `${object} ${JSON.parse(all)}`);
    });
    assert.ok(theirs.length > 2 * names.length, program);
    assert.deepEqual(ours.sort(), theirs.sort(), program);
  }
  assert.equal((await set.run(['deploy'])).report.outputs['has-changes'], false);
});
