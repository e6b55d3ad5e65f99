import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import type { KubeApi } from '@zakenak/core';
import { connectKube } from '@zakenak/kube';
import type { Sandbox } from '@zakenak/sandbox';
import { makeTestSet, type TestSet } from './rollout-fixture.ts';
import { createTestToolchain, startTestSandbox } from './sandbox-fixture.ts';

let sandbox: Sandbox;
let kube: KubeApi;
let helm: string;
/** Holds packed charts, and is served as a classic repository. */
let folder: string;
let server: Server;
let repository: string;

before(async () => {
  [sandbox, helm] = await Promise.all([startTestSandbox(), createTestToolchain().resolve('helm')]);
  kube = await connectKube({ env: {}, kubeconfig: sandbox.kubeconfig });
  folder = await mkdtemp(join(tmpdir(), 'zakenak-charts-'));
  server = createServer(async (request, response) => {
    const file = await readFile(join(folder, basename(request.url ?? ''))).catch(() => undefined);
    response.writeHead(file ? 200 : 404).end(file);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  repository = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const version of ['1.0.0', '1.1.0']) await pack('note', version);
  runHelm('repo', 'index', folder, '--url', repository);
  for (const version of ['1.0.0', '1.1.0'])
    runHelm('push', join(folder, `note-${version}.tgz`), `oci://${sandbox.registry}/charts`, '--plain-http');
});
after(async () => {
  server?.close();
  await sandbox?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

const runHelm = (...args: readonly string[]): string =>
  execFileSync(helm, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const chartYaml = (name: string, version: string, more = '') =>
  `apiVersion: v2\nname: ${name}\nversion: ${version}\n${more}`;
/** A ConfigMap `RELEASE-SUFFIX` that holds a text. */
const configMap = (suffix: string, text: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: "{{ .Release.Name }}-${suffix}" }\ndata: { text: "${text}" }\n`;

async function pack(name: string, version: string): Promise<void> {
  const source = await mkdtemp(join(folder, 'source-'));
  await mkdir(join(source, 'templates'));
  await writeFile(join(source, 'Chart.yaml'), chartYaml(name, version));
  await writeFile(join(source, 'templates/note.yaml'), configMap('{{ .Chart.Name }}', `${name} ${version}`));
  runHelm('package', source, '--destination', folder);
  await rm(source, { recursive: true });
}

async function makeSet(
  t: TestContext,
  releases: string,
  files: Readonly<Record<string, string>> = {},
): Promise<TestSet> {
  const set = await makeTestSet(t, sandbox);
  await set.workspace.write({
    ...files,
    'zakenak.yaml': `project: ${set.name.replace(/-test$/, '')}
environments: { test: { cluster: { context: zakenak-sandbox } } }
deploy:
  namespace: ${set.name}
  releases: [${releases}]
`,
  });
  return set;
}

async function link(set: TestSet, path: string, target: string): Promise<void> {
  const at = join(set.workspace.root, path);
  await mkdir(dirname(at), { recursive: true });
  await symlink(target, at);
}

async function deploy(set: TestSet): Promise<readonly string[]> {
  const { report, exitCode } = await set.run(['deploy']);
  assert.equal(exitCode, 0, JSON.stringify([report.error, report.findings]));
  const releases = report.outputs.releases as readonly { readonly action: string }[];
  return releases.map(({ action }) => action);
}

async function textOf(set: TestSet, name: string): Promise<unknown> {
  const live = await kube.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: set.name, name });
  return (live?.['data'] as { readonly text?: string } | undefined)?.text;
}

test('a chart may be an archive, of a registry by version, range or digest, or of a repository; its second deploy changes nothing', async (t) => {
  const oci = `oci://${sandbox.registry}/charts/note`;
  const accept = { accept: 'application/vnd.oci.image.manifest.v1+json' };
  const manifest = await fetch(`http://${sandbox.registry}/v2/charts/note/manifests/1.0.0`, {
    headers: accept,
  });
  const digest = manifest.headers.get('docker-content-digest');
  const set = await makeSet(
    t,
    `
    { name: archive, chart: charts/note-1.0.0.tgz },
    { name: tag, chart: "${oci}", version: 1.0.0 },
    { name: range, chart: "${oci}", version: ^1.0.0 },
    { name: digest, chart: "${oci}@${digest}" },
    { name: repository, chart: note, repo: "${repository}", version: ~1.0 }`,
  );
  await mkdir(join(set.workspace.root, 'charts'), { recursive: true });
  await writeFile(
    join(set.workspace.root, 'charts/note-1.0.0.tgz'),
    await readFile(join(folder, 'note-1.0.0.tgz')),
  );
  assert.deepEqual(await deploy(set), Array(5).fill('install'));
  const texts = await Promise.all(
    ['archive', 'tag', 'range', 'digest', 'repository'].map((name) => textOf(set, `${name}-note`)),
  );
  assert.deepEqual(texts, ['note 1.0.0', 'note 1.0.0', 'note 1.1.0', 'note 1.0.0', 'note 1.0.0']);
  assert.deepEqual(await deploy(set), Array(5).fill('noop'));
});

test('what a chart’s links lead to is part of it: a change there is deployed', async (t) => {
  const set = await makeSet(t, '{ name: web, chart: charts/web }', {
    'charts/web/Chart.yaml': chartYaml('web', '1.0.0'),
    'shared/file.yaml': configMap('file', 'first'),
    'common/Chart.yaml': chartYaml('common', '1.0.0'),
    'common/templates/common.yaml': configMap('common', 'first'),
  });
  await link(set, 'charts/web/templates/file.yaml', '../../../shared/file.yaml');
  await link(set, 'charts/web/charts/common', '../../../common');
  assert.deepEqual(await deploy(set), ['install']);
  assert.deepEqual(await deploy(set), ['noop']);
  await set.workspace.write({ 'shared/file.yaml': configMap('file', 'second') });
  assert.deepEqual(await deploy(set), ['upgrade']);
  assert.equal(await textOf(set, 'web-file'), 'second');
  await set.workspace.write({ 'common/templates/common.yaml': configMap('common', 'second') });
  assert.deepEqual(await deploy(set), ['upgrade']);
  assert.equal(await textOf(set, 'web-common'), 'second');
});

test('a link out of the workspace, or round in a circle, is refused before anything is rendered', async (t) => {
  const outside = join(folder, 'outside.yaml');
  await writeFile(outside, configMap('outside', 'of the machine'));
  for (const [target, code, exit] of [
    [outside, 'files/outside-workspace', 5],
    ['..', 'helm/bad-chart', 2],
  ] as const) {
    const set = await makeSet(t, '{ name: web, chart: charts/web }', {
      'charts/web/Chart.yaml': chartYaml('web', '1.0.0'),
      'charts/web/templates/a.yaml': configMap('a', 'a'),
    });
    await link(set, 'charts/web/templates/link', target);
    const { report, exitCode } = await set.run(['deploy']);
    assert.equal(report.error?.code, code, JSON.stringify(report.error));
    assert.equal(exitCode, exit);
    assert.doesNotMatch(JSON.stringify(report), /of the machine/);
    assert.equal(await textOf(set, 'web-a'), undefined);
  }
});

test('a template of a chart at the repository’s root reads nothing of .git, and the rest of its files', async (t) => {
  const files = '{{ range $path, $_ := .Files.Glob "**" }}{{ $path }} {{ end }}';
  const set = await makeSet(t, '{ name: web, chart: . }', {
    'Chart.yaml': chartYaml('web', '1.0.0'),
    'templates/files.yaml': configMap('files', `${files}{{ .Files.Get ".git/config" }}`),
    '.git/config': 'the checkout’s credentials',
    'files/.git/config': 'those of another',
    'files/a.txt': 'a',
  });
  assert.deepEqual(await deploy(set), ['install']);
  const text = String(await textOf(set, 'web-files'));
  assert.match(text, /files\/a\.txt/);
  assert.doesNotMatch(text, /\.git\/|credentials/);
  assert.deepEqual(await deploy(set), ['noop']);
});

/** A chart with a dependency of each kind, two of them in the lock. */
const dependent = () => ({
  'charts/web/Chart.yaml': chartYaml(
    'web',
    '1.0.0',
    `dependencies:
  - { name: note, version: ^1.0.0, repository: "oci://${sandbox.registry}/charts" }
  - { name: note, version: ~1.1.0, repository: "${repository}", alias: other }
  - { name: base, version: ">=1.0.0, <2", repository: "file://../base" }
`,
  ),
  'charts/web/Chart.lock': `dependencies:
  - { name: note, version: 1.0.0, repository: "oci://${sandbox.registry}/charts" }
  - { name: note, version: 1.1.0, repository: "${repository}" }
  - { name: base, version: 1.2.0, repository: "file://../base" }
digest: sha256:0
`,
  'charts/web/templates/web.yaml': configMap('web', 'web'),
  'charts/base/Chart.yaml': chartYaml(
    'base',
    '1.2.0',
    'dependencies: [{ name: deep, version: 0.x, repository: "file://../deep" }]\n',
  ),
  'charts/base/templates/base.yaml': configMap('base', 'base'),
  'charts/deep/Chart.yaml': chartYaml('deep', '0.3.0'),
  'charts/deep/templates/deep.yaml': configMap('deep', 'deep'),
});

test('dependencies that nobody fetched are fetched in the versions of Chart.lock, and the workspace stays as it is', async (t) => {
  const set = await makeSet(t, '{ name: web, chart: charts/web }', dependent());
  const before = (await readdir(set.workspace.root, { recursive: true })).sort();
  assert.deepEqual(await deploy(set), ['install']);
  for (const name of ['web', 'base', 'deep']) assert.equal(await textOf(set, `web-${name}`), name);
  assert.equal(await textOf(set, 'web-note'), 'note 1.0.0');
  assert.equal(await textOf(set, 'web-other'), 'note 1.1.0');
  assert.deepEqual((await readdir(set.workspace.root, { recursive: true })).sort(), before);
  assert.deepEqual(await deploy(set), ['noop']);
  await set.workspace.write({ 'charts/deep/templates/deep.yaml': configMap('deep', 'deeper') });
  assert.deepEqual(await deploy(set), ['upgrade']);
  assert.equal(await textOf(set, 'web-deep'), 'deeper');
});

const faults: Readonly<
  Record<
    string,
    {
      readonly code: string;
      readonly says: RegExp;
      readonly change: () => Readonly<Record<string, string>>;
      readonly release?: () => string;
    }
  >
> = {
  'a Chart.lock that is behind': {
    code: 'helm/chart-lock',
    says: /charts\/web.*note \^2\.0\.0.*helm dependency update/,
    change: () => ({
      'charts/web/Chart.yaml': dependent()['charts/web/Chart.yaml'].replace('^1.0.0', '^2.0.0'),
    }),
  },
  'a vendored dependency in two versions': {
    code: 'helm/ambiguous-subchart',
    says: /more than one 'deep'.*charts\/base\/charts\/deep \(0\.3\.0\), charts\/base\/charts\/older \(0\.2\.0\).*Leave one/,
    change: () => ({
      'charts/base/charts/deep/Chart.yaml': chartYaml('deep', '0.3.0'),
      'charts/base/charts/older/Chart.yaml': chartYaml('deep', '0.2.0'),
    }),
  },
  'a local dependency of another version': {
    code: 'helm/bad-chart',
    says: /it is deep 1\.0\.0, not deep 0\.x/,
    change: () => ({ 'charts/deep/Chart.yaml': chartYaml('deep', '1.0.0') }),
  },
  'local dependencies in a circle': {
    code: 'helm/bad-chart',
    says: /go round in a circle/,
    change: () => ({
      'charts/deep/Chart.yaml': chartYaml(
        'deep',
        '0.3.0',
        'dependencies: [{ name: base, version: 1.x, repository: "file://../base" }]\n',
      ),
    }),
  },
  'a Chart.yaml that is a bomb': {
    code: 'helm/bad-chart',
    says: /Chart\.yaml: it consists of aliases almost wholly/,
    change: () => {
      const lists = ['a', 'b', 'c', 'd'].map(
        (name, index) =>
          `${name}: &${name} [${Array(12).fill(index === 0 ? 'x' : `*${'abcd'[index - 1]}`)}]\n`,
      );
      return { 'charts/web/Chart.yaml': `${lists.join('')}${chartYaml('web', '1.0.0')}` };
    },
  },
  'more dependencies than anybody has': {
    code: 'helm/bad-chart',
    says: /more than 100 dependencies/,
    change: () => {
      const list = Array.from(
        { length: 11 },
        (_, index) => `  - { name: base, version: 1.x, repository: "file://../base", alias: a${index} }\n`,
      );
      const deep = Array.from(
        { length: 101 },
        (_, index) =>
          `  - { name: deep, version: ">=0.${'0'.repeat(index)}1", repository: "file://../deep" }\n`,
      );
      return {
        'charts/web/Chart.yaml': chartYaml('web', '1.0.0', `dependencies:\n${list.join('')}`),
        'charts/web/Chart.lock': `dependencies:\n  - { name: base, version: 1.2.0, repository: "file://../base" }\n`,
        'charts/base/Chart.yaml': chartYaml('base', '1.2.0', `dependencies:\n${deep.join('')}`),
      };
    },
  },
  'a local dependency outside of the workspace': {
    code: 'files/outside-workspace',
    says: /\.\./,
    change: () => ({
      'charts/deep/Chart.yaml': chartYaml(
        'deep',
        '0.3.0',
        'dependencies: [{ name: base, version: 1.x, repository: "file://../../../.." }]\n',
      ),
    }),
  },
  'a version that the registry does not have': {
    code: 'helm/not-fetched',
    says: /9\.9\.9/,
    change: () => ({}),
    release: () => `{ name: web, chart: "oci://${sandbox.registry}/charts/note", version: 9.9.9 }`,
  },
  'a chart that the repository does not have': {
    code: 'helm/not-fetched',
    says: /absent of http.*not found/,
    change: () => ({}),
    release: () => `{ name: web, chart: absent, repo: "${repository}" }`,
  },
  'a repository that nobody answers for': {
    code: 'helm/unreachable',
    says: /connection refused/,
    change: () => ({}),
    release: () => '{ name: web, chart: note, repo: "http://127.0.0.1:1" }',
  },
  'a name that helm would take for a flag': {
    code: 'helm/bad-chart',
    says: /begin with a dash/,
    change: () => ({}),
    release: () => `{ name: web, chart: --help, repo: "${repository}" }`,
  },
};

for (const [name, { code, says, change, release }] of Object.entries(faults))
  test(`${name} is told, and nothing is written`, async (t) => {
    const set = await makeSet(t, release?.() ?? '{ name: web, chart: charts/web }', {
      ...dependent(),
      ...change(),
    });
    const { report, exitCode } = await set.run(['deploy']);
    assert.equal(report.error?.code, code, JSON.stringify(report.error));
    assert.match(`${report.error?.message} ${report.error?.remedy}`, says);
    const others: Readonly<Record<string, number>> = { 'files/outside-workspace': 5, 'helm/unreachable': 4 };
    assert.equal(exitCode, others[code] ?? 2);
    assert.equal(await kube.get({ apiVersion: 'v1', kind: 'Namespace', name: set.name }), undefined);
  });
