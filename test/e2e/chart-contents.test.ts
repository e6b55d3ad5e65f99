import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { readChart } from '@zakenak/helm';
import { createFiles } from '@zakenak/machine';
import { createTestToolchain } from './sandbox-fixture.ts';

const names = ['a', 'b.txt', '.c', 'd e', 'node_modules', 'x[1]', 'é', 'aab', 'abab', '.git'];
const patterns = [
  ...[
    'a',
    '*.txt',
    'b*',
    '/a',
    'a/',
    '/files/a',
    'files/*/a',
    '?',
    '.*',
    '[a-b]*',
    '[^a]*',
    'x\\[1\\]',
    'd e',
  ],
  ...[
    'files/a/*',
    '*/b.txt',
    '!keep',
    '!*',
    '# comment',
    '',
    '  a  ',
    'a*b',
    '*a*b*',
    'é',
    '.git/',
    '/files/*/.git',
  ],
];

/** The same numbers for the same seed (mulberry32). */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const template = `{{ range $path, $_ := .Files.Glob "**" }}
- {{ $path | quote }}
{{- end }}
`;

/** A chart of random names, links and rules. */
async function makeChart(root: string, seed: number): Promise<void> {
  const random = createRandom(seed);
  const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;
  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };
  await write('chart/Chart.yaml', 'apiVersion: v2\nname: web\nversion: 1.0.0\n');
  await write('chart/templates/list.yaml', `kind: List\nitems:${template}`);
  await write('shared/b.txt', '');
  await write('shared/deep/a', '');
  for (let count = 0; count < 12; count += 1) {
    const parts = Array.from({ length: 1 + random(3) }, () => pick(names));
    // What is a folder already cannot be a file, and the other way round.
    await write(`chart/files/${parts.join('/')}`, '').catch(() => {});
  }
  for (let count = 0; count < 2; count += 1)
    await symlink(
      pick([join(root, 'shared'), join(root, 'shared/b.txt')]),
      join(root, `chart/files/link${count}`),
    );
  const rules = Array.from({ length: random(5) }, () => pick(patterns));
  await write('chart/.helmignore', `${rules.join('\n')}\n`);
}

test('what is read of a chart is what helm reads of it, but for .git', async (t) => {
  const helm = await createTestToolchain().resolve('helm');
  let compared = 0;
  for (let seed = 1; seed <= 60; seed += 1) {
    const root = await mkdtemp(join(tmpdir(), 'zakenak-contents-'));
    t.after(() => rm(root, { recursive: true }));
    await makeChart(root, seed);
    const rendered = spawnSync(helm, ['template', join(root, 'chart')], { encoding: 'utf8' });
    const ports = { files: createFiles(root), pull: () => assert.fail('nothing is missing') };
    const read = await readChart({ chart: 'chart' }, join(root, 'temporary'), ports).catch(() => undefined);
    // Where Chart.yaml or the template are ignored there is nothing to compare.
    if (rendered.status !== 0 || !read) continue;
    if (!rendered.stdout.includes('kind: List')) continue;
    const listed = [...rendered.stdout.matchAll(/^- (".*")$/gm)].map(
      ([, path = '']) => JSON.parse(path) as string,
    );
    const ours = [...read.contents.keys()].filter((path) => !/^(?:templates\/|Chart\.yaml$)/.test(path));
    const visible = listed.filter((path) => !path.split('/').includes('.git'));
    assert.deepEqual(ours.sort(), visible.sort(), `seed ${seed}`);
    if (listed.length > visible.length) assert.equal(read.isAsItLies, false, `seed ${seed}`);
    compared += 1;
  }
  assert.ok(compared > 30, String(compared));
});
