import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { digestFiles, type ProcessRunner } from '@zakenak/core';
import { fakeProcess } from '@zakenak/core/testing';
import { createFiles } from '@zakenak/machine';
import { parse } from 'yaml';
import { createPull } from './pull-chart.ts';
import { placeChart, type ReadChart, readChart } from './read-chart.ts';

interface Place {
  /** The workspace. */
  readonly root: string;
  /** Beside it, where nothing may be written or read. */
  readonly outside: string;
  readonly write: (path: string, text: string | Uint8Array) => Promise<void>;
  readonly link: (path: string, target: string) => Promise<void>;
  readonly read: (runner?: ProcessRunner, chart?: string) => Promise<ReadChart>;
  /** The chart as helm would get it: its place, and the digest of what it holds. */
  readonly load: (runner?: ProcessRunner) => Promise<{ readonly path: string; readonly digest: string }>;
}

/** A workspace with the chart `charts/web`, and a folder beside it. */
async function makePlace(t: TestContext, chartYaml = ''): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'zakenak-chart-'));
  t.after(() => rm(folder, { recursive: true }));
  const [root, outside] = [join(folder, 'work'), join(folder, 'outside')];
  await mkdir(join(folder, 'temporary'));
  await mkdir(outside);
  const at = async (path: string): Promise<string> => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    return join(root, path);
  };
  const place: Place = {
    root,
    outside,
    write: async (path, text) => writeFile(await at(path), text),
    link: async (path, target) => symlink(target, await at(path)),
    read: (runner = fakeProcess([]), chart = 'charts/web') => {
      const files = createFiles(root);
      const pull = createPull({ files, process: runner });
      return readChart({ chart }, join(folder, 'temporary'), { files, pull });
    },
    load: async (runner) => {
      const chart = await place.read(runner);
      const path = await placeChart(chart, join(folder, 'temporary'), { files: createFiles(root) });
      return { path, digest: digestFiles(chart.contents) };
    },
  };
  await place.write('charts/web/Chart.yaml', `apiVersion: v2\nname: web\nversion: 1.0.0\n${chartYaml}`);
  return place;
}

for (const name of ['../../../../outside/planted', '..', 'a/b', '', '/etc'])
  test(`a dependency named '${name}' is refused, and nothing is written for it`, async (t) => {
    const list = `dependencies: [{ name: "${name}", version: 1.0.0, repository: "file://../other" }]\n`;
    const place = await makePlace(t, list);
    await place.write('charts/other/Chart.yaml', `apiVersion: v2\nname: "${name}"\nversion: 1.0.0\n`);
    await assert.rejects(place.load(), { code: 'helm/bad-chart' });
    assert.deepEqual(await readdir(place.outside), []);
  });

test('a link out of the workspace is refused also where it is called node_modules', async (t) => {
  const place = await makePlace(t);
  await writeFile(join(place.outside, 'key'), 'of the machine');
  await place.link('charts/web/node_modules', place.outside);
  await assert.rejects(place.load(), { code: 'files/outside-workspace' });
});

test('a link to the credentials of a checkout is refused', async (t) => {
  const place = await makePlace(t);
  await place.write('.git/config', '');
  await place.link('charts/web/files/config', '../../../.git/config');
  await assert.rejects(place.load(), { code: 'files/outside-workspace' });
});

test('a file below node_modules is part of the chart, as for helm', async (t) => {
  const place = await makePlace(t);
  await place.write('charts/web/templates/node_modules/a.yaml', 'first');
  const { digest } = await place.load();
  await place.write('charts/web/templates/node_modules/a.yaml', 'second');
  assert.notEqual((await place.load()).digest, digest);
});

test('a chart that links one large file again and again is refused before it fills the memory', async (t) => {
  const place = await makePlace(t);
  await place.write('charts/web/large', new Uint8Array(20 * 1024 * 1024));
  for (let index = 0; index < 100; index += 1) await place.link(`charts/web/files/${index}`, '../large');
  const before = process.memoryUsage.rss();
  await assert.rejects(place.load(), { code: 'helm/bad-chart', message: /more than 256 MiB/ });
  assert.ok(process.memoryUsage.rss() - before < 900 * 1024 * 1024);
});

/** A gzipped tar of the files given. */
function pack(files: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const blocks = Object.entries(files).flatMap(([path, body]) => {
    const header = Buffer.alloc(512);
    header.write(path);
    header.write(body.length.toString(8).padStart(11, '0'), 124);
    header.write('        0', 148);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return [header, body, Buffer.alloc((512 - (body.length % 512)) % 512)];
  });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]));
}

test('a file that is larger than any chart is refused unread', async (t) => {
  const place = await makePlace(t);
  await place.write('charts/web/large', '');
  // A hole: it takes no place on the disk.
  await truncate(join(place.root, 'charts/web/large'), 3 * 1024 ** 3);
  await assert.rejects(place.read(), { code: 'helm/bad-chart', message: /more than 256 MiB/ });
});

test('subcharts that unpack to more than a machine holds are refused', async (t) => {
  const place = await makePlace(t);
  const large = pack({ 'sub/large': Buffer.alloc(60 * 1024 * 1024) });
  const many = Array.from({ length: 100 }, (_, index) => [`sub/charts/${index}.tgz`, large] as const);
  await place.write('charts/web/charts/sub.tgz', pack(Object.fromEntries(many)));
  await assert.rejects(place.load(), { code: 'helm/bad-chart', message: /more than 256 MiB/ });
});

test('subcharts that are packed into each other without end are refused', async (t) => {
  const place = await makePlace(t);
  let packed = pack({ 'sub/Chart.yaml': Buffer.from('name: sub') });
  for (let depth = 0; depth < 20; depth += 1) packed = pack({ 'sub/charts/sub.tgz': packed });
  await place.write('charts/web/charts/sub.tgz', packed);
  await assert.rejects(place.load(), { code: 'helm/bad-chart', message: /packed more than 8 deep/ });
});

test('of two versions of a dependency each is the one of its own entry, which helm leaves to chance', async (t) => {
  const place = await makePlace(
    t,
    `deprecated: true # for good
appVersion: 1.10
dependencies:
  - { name: note, version: ^1.0.0, repository: "https://charts.example.com", condition: note.enabled }
  - { name: note, version: ~1.1.0, repository: "oci://registry.example.com/charts", alias: other }
`,
  );
  await place.write(
    'charts/web/Chart.lock',
    `dependencies:
  - { name: note, version: 1.0.0, repository: "https://charts.example.com" }
  - { name: note, version: 1.1.0, repository: "oci://registry.example.com/charts" }
`,
  );
  const pulled: string[] = [];
  const run: ProcessRunner['run'] = async ({ args = [] }) => {
    const version = args[args.indexOf('--version') + 1] ?? '';
    pulled.push(version);
    const chart = pack({ 'note/Chart.yaml': Buffer.from(`name: note\nversion: ${version}\n`) });
    await writeFile(join(args[args.indexOf('--destination') + 1] ?? '', `note-${version}.tgz`), chart);
    return { exitCode: 0, stdout: '', stderr: '', durationMs: 0 };
  };
  const { path } = await place.load({ run });
  assert.deepEqual(pulled.sort(), ['1.0.0', '1.1.0']);
  const text = await readFile(join(path, 'Chart.yaml'), 'utf8');
  assert.deepEqual(parse(text), {
    apiVersion: 'v2',
    name: 'web',
    version: '1.0.0',
    deprecated: true,
    appVersion: 1.1,
    dependencies: [
      {
        name: 'note',
        version: '1.0.0',
        repository: 'https://charts.example.com',
        condition: 'note.enabled',
      },
      { name: 'note', version: '1.1.0', repository: 'oci://registry.example.com/charts', alias: 'other' },
    ],
  });
  assert.match(text, /appVersion: 1\.10$/m);
});

test('a chart of apiVersion v1 gets the dependencies of its requirements.yaml, in the versions of its lock', async (t) => {
  const place = await makePlace(t);
  await place.write('charts/web/Chart.yaml', 'apiVersion: v1\nname: web\nversion: 1.0.0\n');
  const entry = (version: string) =>
    `dependencies: [{ name: note, version: ${version}, repository: "https://charts.example.com" }]\n`;
  await place.write('charts/web/requirements.yaml', entry('^1.0.0'));
  await place.write('charts/web/requirements.lock', entry('1.2.0'));
  const run: ProcessRunner['run'] = async ({ args = [] }) => {
    const version = args[args.indexOf('--version') + 1] ?? '';
    const chart = pack({ 'note/Chart.yaml': Buffer.from(`name: note\nversion: ${version}\n`) });
    await writeFile(join(args[args.indexOf('--destination') + 1] ?? '', `note-${version}.tgz`), chart);
    return { exitCode: 0, stdout: '', stderr: '', durationMs: 0 };
  };
  const { path } = await place.load({ run });
  assert.deepEqual(await readdir(join(path, 'charts')), ['note-1.2.0.tgz']);
  assert.match(await readFile(join(path, 'requirements.yaml'), 'utf8'), /version: 1\.2\.0/);
  assert.equal(
    await readFile(join(path, 'Chart.yaml'), 'utf8'),
    'apiVersion: v1\nname: web\nversion: 1.0.0\n',
  );
  await place.write('charts/web/requirements.yaml', entry('^2.0.0'));
  await assert.rejects(place.load({ run }), { code: 'helm/chart-lock', message: /requirements.lock/ });
});

test('a lock that is behind is refused before anything is fetched', async (t) => {
  const list = ['^1.0.0', '^2.0.0'].map(
    (range) => `  - { name: note, version: ${range}, repository: "https://charts.example.com" }\n`,
  );
  const place = await makePlace(t, `dependencies:\n${list.join('')}`);
  const lock = `dependencies: [{ name: note, version: 1.0.0, repository: "https://charts.example.com" }]\n`;
  await place.write('charts/web/Chart.lock', lock);
  const pulled: unknown[] = [];
  const run: ProcessRunner['run'] = async (command) => {
    pulled.push(command);
    return { exitCode: 1, stdout: '', stderr: '', durationMs: 0 };
  };
  await assert.rejects(place.load({ run }), { code: 'helm/chart-lock' });
  assert.deepEqual(pulled, []);
});

test('a link to the chart’s own workspace is read with where it leads, and what is ignored is not', async (t) => {
  const place = await makePlace(t);
  await place.write('shared/a.yaml', 'a');
  await place.write('charts/web/secret/b.yaml', 'b');
  await place.write('charts/web/templates/.swap', 'c');
  await place.write('charts/web/.helmignore', '# not these\nsecret/\n*.bak\n/local-?[a-c]\n');
  await place.write('charts/web/files/x.bak', 'd');
  await place.link('charts/web/files/shared', '../../../shared');
  await place.link('charts/web/local-1b', place.outside);
  await place.link('charts/web/files/secret', '../../../shared');
  const { contents, isAsItLies } = await place.read();
  assert.deepEqual([...contents.keys()].sort(), ['.helmignore', 'Chart.yaml', 'files/shared/a.yaml']);
  assert.equal(isAsItLies, true);
});

test('.git is left out of a chart at the root of a repository, and helm gets the chart from elsewhere', async (t) => {
  const place = await makePlace(t);
  await place.write('Chart.yaml', 'apiVersion: v2\nname: root\nversion: 1.0.0\n');
  await place.write('.git/config', 'of the checkout');
  await place.write('vendor/module/.git/config', 'of another');
  const chart = await place.read(undefined, '.');
  assert.deepEqual(
    [...chart.contents.keys()].filter((path) => path.includes('.git')),
    [],
  );
  assert.equal(chart.isAsItLies, false);
  const path = await placeChart(chart, join(place.outside, 'placed'), { files: createFiles(place.root) });
  const placed = await readdir(path, { recursive: true });
  assert.ok(placed.includes('Chart.yaml'));
  assert.equal(
    placed.some((name) => name.includes('.git')),
    false,
  );
  await place.write('.helmignore', '.git/\n');
  assert.equal((await place.read(undefined, '.')).isAsItLies, true, 'helm leaves it out itself');
});

const note = (version: string) =>
  pack({ 'note/Chart.yaml': Buffer.from(`name: note\nversion: ${version}\n`) });
const wantedNote = (version: string, alias = '') =>
  `  - { name: note, version: "${version}", repository: "https://charts.example.com"${alias && `, alias: ${alias}`} }\n`;

for (const [name, list, versions, refused] of [
  ['two in the range of one dependency', wantedNote('^1.0.0'), ['1.0.0', '1.1.0'], true],
  ['one beside the range', wantedNote('^2.0.0'), ['1.0.0', '2.0.0'], true],
  ['two that nobody asked for', '', ['1.0.0', '1.1.0'], true],
  ['one for each dependency', wantedNote('1.0.0') + wantedNote('~1.1.0', 'other'), ['1.0.0', '1.1.0'], false],
  ['one alone', wantedNote('^1.0.0'), ['1.0.0'], false],
] as const)
  test(`of vendored subcharts, ${name}: ${refused ? 'refused' : 'fine'}`, async (t) => {
    const place = await makePlace(t, list && `dependencies:\n${list}`);
    for (const version of versions) await place.write(`charts/web/charts/note-${version}.tgz`, note(version));
    const expected = { code: 'helm/ambiguous-subchart', message: /charts\/note-1\.0\.0\.tgz \(1\.0\.0\), / };
    if (refused) await assert.rejects(place.read(), expected);
    else assert.equal((await place.read()).isAsItLies, true);
  });

test('two versions are refused also below a subchart, packed or not', async (t) => {
  const place = await makePlace(t);
  await place.write('charts/web/charts/sub/Chart.yaml', 'name: sub\nversion: 1.0.0\n');
  await place.write('charts/web/charts/sub/charts/note.tgz', note('1.0.0'));
  await place.write('charts/web/charts/sub/charts/note/Chart.yaml', 'name: note\nversion: 1.1.0\n');
  await assert.rejects(place.read(), {
    code: 'helm/ambiguous-subchart',
    message: /charts\/sub\/charts\/note \(1\.1\.0\), charts\/sub\/charts\/note\.tgz \(1\.0\.0\)/,
  });
});
