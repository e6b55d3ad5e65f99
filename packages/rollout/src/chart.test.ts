import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { ProcessRunner } from '@zakenak/core';
import { fakeProcess } from '@zakenak/core/testing';
import { createFiles } from '@zakenak/machine';
import { parse } from 'yaml';
import { type LoadedChart, loadChart } from './chart.ts';

interface Place {
  /** The workspace. */
  readonly root: string;
  /** Beside it, where nothing may be written or read. */
  readonly outside: string;
  readonly write: (path: string, text: string | Uint8Array) => Promise<void>;
  readonly link: (path: string, target: string) => Promise<void>;
  readonly load: (runner?: ProcessRunner) => Promise<LoadedChart>;
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
    load: (runner = fakeProcess([])) =>
      loadChart({ chart: 'charts/web' }, join(folder, 'temporary'), {
        files: createFiles(root),
        process: runner,
      }),
  };
  await place.write('charts/web/Chart.yaml', `apiVersion: v2\nname: web\nversion: 1.0.0\n${chartYaml}`);
  return place;
}

for (const name of ['../../../../outside/planted', '..', 'a/b', '', '/etc'])
  test(`a dependency named '${name}' is refused, and nothing is written for it`, async (t) => {
    const list = `dependencies: [{ name: "${name}", version: 1.0.0, repository: "file://../other" }]\n`;
    const place = await makePlace(t, list);
    await place.write('charts/other/Chart.yaml', `apiVersion: v2\nname: "${name}"\nversion: 1.0.0\n`);
    await assert.rejects(place.load(), { code: 'rollout/bad-chart' });
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
  await assert.rejects(place.load(), { code: 'rollout/bad-chart', message: /more than 256 MiB/ });
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

test('subcharts that unpack to more than a machine holds are refused', async (t) => {
  const place = await makePlace(t);
  const large = pack({ 'sub/large': Buffer.alloc(60 * 1024 * 1024) });
  const many = Array.from({ length: 100 }, (_, index) => [`sub/charts/${index}.tgz`, large] as const);
  await place.write('charts/web/charts/sub.tgz', pack(Object.fromEntries(many)));
  await assert.rejects(place.load(), { code: 'rollout/bad-chart', message: /more than 256 MiB/ });
});

test('subcharts that are packed into each other without end are refused', async (t) => {
  const place = await makePlace(t);
  let packed = pack({ 'sub/Chart.yaml': Buffer.from('name: sub') });
  for (let depth = 0; depth < 20; depth += 1) packed = pack({ 'sub/charts/sub.tgz': packed });
  await place.write('charts/web/charts/sub.tgz', packed);
  await assert.rejects(place.load(), { code: 'rollout/bad-chart', message: /packed more than 8 deep/ });
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
  await assert.rejects(place.load({ run }), { code: 'rollout/chart-lock' });
  assert.deepEqual(pulled, []);
});
