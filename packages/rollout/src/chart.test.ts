import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fakeProcess } from '@zakenak/core/testing';
import { createFiles } from '@zakenak/machine';
import { type LoadedChart, loadChart } from './chart.ts';

interface Place {
  /** The workspace. */
  readonly root: string;
  /** Beside it, where nothing may be written or read. */
  readonly outside: string;
  readonly write: (path: string, text: string | Uint8Array) => Promise<void>;
  readonly link: (path: string, target: string) => Promise<void>;
  readonly load: () => Promise<LoadedChart>;
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
    load: () =>
      loadChart({ chart: 'charts/web' }, join(folder, 'temporary'), {
        files: createFiles(root),
        process: fakeProcess([]),
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

test('a file below node_modules is part of the chart, as for helm', async (t) => {
  const place = await makePlace(t);
  await place.write('charts/web/templates/node_modules/a.yaml', 'first');
  const { digest } = await place.load();
  await place.write('charts/web/templates/node_modules/a.yaml', 'second');
  assert.notEqual((await place.load()).digest, digest);
});
