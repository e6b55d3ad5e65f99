import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type KubeObject, KubeStatusError } from '@zakenak/core';
import { fakeClock } from '@zakenak/core/testing';
import { fakeKube, listsOf, noted } from '../testing/objects.ts';
import {
  decodeRelease,
  encodeRelease,
  type HelmFile,
  type HelmRelease,
  isPending,
  recordedManifests,
} from './helm-release.ts';
import {
  createRecord,
  deleteRecord,
  newest,
  readHistories,
  setLabel,
  trimHistory,
  updateRecord,
} from './helm-storage.ts';

function release(more: Partial<HelmRelease> = {}): HelmRelease {
  return {
    name: 'web',
    info: { status: 'deployed', first_deployed: '2026-01-01T00:00:00Z', description: 'héllo ☸' },
    chart: {
      metadata: { name: 'web', version: '1.0.0' },
      lock: null,
      templates: [],
      values: { a: [1] },
      schema: null,
      files: [],
    },
    config: { a: null },
    manifest: '---\n# Source: web/templates/a.yaml\n',
    hooks: [],
    version: 3,
    namespace: 'shop',
    apply_method: 'ssa',
    ...more,
  };
}

const origin = { set: 'prod', rollout: 'r-1' };

/** As the API server hands it out: one more base64 over Helm's. */
function secret(version: number, status: string, more: Partial<HelmRelease> = {}): KubeObject {
  const payload = encodeRelease(release({ version, info: { status: status as 'deployed' }, ...more }));
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: `sh.helm.release.v1.web.v${version}`,
      namespace: 'shop',
      resourceVersion: `${version}00`,
      labels: { name: 'web', owner: 'helm', status, version: String(version), custom: 'kept' },
    },
    type: 'helm.sh/release.v1',
    data: { release: Buffer.from(payload).toString('base64') },
  };
}
const payloadOf = (object: KubeObject): HelmRelease =>
  decodeRelease(
    Buffer.from((object as unknown as { data: { release: string } }).data.release, 'base64').toString(),
  );
const read = async (...items: readonly KubeObject[]) =>
  (
    await readHistories([{ name: 'web', namespace: 'shop' }], {
      kube: fakeKube({ list: listsOf({ Secret: items }) }),
    })
  ).get('web') ?? [];

test('what is encoded is decoded again, in the packing of Helm', () => {
  const text = encodeRelease(release());
  assert.deepEqual(decodeRelease(text), release());
  assert.deepEqual([...Buffer.from(text, 'base64').subarray(0, 3)], [0x1f, 0x8b, 0x08]);
});

test('a record of Helm 3 is read as it is: no apply method, empty times, null hooks', () => {
  const old = {
    name: 'web',
    info: { first_deployed: '', last_deployed: '', deleted: '', status: 'superseded' },
    chart: {
      metadata: { name: 'web', version: '1.0.0' },
      lock: null,
      templates: null,
      values: null,
      schema: null,
      files: null,
    },
    manifest: '',
    hooks: null,
    version: 1,
    namespace: 'shop',
  };
  const packed = gzipSync(JSON.stringify(old), { level: 9 }).toString('base64');
  assert.deepEqual(decodeRelease(packed), old);
  assert.deepEqual(decodeRelease(Buffer.from(JSON.stringify(old)).toString('base64')), old, 'not packed');
});

for (const [name, text] of [
  ['nothing', ''],
  ['no JSON', Buffer.from('{').toString('base64')],
  ['a list', Buffer.from('[]').toString('base64')],
  ['no release', Buffer.from('{}').toString('base64')],
  ['a packing that is cut short', encodeRelease(release()).slice(0, 60)],
  ['a bomb', gzipSync(Buffer.alloc(129 * 1024 * 1024)).toString('base64')],
  ['no chart', encodeRelease({ ...release(), chart: null as never })],
  ['a chart without a version', encodeRelease(release({ chart: { metadata: { name: 'web' } } as never }))],
  ['a manifest that is no text', encodeRelease(release({ manifest: 5 as never }))],
  ['hooks that are none', encodeRelease(release({ hooks: [null] as never }))],
  ['values that are a list', encodeRelease(release({ config: [] as never }))],
  [
    'times that are none',
    encodeRelease(release({ info: { status: 'deployed', last_deployed: 5 as never } })),
  ],
  ['a revision that is no number', encodeRelease(release({ version: 'three' as never }))],
] as const)
  test(`a record that holds ${name} is named and not believed`, () => {
    assert.throws(() => decodeRelease(text, 'sh.helm.release.v1.web.v1'), {
      code: 'rollout/bad-record',
      message: /web\.v1/,
      exitCode: 4,
    });
  });

test('only what somebody began and did not finish is pending', () => {
  const all = [
    'unknown',
    'deployed',
    'uninstalled',
    'superseded',
    'failed',
    'uninstalling',
    'pending-install',
    'pending-upgrade',
    'pending-rollback',
  ];
  assert.deepEqual(all.filter(isPending), [
    'uninstalling',
    'pending-install',
    'pending-upgrade',
    'pending-rollback',
  ]);
});

test('a history is read oldest first, by number and not by name, with one LIST per namespace', async () => {
  const list = listsOf({ Secret: [secret(10, 'failed'), secret(2, 'superseded'), secret(9, 'deployed')] });
  const releases = [
    { name: 'web', namespace: 'shop' },
    { name: 'db', namespace: 'shop' },
  ];
  const histories = await readHistories(releases, { kube: fakeKube({ list }) });
  assert.deepEqual(list.asked, [
    { apiVersion: 'v1', kind: 'Secret', namespace: 'shop', labelSelector: 'owner=helm,name in (web,db)' },
  ]);
  assert.deepEqual([...histories.keys()], ['web']);
  const history = histories.get('web') ?? [];
  assert.deepEqual(
    history.map(({ version, status }) => [version, status]),
    [
      [2, 'superseded'],
      [9, 'deployed'],
      [10, 'failed'],
    ],
  );
  assert.equal(newest(history)?.version, 10);
  assert.equal(newest(history, 'deployed')?.version, 9);
  assert.equal(newest(history, 'pending-upgrade'), undefined);
  assert.equal(history[0]?.release().version, 2);
});

test('a broken record is refused when it is opened, by its name', async () => {
  const [record] = await read({ ...secret(1, 'deployed'), data: { release: 'AAAA' } });
  assert.equal(record?.version, 1);
  assert.throws(() => record?.release(), {
    code: 'rollout/bad-record',
    message: /sh\.helm\.release\.v1\.web\.v1/,
  });
});

test('a new record is a Secret as Helm makes it', async () => {
  const created: KubeObject[] = [];
  const kube = fakeKube({ create: async (object) => noted(created, object) });
  const record = await createRecord(release(), origin, { kube, clock: fakeClock('2026-01-01T00:00:07.9Z') });
  const [made] = created as [KubeObject];
  assert.equal(made.metadata.name, 'sh.helm.release.v1.web.v3');
  assert.equal(made.metadata.namespace, 'shop');
  assert.equal(made['type'], 'helm.sh/release.v1');
  assert.deepEqual(made.metadata.labels, {
    name: 'web',
    owner: 'helm',
    status: 'deployed',
    version: '3',
    createdAt: '1767225607',
    [setLabel]: 'prod',
    'zakenak.dev/rollout': 'r-1',
    'zakenak.dev/revision': '3',
  });
  assert.deepEqual(payloadOf(made), release());
  assert.deepEqual(record.release(), release());
});

test('a number that is taken means that somebody else deploys', async () => {
  const taken = new KubeStatusError({ status: 409, reason: 'AlreadyExists', message: 'exists' });
  const kube = fakeKube({ create: () => Promise.reject(taken) });
  await assert.rejects(createRecord(release(), origin, { kube, clock: fakeClock() }), {
    code: 'rollout/helm-at-work',
  });
});

test('another state keeps foreign labels and content, and is guarded by the version that was read', async () => {
  const [record] = await read(secret(3, 'pending-upgrade'));
  assert.ok(record);
  const replaced: KubeObject[] = [];
  const kube = fakeKube({ replace: async (object) => noted(replaced, object) });
  const updated = await updateRecord(
    record,
    { status: 'deployed', description: 'done' },
    { kube, clock: fakeClock() },
  );
  const [sent] = replaced as [KubeObject];
  assert.equal(sent.metadata.resourceVersion, '300');
  assert.deepEqual(sent.metadata.labels, {
    name: 'web',
    owner: 'helm',
    status: 'deployed',
    version: '3',
    custom: 'kept',
    modifiedAt: '1767225600',
  });
  assert.deepEqual(payloadOf(sent).info, { status: 'deployed', description: 'done' });
  assert.deepEqual(payloadOf(sent).hooks, []);
  assert.equal(updated.status, 'deployed');
});

// Random bytes do not pack.
const file = (name: string, bytes: number): HelmFile => ({
  name,
  data: randomBytes(bytes).toString('base64'),
});
for (const [name, files, templates, kept] of [
  ['fits is kept whole', 100_000, 100_000, { files: 1, templates: 1 }],
  ['is too large loses the chart’s files first', 900_000, 100_000, { files: 0, templates: 1 }],
  ['is still too large loses its templates as well', 100_000, 900_000, { files: 0, templates: 0 }],
] as const)
  test(`a record that ${name}`, async () => {
    const kube = fakeKube({ create: async (object) => object });
    const { chart } = release();
    const large = release({
      chart: { ...chart, files: [file('f', files)], templates: [file('templates/t', templates)] },
    });
    const { secret } = await createRecord(large, origin, { kube, clock: fakeClock() });
    const written = payloadOf(secret);
    assert.deepEqual({ files: written.chart.files.length, templates: written.chart.templates.length }, kept);
    assert.deepEqual({ ...written, chart: 0 }, { ...release(), chart: 0 });
    assert.ok(Buffer.byteLength(JSON.stringify(secret)) < 1.5 * 1_048_576);
  });

test('a record whose manifest alone is too large is refused before anything is sent', async () => {
  const manifest = randomBytes(900_000).toString('base64');
  const creating = createRecord(release({ manifest }), origin, { kube: fakeKube({}), clock: fakeClock() });
  await assert.rejects(creating, { code: 'rollout/record-too-large', exitCode: 2 });
});

async function trimmed(...statuses: readonly string[]): Promise<readonly string[]> {
  const deleted: string[] = [];
  const kube = fakeKube({
    delete: async ({ name }) => noted(deleted, name.replace('sh.helm.release.v1.web.', '')) !== '',
  });
  const history = await read(...statuses.map((status, index) => secret(index + 1, status)));
  await trimHistory(history, { ports: { kube, clock: fakeClock() } });
  return deleted;
}

test('the oldest revisions over ten go, never the deployed one', async () => {
  const old = (count: number) => Array<string>(count).fill('superseded');
  assert.deepEqual(await trimmed(...old(9), 'deployed'), []);
  assert.deepEqual(await trimmed(...old(11), 'deployed'), ['v1', 'v2']);
  assert.deepEqual(await trimmed('deployed', ...Array<string>(11).fill('failed')), ['v2', 'v3']);
});

test('a record is removed by its own name and namespace', async () => {
  const [record] = await read(secret(4, 'failed'));
  assert.ok(record);
  const asked: unknown[] = [];
  await deleteRecord(record, { kube: fakeKube({ delete: async (ref) => noted(asked, ref) === undefined }) });
  assert.deepEqual(asked, [
    { apiVersion: 'v1', kind: 'Secret', namespace: 'shop', name: 'sh.helm.release.v1.web.v4' },
  ]);
});

test('a record of another release, revision or namespace than its Secret tells is not believed', async () => {
  for (const more of [{ name: 'api' }, { version: 5 }, { namespace: 'kube-system' }]) {
    const [record] = await read(secret(3, 'deployed', more));
    assert.throws(() => record?.release(), { code: 'rollout/bad-record', message: /web\.v3/ });
  }
});

test('a record whose manifest is no YAML of objects is named as a record, not as a chart', () => {
  for (const manifest of ['{ [', 'a: 1'])
    assert.throws(() => recordedManifests(release({ manifest })), {
      code: 'rollout/bad-record',
      message: /sh\.helm\.release\.v1\.web\.v3/,
    });
});
