import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createRedactor } from '@zakenak/core';
import { collectingProgress, fakeProcess } from '@zakenak/core/testing';
import { createFiles } from '@zakenak/machine';
import { fakeKube } from '../testing/objects.ts';
import { renderRollout } from './render.ts';

const configMap = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\n`;

/** A workspace with the folder `manifests`, and what is rendered of it. */
async function makePlace(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'zakenak-render-'));
  t.after(() => rm(folder, { recursive: true }));
  const root = join(folder, 'work');
  for (const path of ['manifests/node_modules/x', 'common'])
    await mkdir(join(root, path), { recursive: true });
  const write = (path: string, name: string) => writeFile(join(root, path), configMap(name));
  await write('manifests/plain.yaml', 'plain');
  await write('manifests/node_modules/x/package.json', 'package');
  await write('common/linked.yaml', 'linked');
  await write('../outside.yaml', 'outside');
  const rendered = async (): Promise<readonly string[]> => {
    const { releases } = await renderRollout(
      {
        set: 'test',
        releases: [{ name: 'plain', namespace: 'test', source: { manifests: ['manifests/'] } }],
      },
      {
        files: createFiles(root),
        process: fakeProcess([]),
        progress: collectingProgress(),
        redactor: createRedactor(),
        kube: fakeKube({
          version: async () => ({ major: 1, minor: 34, gitVersion: 'v1.34.4' }),
          resources: async () => [],
        }),
      },
    );
    return releases.flatMap(({ objects }) => objects.map(({ metadata }) => metadata.name));
  };
  return { link: (path: string, target: string) => symlink(target, join(root, path)), rendered };
}

test('manifests that are links are deployed as kubectl does; a link to a folder is none', async (t) => {
  const { link, rendered } = await makePlace(t);
  await link('manifests/linked.yaml', '../common/linked.yaml');
  await link('manifests/folder', '../common');
  assert.deepEqual(await rendered(), ['linked', 'plain']);
});

test('a manifest that is a link out of the workspace is refused', async (t) => {
  const { link, rendered } = await makePlace(t);
  await link('manifests/linked.yaml', '../../outside.yaml');
  await assert.rejects(rendered(), { code: 'files/outside-workspace' });
});

test('a release that cannot be rendered stops the others, and is told when they have come to rest', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'zakenak-render-'));
  t.after(() => rm(root, { recursive: true }));
  for (const name of ['bad', 'slow']) {
    await mkdir(join(root, name, 'templates'), { recursive: true });
    await writeFile(join(root, name, 'Chart.yaml'), `apiVersion: v2\nname: ${name}\nversion: 1.0.0\n`);
    await writeFile(join(root, name, 'templates/all.yaml'), configMap(name));
  }
  const ended: string[] = [];
  const underWay = Promise.withResolvers<void>();
  let begun = 0;
  const rendering = renderRollout(
    {
      set: 'test',
      releases: ['slow', 'bad', 'later', 'last'].map((name) => ({
        name,
        namespace: 'test',
        source: { chart: name === 'bad' ? 'bad' : 'slow' },
      })),
    },
    {
      files: createFiles(root),
      progress: collectingProgress(),
      redactor: createRedactor(),
      process: {
        ...fakeProcess([]),
        run: async ({ args = [] }, signal) => {
          const name = args[1] ?? '';
          if (name === 'bad') {
            await underWay.promise;
            return { exitCode: 1, stdout: '', stderr: 'Error: bad', durationMs: 0 };
          }
          begun += 1;
          if (begun === 2) underWay.resolve();
          await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()));
          await delay(50);
          ended.push(name);
          throw signal?.reason;
        },
      },
      kube: fakeKube({
        version: async () => ({ major: 1, minor: 34, gitVersion: 'v1.34.4' }),
        resources: async () => [],
      }),
    },
  );
  await assert.rejects(rendering, { code: 'rollout/render-failed', message: /bad/ });
  assert.deepEqual(
    ended.sort(),
    ['later', 'slow'],
    'those under way were stopped and waited for, the rest not begun',
  );
});

test('a release is rendered once, when the kinds of all that it needs are known; its own of crds/ are served as Helm has it', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'zakenak-render-'));
  t.after(() => rm(root, { recursive: true }));
  const definition = (kind: string) =>
    JSON.stringify({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `${kind}s.example.com` },
      spec: { group: 'example.com', names: { kind }, versions: [{ name: 'v1', served: true }] },
    });
  const names = ['user', 'more', 'kinds', 'alone', 'own'];
  for (const name of names) {
    await mkdir(join(root, name, name === 'own' ? 'crds' : 'templates'), { recursive: true });
    await writeFile(join(root, name, 'Chart.yaml'), `apiVersion: v2\nname: ${name}\nversion: 1.0.0\n`);
    if (name === 'own') await writeFile(join(root, 'own/crds/own.yaml'), definition('Own'));
    else await writeFile(join(root, name, 'templates/all.yaml'), '# Capabilities\n');
  }
  await writeFile(join(root, 'own/values.yaml'), 'asks: Capabilities\n');
  const renderings: string[] = [];
  const rendered = renderRollout(
    {
      set: 'test',
      // The first three places are of those that wait.
      releases: [
        { name: 'user', needs: ['more'] },
        { name: 'alone', needs: ['more', 'kinds'] },
        { name: 'more', needs: ['kinds'] },
        { name: 'kinds' },
        { name: 'own' },
      ].map((release) => ({ ...release, namespace: 'test', source: { chart: release.name } })),
    },
    {
      files: createFiles(root),
      progress: collectingProgress(),
      redactor: createRedactor(),
      process: {
        ...fakeProcess([]),
        run: async ({ args = [] }) => {
          const [, name = ''] = args;
          const served = (args[args.indexOf('--api-versions') + 1] ?? '').split(',');
          const kinds = served.filter((part) => part.startsWith('example.com/v1/'));
          renderings.push(`${name}: ${kinds.map((kind) => kind.slice(15)).join(' ')}`);
          if (name === 'user' && kinds.length < 2)
            return { exitCode: 1, stdout: '', stderr: 'Error: needs its kinds', durationMs: 0 };
          const defines = { kinds: 'Gear', more: 'Wheel', own: 'Own' }[name];
          const source = `---\n# Source: ${name}/${name === 'own' ? 'crds' : 'templates'}/all.yaml\n`;
          const text = definition(defines ?? '');
          const asHook = text.replace(
            '"metadata":{',
            '"metadata":{"annotations":{"helm.sh/hook":"pre-install"},',
          );
          const made = defines ? `${source}${name === 'more' ? asHook : text}\n` : '';
          const stdout = `---\n${configMap(name)}${made}`;
          return { exitCode: 0, stdout, stderr: '', durationMs: 0 };
        },
      },
      kube: fakeKube({
        version: async () => ({ major: 1, minor: 34, gitVersion: 'v1.34.4' }),
        resources: async () => [],
      }),
    },
  );
  assert.equal((await rendered).releases.length, 5);
  assert.deepEqual(renderings.sort(), [
    'alone: Gear Wheel',
    'kinds: ',
    'more: Gear',
    'own: ',
    'own: Own',
    'user: Gear Wheel',
  ]);
});
