import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { KubeApi, KubeObject, Report } from '@zakenak/core';
import { connectKube } from '@zakenak/kube';
import type { Sandbox } from '@zakenak/sandbox';
import { parseAllDocuments } from 'yaml';
import { auditOf, lines } from './audit-log.ts';
import { chartCorpus } from './chart-corpus.ts';
import { makeWorkspace, reportOf, runCli } from './cli-fixture.ts';
import { makeFaultSet } from './deploy-faults-fixture.ts';
import { corpus, leftOut } from './drift-corpus.ts';
import { createTestToolchain, startTestSandbox } from './sandbox-fixture.ts';

const root = join(import.meta.dirname, '../..');
let sandbox: Sandbox;
let kube: KubeApi;

before(async () => {
  sandbox = await startTestSandbox();
  kube = await connectKube({ env: {}, kubeconfig: sandbox.kubeconfig });
});
after(() => sandbox?.stop());

const objects = Object.values(corpus).flatMap((text) =>
  parseAllDocuments(text).map((document) => document.toJS() as KubeObject),
);

test('the corpus has every built-in kind that can be applied, or says why not', async () => {
  const inCorpus = new Set(objects.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`));
  const served = (await kube.resources())
    .filter(
      ({ apiVersion, verbs }) =>
        ['create', 'get', 'patch'].every((verb) => verbs.includes(verb)) && isBuiltIn(apiVersion),
    )
    .map(({ apiVersion, kind }) => `${apiVersion} ${kind}`);
  assert.ok(served.length >= 50);
  assert.deepEqual(
    served.filter((kind) => !inCorpus.has(kind) && !(kind in leftOut)),
    [],
  );
});

const isBuiltIn = (apiVersion: string): boolean => !apiVersion.includes('example.com');

// Before the corpus, whose Node nobody runs: a DaemonSet would wait for a pod there until that Node counts as lost, almost a minute.
test('the reference platform: a second deploy writes nothing, and nothing has drifted', async (t) => {
  const workspace = await makeWorkspace(t);
  await cp(join(root, 'examples/platform'), workspace.root, { recursive: true });
  await workspace.commit();
  const run = async (verb: string): Promise<Report> =>
    reportOf(
      await runCli([
        verb,
        '--environment',
        'sandbox',
        '--json',
        '--directory',
        workspace.root,
        '--kubeconfig',
        sandbox.kubeconfig,
      ]),
    );
  const first = await run('deploy');
  assert.equal(first.verdict, 'simulated', JSON.stringify([first.error, first.findings], null, 1));
  assertInSync(await run('status'));
  const { outcome, writes } = await auditOf(sandbox, () => run('deploy'));
  assert.equal(outcome.outputs['has-changes'], false);
  assert.deepEqual(lines(writes), []);
});

test('every built-in kind: a second deploy writes nothing, and nothing has drifted', async (t) => {
  const set = await makeFaultSet(t, sandbox, '');
  await set.workspace.write(
    Object.fromEntries(
      Object.entries(corpus).map(([name, text]) => [`charts/fault/templates/${name}`, text]),
    ),
  );
  const first = await set.run(['deploy']);
  assert.equal(first.exitCode, 0, JSON.stringify([first.report.error, first.report.findings], null, 1));
  assertInSync((await set.run(['status'])).report);
  const { outcome, writes } = await auditOf(sandbox, () => set.run(['deploy']));
  assert.equal(outcome.report.outputs['has-changes'], false, JSON.stringify(outcome.report.sections));
  assert.deepEqual(lines(writes), []);
  // What another apply of the very same does: a resourceVersion that moves (kubernetes#95460) is no drift either.
  await applyAgain(set.name);
  assertInSync((await set.run(['status'])).report);
});

test('a corpus of awkward charts: a second deploy writes nothing', async (t) => {
  const set = await makeFaultSet(t, sandbox, '');
  const names = Object.keys(chartCorpus);
  const releases = names.map((name) => `    - { name: ${name}, chart: charts/${name}, timeout: 60s }`);
  await set.workspace.write({
    ...Object.fromEntries(
      Object.entries(chartCorpus).flatMap(([name, files]) =>
        Object.entries(files).map(([path, text]) => [`charts/${name}/${path}`, text]),
      ),
    ),
    'zakenak.yaml': `project: ${set.name.replace(/-test$/, '')}
environments: { test: { cluster: { context: zakenak-sandbox } } }
deploy:
  namespace: ${set.name}
  releases:
${releases.join('\n')}
`,
  });
  const first = await set.run(['deploy']);
  assert.equal(first.exitCode, 0, JSON.stringify([first.report.error, first.report.findings], null, 1));
  assertInSync((await set.run(['status'])).report);
  // A chart may give its hooks one name: Helm has to find each of them in the record.
  const helm = await createTestToolchain().resolve('helm');
  const args = ['get', 'hooks', 'hooks', '--namespace', set.name, '--kubeconfig', sandbox.kubeconfig];
  const kinds = execFileSync(helm, args, { encoding: 'utf8' })
    .match(/^kind: \w+$/gm)
    ?.sort();
  assert.deepEqual(kinds, ['kind: ConfigMap', 'kind: Job', 'kind: Pod', 'kind: ServiceAccount']);
  for (const verb of ['deploy', 'deploy']) {
    const { outcome, writes } = await auditOf(sandbox, () => set.run([verb]));
    assert.equal(outcome.report.outputs['has-changes'], false, JSON.stringify(outcome.report.sections));
    assert.deepEqual(lines(writes), []);
  }
});

test('what Helm installed is deployed as it is: nothing is written, and no hook runs', async (t) => {
  for (const program of ['helm3', 'helm'] as const) {
    const set = await makeFaultSet(t, sandbox, '');
    // Helm keeps blank lines, comments and empty documents in its records, which a rendering by `helm template` does not have.
    const templates = `{{/* none */}}


apiVersion: v1
kind: ConfigMap
metadata: { name: first }
data: { a: b }

---
# Only a comment.
---
apiVersion: v1
kind: Service
metadata: { name: second }
spec: { ports: [{ port: 80 }] }


---
{{ if false }}x{{ end }}
---
apiVersion: v1
kind: ConfigMap
metadata: { name: hook, annotations: { helm.sh/hook: "pre-install,pre-upgrade" } }

---

apiVersion: v1
kind: ServiceAccount
metadata: { name: hook, annotations: { helm.sh/hook: "pre-install,pre-upgrade" } }

`;
    await set.workspace.write({
      'charts/blank/Chart.yaml': 'apiVersion: v2\nname: blank\nversion: 0.1.0\n',
      'charts/blank/templates/all.yaml': templates,
      'charts/blank/templates/empty.yaml': '\n{{- if false }}\n{{- end }}\n',
      'zakenak.yaml': `project: ${set.name.replace(/-test$/, '')}
environments: { test: { cluster: { context: zakenak-sandbox } } }
deploy: { namespace: ${set.name}, releases: [{ name: blank, chart: charts/blank }] }
`,
    });
    const helm = await createTestToolchain().resolve(program);
    const place = ['--namespace', set.name, '--kubeconfig', sandbox.kubeconfig];
    const chart = join(set.workspace.root, 'charts/blank');
    execFileSync(helm, ['install', 'blank', chart, '--create-namespace', ...place]);
    const { outcome, writes } = await auditOf(sandbox, () => set.run(['deploy']));
    assert.equal(outcome.report.outputs['has-changes'], false, JSON.stringify(outcome.report.sections));
    assert.deepEqual(lines(writes), [], program);
    await set.workspace.write({ 'charts/blank/templates/all.yaml': templates.replace('a: b', 'a: c') });
    assert.equal((await set.run(['deploy'])).report.outputs['has-changes'], true);
  }
});

test('what asks for kinds of a release that it needs is there after the first deploy, and the second writes nothing', async (t) => {
  const set = await makeFaultSet(t, sandbox, '');
  const group = `${set.name.replace(/-test$/, '')}.example.com`;
  const definition = (kind: string) => `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: ${kind.toLowerCase()}s.${group} }
spec:
  group: ${group}
  scope: Namespaced
  names: { kind: ${kind}, plural: ${kind.toLowerCase()}s, singular: ${kind.toLowerCase()}, listKind: ${kind}List }
  versions:
    - { name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } } }
`;
  const asking = (kind: string, name: string) => `{{ if .Capabilities.APIVersions.Has "${group}/v1/${kind}" }}
apiVersion: ${group}/v1
kind: ${kind}
metadata: { name: ${name} }
---
{{ end }}
`;
  const chart = (name: string, files: Readonly<Record<string, string>>) =>
    Object.entries({ 'Chart.yaml': `apiVersion: v2\nname: ${name}\nversion: 0.1.0\n`, ...files }).map(
      ([path, text]) => [`charts/${name}/${path}`, text] as const,
    );
  await set.workspace.write({
    ...Object.fromEntries([
      ...chart('kinds', { 'crds/gear.yaml': definition('Gear') }),
      // Itself asks for what it needs, and defines what the next one asks for.
      ...chart('more', {
        'templates/a.yaml': `${asking('Gear', 'of-more')}{{ if .Capabilities.APIVersions.Has "${group}/v1/Gear" }}\n${definition('Wheel')}{{ end }}`,
      }),
      ...chart('user', { 'templates/a.yaml': asking('Gear', 'of-user') + asking('Wheel', 'of-user') }),
      // Nothing is promised to what needs nobody.
      ...chart('alone', {
        'templates/a.yaml': `${asking('Spoke', 'of-alone')}apiVersion: v1\nkind: ConfigMap\nmetadata: { name: alone }\n`,
      }),
    ]),
    'zakenak.yaml': `project: ${set.name.replace(/-test$/, '')}
environments: { test: { cluster: { context: zakenak-sandbox } } }
deploy:
  namespace: ${set.name}
  releases:
    - { name: user, chart: charts/user, needs: [more] }
    - { name: alone, chart: charts/alone }
    - { name: more, chart: charts/more, needs: [kinds] }
    - { name: kinds, chart: charts/kinds }
`,
  });
  assert.equal((await set.run(['deploy'])).exitCode, 0);
  kube.refreshDiscovery();
  for (const [kind, name] of [
    ['Gear', 'of-more'],
    ['Gear', 'of-user'],
    ['Wheel', 'of-user'],
  ] as const)
    assert.ok(
      await kube.get({ apiVersion: `${group}/v1`, kind, namespace: set.name, name }),
      `${kind} ${name}`,
    );
  const { outcome, writes } = await auditOf(sandbox, () => set.run(['deploy']));
  assert.equal(outcome.report.outputs['has-changes'], false, JSON.stringify(outcome.report.sections));
  assert.deepEqual(lines(writes), []);
});

async function applyAgain(namespace: string): Promise<void> {
  kube.refreshDiscovery();
  for (const { apiVersion, kind, metadata } of objects) {
    const resource = (await kube.resources()).find(
      (one) => one.apiVersion === apiVersion && one.kind === kind,
    );
    const ref = { apiVersion, kind, name: metadata.name, ...(resource?.namespaced ? { namespace } : {}) };
    const live = await kube.get(ref);
    assert.ok(live, `${kind} ${metadata.name}`);
    await kube.patch(ref, 'merge', { metadata: { labels: { 'somebody.example.com/touched': 'yes' } } });
    await kube.patch(ref, 'merge', { metadata: { labels: { 'somebody.example.com/touched': null } } });
  }
}

function assertInSync(report: Report): void {
  const differing = report.outputs.drift as readonly { readonly state: string; readonly object: unknown }[];
  assert.deepEqual(
    differing.filter(({ state }) => state !== 'in-sync'),
    [],
  );
  const releases = report.outputs.releases as readonly { readonly name: string; readonly drift: string }[];
  assert.deepEqual(
    releases.filter(({ drift }) => drift !== 'in-sync'),
    [],
  );
}
