import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { readPlan } from './plan-file.ts';

/** The one file of a folder. */
function folderWith(text: string) {
  return {
    resolve: async (path: string) => `/w/${path}`,
    stat: async (path: string) =>
      path === '/w/plan.json' ? ({ kind: 'file', size: text.length, mode: 0o644 } as const) : undefined,
    readText: async () => text,
  };
}

// The keys are in the canonical order already: the id is the digest of these very bytes.
const content = {
  cluster: { uid: 'u-1', version: 'v1.34.4' },
  irreversible: [],
  orphans: [],
  releases: [],
  schemaVersion: 1,
  set: 'prod',
};
const id = createHash('sha256').update(JSON.stringify(content)).digest('hex');

test('a plan is read as it was written', async () => {
  assert.deepEqual(await readPlan('plan.json', folderWith(JSON.stringify({ ...content, id }))), {
    ...content,
    id,
  });
});

test('what is sealed as a plan and is none is refused', async () => {
  for (const wrong of [
    { releases: [null] },
    { releases: [{}] },
    { releases: {} },
    { cluster: undefined },
    { cluster: 'prod' },
    { cluster: { uid: 1, version: 'v1.34.4' } },
    { set: 7 },
  ]) {
    const text = JSON.stringify({ ...content, ...wrong });
    const sealed = { ...JSON.parse(text), id: createHash('sha256').update(text).digest('hex') };
    await assert.rejects(readPlan('plan.json', folderWith(JSON.stringify(sealed))), {
      code: 'rollout/bad-plan',
      message: /no plan of this version/,
    });
  }
});

test('a plan that was edited, cut short, of another version or not there is refused', async () => {
  const edited = JSON.stringify({ ...content, id, set: 'stage' });
  const newer = JSON.stringify({ ...content, id, schemaVersion: 2 });
  for (const [path, text, message] of [
    ['plan.json', edited, /edited after it was made/],
    ['plan.json', edited.slice(0, -1), /not JSON/],
    ['plan.json', newer, /no plan of this version/],
    ['plan.json', 'null', /no plan of this version/],
    ['other.json', edited, /no such file/],
  ] as const)
    await assert.rejects(readPlan(path, folderWith(text)), {
      code: 'rollout/bad-plan',
      exitCode: 2,
      message,
    });
});
