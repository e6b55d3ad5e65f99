import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { makeTestSet, readWrites, type TestSet } from './rollout-fixture.ts';
import { useCluster } from './sandbox-fixture.ts';

const {
  sandbox,
  kube,
  programs: [helm4 = '', helm3 = ''],
} = await useCluster('helm', 'helm3');
const helms = { helm: helm4, helm3 };

const password = `{{- $old := (lookup "v1" "Secret" .Release.Namespace "kept").data | default dict }}
---
apiVersion: v1
kind: Secret
metadata: { name: kept }
data: { password: {{ get $old "password" | default (randAlphaNum 24 | b64enc) }} }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: seen }
data:
  text: {{ .Values.text | quote }}
  first: {{ .Release.IsInstall | quote }}
  elsewhere: {{ dig "data" "name" "nothing" (lookup "v1" "ConfigMap" .Values.beside "beside") }}
`;

/** A set of one release of a chart that looks up; the run with one of the two Helms. */
async function makeOne(t: TestContext, helm: string, files: Readonly<Record<string, string>> = {}) {
  const set = await makeTestSet(t, sandbox);
  const beside = `${set.name}-beside`;
  await kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: beside } });
  const metadata = { name: 'beside', namespace: beside };
  await kube.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { name: 'found' } });
  const folder = join(set.workspace.root, 'bin');
  await mkdir(folder, { recursive: true });
  await symlink(helm, join(folder, 'helm'));
  const write = (text: string) =>
    set.workspace.write({
      'zakenak.yaml': `project: ${set.name.replace(/-test$/, '')}
environments: { test: { cluster: { context: zakenak-sandbox } } }
deploy:
  namespace: ${set.name}
  releases: [{ name: one, chart: charts/one, values: { text: ${text}, beside: ${beside} } }]
`,
      'charts/one/Chart.yaml': 'apiVersion: v2\nname: one\nversion: 1.0.0\n',
      'charts/one/templates/all.yaml': password,
      ...files,
    });
  await write('first');
  const env = { PATH: `${folder}:${process.env.PATH}` };
  return { set, write, beside, run: (verb: string) => set.run([verb], { env }) };
}

const dataOf = async ({ name: namespace }: TestSet, kind: string, name: string) =>
  (await kube.get({ apiVersion: 'v1', kind, namespace, name }))?.['data'] as Record<string, string>;

for (const name of ['helm', 'helm3'] as const)
  test(`what a template looks up is found, by ${name}: a password that was made once stays`, async (t) => {
    const { set, write, run, beside } = await makeOne(t, helms[name]);
    const first = await run('deploy');
    assert.equal(first.exitCode, 0, first.report.summary);
    assert.deepEqual([first.report.findings, first.report.caveats], [[], []]);
    const made = await dataOf(set, 'Secret', 'kept');
    assert.deepEqual(await dataOf(set, 'ConfigMap', 'seen'), {
      text: 'first',
      first: 'true',
      elsewhere: 'found',
    });
    const before = (await readWrites(sandbox, set.name)).length;
    const unchanged = await run('deploy');
    assert.equal(unchanged.report.outputs['has-changes'], true, 'it is no install any more');
    assert.equal((await run('deploy')).report.outputs['has-changes'], false);
    assert.ok((await readWrites(sandbox, set.name)).length > before);
    await write('second');
    const second = await run('deploy');
    assert.deepEqual([second.exitCode, second.report.findings], [0, []]);
    assert.deepEqual(await dataOf(set, 'Secret', 'kept'), made);
    const args = ['upgrade', 'one', join(set.workspace.root, 'charts/one'), '--namespace', set.name];
    const values = ['--set', `text=third,beside=${beside}`, '--kubeconfig', sandbox.kubeconfig];
    execFileSync(helms[name], [...args, ...values], { stdio: 'pipe' });
    assert.deepEqual(await dataOf(set, 'Secret', 'kept'), made);
    await write('fourth');
    assert.equal((await run('deploy')).exitCode, 0);
    assert.deepEqual(await dataOf(set, 'Secret', 'kept'), made);
    assert.equal((await dataOf(set, 'ConfigMap', 'seen'))['text'], 'fourth');
  });

test('a chart that brings its own kinds is installed as if its lookups had found nothing, and says so', async (t) => {
  const kind = `gear${Date.now().toString(36)}`;
  const definition = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${kind}s.example.com` },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { kind, plural: `${kind}s`, singular: kind, listKind: `${kind}list` },
      versions: [
        { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } },
      ],
    },
  };
  const { set, run } = await makeOne(t, helms.helm, {
    'charts/one/crds/gear.yaml': JSON.stringify(definition),
    'charts/one/templates/gear.yaml': `apiVersion: example.com/v1\nkind: ${kind}\nmetadata: { name: a }\n`,
  });
  const first = await run('deploy');
  assert.equal(first.exitCode, 0, first.report.summary);
  assert.match(first.report.caveats.join('\n'), /^one: what its templates look up .* counted as absent/m);
  assert.equal((await dataOf(set, 'ConfigMap', 'seen'))['elsewhere'], 'nothing');
  const made = await dataOf(set, 'Secret', 'kept');
  const second = await run('deploy');
  assert.deepEqual([second.exitCode, second.report.caveats], [0, []]);
  assert.equal((await dataOf(set, 'ConfigMap', 'seen'))['elsewhere'], 'found');
  assert.deepEqual(await dataOf(set, 'Secret', 'kept'), made);
});
