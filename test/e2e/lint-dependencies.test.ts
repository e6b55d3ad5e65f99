import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { bad, lint, lintFiles, makeTree, runner } from './lint-fixture.ts';

/** Holds packed charts, and is served as a classic repository. */
let folder: string;
let server: Server;
let repository: string;
const asked: string[] = [];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zakenak-repository-'));
  server = createServer(async (request, response) => {
    asked.push(request.url ?? '');
    const file = await readFile(join(folder, basename(request.url ?? ''))).catch(() => undefined);
    response.writeHead(file ? 200 : 404).end(file);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  repository = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const version of ['1.0.0', '1.1.0']) await pack(version);
  execFileSync(await runner.resolve('helm'), ['repo', 'index', folder, '--url', repository]);
});
after(async () => {
  server?.close();
  await rm(folder, { recursive: true, force: true });
});

/** A chart whose map breaks its schema, so that a finding tells which version was rendered. */
async function pack(version: string): Promise<void> {
  const source = await mkdtemp(join(folder, 'source-'));
  await mkdir(join(source, 'templates'));
  await writeFile(join(source, 'Chart.yaml'), `apiVersion: v2\nname: note\nversion: ${version}\n`);
  await writeFile(join(source, 'templates/map.yaml'), configMap(`note-${version}`, '[1]'));
  execFileSync(await runner.resolve('helm'), ['package', source, '--destination', folder]);
  await rm(source, { recursive: true });
}

const configMap = (name: string, data: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata: ${data}\n`;
const chartYaml = (name: string, dependencies = '') =>
  `apiVersion: v2\nname: ${name}\nversion: 1.0.0\n${dependencies && `dependencies:\n${dependencies}`}`;
const messages = (report: Awaited<ReturnType<typeof lint>>) =>
  report.findings.map(({ message }) => message).join('\n');

async function cacheOf(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'lint-cache-'));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

test('a dependency that nobody fetched is fetched in the version of Chart.lock, once, and the workspace stays as it is', async (t) => {
  const entry = `  - name: note\n    version: ^1.0.0\n    repository: ${repository}\n`;
  const lock = `dependencies:\n  - { name: note, version: 1.0.0, repository: "${repository}" }\n`;
  const root = await makeTree(t, {
    'charts/a/Chart.yaml': chartYaml('a', entry),
    'charts/a/Chart.lock': lock,
    'charts/a/templates/a.yaml': configMap('a', '{}'),
    'charts/b/Chart.yaml': chartYaml('b', `${entry}    alias: other\n`),
    'charts/b/Chart.lock': lock,
    'charts/b/templates/a.yaml': configMap('b', '{}'),
  });
  const cacheFolder = await cacheOf(t);
  const before = (await readdir(root, { recursive: true })).sort();
  asked.length = 0;
  const first = await lint(root, { cacheFolder });
  assert.deepEqual(bad(first), [
    'charts/invalid-manifest charts/a/Chart.yaml:5',
    'charts/invalid-manifest charts/b/Chart.yaml:5',
  ]);
  assert.match(messages(first), /note-1\.0\.0/);
  assert.doesNotMatch(messages(first), /note-1\.1\.0/);
  assert.equal(asked.filter((url) => url.endsWith('.tgz')).length, 1);
  assert.deepEqual((await readdir(root, { recursive: true })).sort(), before);
  asked.length = 0;
  assert.deepEqual((await lint(root, { cacheFolder })).findings, first.findings);
  assert.deepEqual(asked, [], 'what a lock names needs no network a second time');
});

test('without a lock the newest of the range is asked for each time', async (t) => {
  const entry = `  - { name: note, version: ^1.0.0, repository: "${repository}" }\n`;
  const root = await makeTree(t, { 'charts/a/Chart.yaml': chartYaml('a', entry) });
  const cacheFolder = await cacheOf(t);
  assert.match(messages(await lint(root, { cacheFolder })), /note-1\.1\.0/);
  asked.length = 0;
  await lint(root, { cacheFolder });
  assert.ok(asked.length > 0);
});

test('what helm must not be given is a finding, and the other charts are linted', async (t) => {
  const entry = (range: string, at = repository) =>
    `  - { name: note, version: "${range}", repository: "${at}" }\n`;
  const report = await lintFiles(t, {
    'charts/circle/Chart.yaml': chartYaml(
      'circle',
      '  - { name: circle, version: 1.x, repository: "file://../circle" }\n',
    ),
    'charts/closed/Chart.yaml': chartYaml('closed', entry('1.0.0', 'http://127.0.0.1:1')),
    'charts/stale/Chart.yaml': chartYaml('stale', entry('^2.0.0')),
    'charts/stale/Chart.lock': `dependencies:\n${entry('1.0.0')}`,
    'charts/twice/Chart.yaml': chartYaml('twice', entry('^1.0.0')),
    'charts/twice/charts/a/Chart.yaml': 'apiVersion: v2\nname: note\nversion: 1.0.0\n',
    'charts/twice/charts/b/Chart.yaml': 'apiVersion: v2\nname: note\nversion: 1.1.0\n',
    'charts/web/templates/map.yaml': configMap('a', '[1]'),
  });
  assert.deepEqual(bad(report), [
    'charts/unreadable-chart charts/circle/Chart.yaml:',
    'charts/missing-dependencies charts/closed/Chart.yaml:5',
    'charts/stale-lock charts/stale/Chart.yaml:5',
    'charts/ambiguous-subchart charts/twice/Chart.yaml:5',
    'charts/invalid-manifest charts/web/templates/map.yaml:5',
  ]);
  assert.match(messages(report), /connection refused/);
  assert.match(messages(report), /charts\/a \(1\.0\.0\), charts\/b \(1\.1\.0\)/);
});

test('what is wrong with a dependency of a chart of apiVersion v1 is told at its entry in requirements.yaml', async (t) => {
  const chart = (name: string) => `apiVersion: v1\nname: ${name}\nversion: 1.0.0\n`;
  const entry = (range: string) =>
    `dependencies:\n  - name: note\n    version: "${range}"\n    repository: ${repository}\n`;
  const report = await lintFiles(t, {
    'charts/broken/Chart.yaml': chart('broken'),
    'charts/broken/requirements.yaml': entry('1.0.0'),
    'charts/lacking/Chart.yaml': chart('lacking'),
    'charts/lacking/requirements.yaml':
      'dependencies:\n  - name: one\n    version: 1.x\n  - { version: 1.x, name: two }\n',
    'charts/lacking/charts/one/Chart.yaml': chart('one'),
    'charts/stale/Chart.yaml': chart('stale'),
    'charts/stale/requirements.yaml': entry('^2.0.0'),
    'charts/stale/requirements.lock': entry('1.0.0'),
  });
  assert.deepEqual(
    [...new Set(bad(report))],
    [
      'charts/invalid-manifest charts/broken/requirements.yaml:2',
      'charts/missing-dependencies charts/lacking/requirements.yaml:4',
      'charts/stale-lock charts/stale/requirements.yaml:2',
    ],
  );
});

test('links are followed inside the workspace; out of it, and into .git, helm is given none', async (t) => {
  const root = await makeTree(t, { 'shared/map.yaml': configMap('a', '[1]') });
  await symlink('../../../shared/map.yaml', join(root, 'charts/web/templates/map.yaml'));
  assert.deepEqual(bad(await lint(root)), ['charts/invalid-manifest charts/web/templates/map.yaml:5']);
  const marker = randomBytes(8).toString('hex');
  const outside = await cacheOf(t);
  await writeFile(join(outside, 'key'), marker);
  await mkdir(join(root, '.git'));
  await writeFile(join(root, '.git/config'), marker);
  for (const target of [join(outside, 'key'), '../../../.git/config']) {
    await rm(join(root, 'charts/web/templates/map.yaml'), { force: true });
    await symlink(target, join(root, 'charts/web/templates/map.yaml'));
    const report = await lint(root);
    assert.deepEqual(bad(report), ['charts/link-outside charts/web/Chart.yaml:']);
    assert.doesNotMatch(JSON.stringify(report), new RegExp(`${marker}|${root}`));
  }
});

test('a chart at the root of a repository is linted without its .git', async (t) => {
  const marker = randomBytes(8).toString('hex');
  const root = await makeTree(t, {
    'Chart.yaml': chartYaml('root'),
    'values.yaml': 'a: 1\n',
    'templates/a.yaml': '{{ fail (cat "read:" (.Files.Get ".git/config") (.Files.Get "notes.txt")) }}\n',
    'notes.txt': 'the notes',
    '.helmignore': 'charts/\n',
    '.git/config': marker,
  });
  const report = await lint(root, { inputs: { charts: '.' } });
  assert.deepEqual([...new Set(bad(report))], ['charts/refused-values templates/a.yaml:1']);
  assert.match(messages(report), /read:\s+the notes/);
  assert.doesNotMatch(JSON.stringify(report), new RegExp(marker));
});
