import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KubeObject, KubeStatusError } from '@zakenak/core';
import { fakeKube, objectOf } from '../testing/objects.ts';
import { tryApply } from './claimed-fields.ts';
import { claimedEntries } from './managed-fields.ts';
import { ownedBy } from './ownership.ts';

const owner = { name: 'web', namespace: 'shop' };
const service = (ports: readonly object[], more: object = {}): KubeObject =>
  ownedBy(
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace: 'shop' },
      spec: { ports, ...more },
    },
    owner,
  );
const entry = (manager: string, operation: string, spec: object) => ({
  manager,
  operation,
  apiVersion: 'v1',
  fieldsV1: { 'f:spec': spec },
});
const fields = (...names: readonly string[]) => Object.fromEntries(names.map((name) => [`f:${name}`, {}]));
const port = (number: number, protocol = 'TCP') => `k:{"port":${number},"protocol":"${protocol}"}`;

/** What lives, as the managers hold it. */
const live = (object: KubeObject, ...managedFields: readonly object[]): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, resourceVersion: '7', managedFields },
});

/** What the server is asked to try as a whole; undefined where only the apply is asked for. */
async function tried(desired: KubeObject, there: KubeObject, error?: KubeStatusError): Promise<unknown> {
  let spec: unknown;
  const kube = fakeKube({
    apply: async () => {
      if (error) throw error;
      return desired;
    },
    patch: async (_ref, _type, body, options) => {
      assert.equal(options?.dryRun, true);
      const operations = body as readonly { readonly path: string; readonly value?: unknown }[];
      spec = operations.find(({ path }) => path === '/spec')?.value;
      return desired;
    },
  });
  await tryApply(desired, there, {}, { kube });
  return spec;
}

const helm3 = entry('helm', 'Update', {
  'f:ports': { [port(80)]: fields('port', 'name'), [port(81)]: fields('port', 'name') },
  'f:externalName': {},
});
const former = service(
  [
    { port: 80, protocol: 'TCP', name: 'a', nodePort: 30_000 },
    { port: 81, protocol: 'TCP', name: 'b' },
  ],
  { externalName: 'x', sessionAffinity: 'None' },
);

test('what a client-side Helm wrote and nobody wants is gone from what is tried; what the server filled in stays', async () => {
  assert.deepEqual(await tried(service([{ port: 80, name: 'c' }]), live(former, helm3)), {
    ports: [{ port: 80, protocol: 'TCP', name: 'c', nodePort: 30_000 }],
    sessionAffinity: 'None',
  });
});

test('an element is another one by its keys: a port of another protocol takes no place', async () => {
  const wanted = service([{ port: 80, protocol: 'UDP', name: 'a' }]);
  assert.deepEqual(await tried(wanted, live(former, helm3)), {
    ports: [{ port: 80, protocol: 'UDP', name: 'a' }],
    sessionAffinity: 'None',
  });
});

test('what another manager holds as well stays', async () => {
  const controller = entry('controller', 'Update', { 'f:ports': { [port(81)]: fields('name') } });
  const spec = await tried(service([{ port: 80, name: 'a' }]), live(former, helm3, controller));
  assert.deepEqual(
    (spec as { readonly ports: readonly object[] }).ports.map((held) => (held as { port: number }).port),
    [80, 81],
  );
});

test('where nothing goes the apply alone is tried, and a refusal is told', async () => {
  const same = service(
    [
      { port: 80, name: 'c' },
      { port: 81, name: 'b' },
    ],
    { externalName: 'x' },
  );
  assert.equal(await tried(same, live(former, helm3)), undefined);
  const ours = entry('helm', 'Apply', { 'f:ports': { [port(80)]: fields('port') } });
  assert.equal(await tried(service([]), live(former, ours)), undefined);
  const invalid = new KubeStatusError({ status: 422, reason: 'Invalid', message: 'Duplicate value' });
  await assert.rejects(tried(same, live(former, helm3), invalid), invalid);
  assert.notEqual(
    await tried(service([]), live(former, helm3), invalid),
    undefined,
    'it may be about what goes',
  );
  const conflict = new KubeStatusError({ status: 409, reason: 'Conflict', message: 'conflict' });
  await assert.rejects(tried(service([]), live(former, helm3), conflict), conflict);
});

test('kubectl’s fields of a release’s object are a person’s, and stay', async () => {
  const kubectl = { ...helm3, manager: 'kubectl-client-side-apply' };
  assert.equal(await tried(service([{ port: 80, name: 'c' }]), live(former, kubectl)), undefined);
});

test('kubectl’s fields of a release’s object are a person’s: what it added stays when the rest is applied', async () => {
  const desired = service([{ port: 80, protocol: 'TCP' }]);
  const by = entry('kubectl-client-side-apply', 'Update', fields('externalName'));
  const ours = entry('helm', 'Apply', { 'f:ports': { [port(80)]: fields('port', 'protocol') } });
  const there = live(service([{ port: 80, protocol: 'TCP' }], { externalName: 'by hand' }), ours, by);
  assert.equal(claimedEntries(there, { desired, former: desired }), undefined);
  const unowned = { ...there, metadata: { ...there.metadata, annotations: {} } };
  assert.equal(
    claimedEntries(unowned, { desired })?.length,
    1,
    'of no release’s object it is an earlier deploy',
  );
});

test('what leaves the release and was changed by hand is claimed whole, what was added beside it is left to its writer', () => {
  const desired = service([{ port: 80, protocol: 'TCP' }]);
  const former = service([{ port: 80, protocol: 'TCP', name: 'web' }], {
    externalName: 'ours',
    selector: { a: 'b' },
  });
  const there = live(
    service([{ port: 80, protocol: 'TCP', name: 'mine' }], {
      externalName: 'mine',
      selector: { a: 'mine', mine: 'x' },
      sessionAffinity: 'ClientIP',
    }),
    entry('helm', 'Apply', { 'f:ports': { [port(80)]: fields('port', 'protocol') } }),
    entry('kubectl-edit', 'Update', {
      'f:ports': { [port(80)]: fields('name') },
      'f:externalName': {},
      'f:selector': fields('a', 'mine'),
      'f:sessionAffinity': {},
    }),
    { ...entry('kubectl', 'Update', fields('externalName')), subresource: 'scale' },
    entry('some-operator', 'Update', { 'f:externalName': {} }),
  );
  const setsOf = (claim: Parameters<typeof claimedEntries>[1]) =>
    Object.fromEntries(
      (claimedEntries(there, claim) ?? []).map((one) => {
        const { manager, fieldsV1 } = one as { manager: string; fieldsV1: { 'f:spec': unknown } };
        return [manager, fieldsV1['f:spec']];
      }),
    );
  assert.deepEqual(setsOf({ desired, former }), {
    'kubectl-edit': { 'f:selector': fields('mine'), 'f:sessionAffinity': {} },
    kubectl: fields('externalName'),
    'some-operator': { 'f:externalName': {} },
    helm: {
      'f:ports': { [port(80)]: fields('port', 'protocol', 'name') },
      'f:externalName': {},
      'f:selector': fields('a'),
    },
  });
  const judge = { decide: () => 'refuse' as const };
  assert.deepEqual(setsOf({ desired, former, judge }), {}, 'a rule leaves it to its writer');
  assert.deepEqual(setsOf({ desired, former: desired }), {}, 'nothing leaves');
});

const container = (name: string) => `k:${JSON.stringify({ name })}`;
const inPod = (podSpec: object) => ({ 'f:template': { 'f:spec': podSpec } });
const deploymentOf = (containers: readonly object[], volumes: readonly object[] = []): KubeObject =>
  ownedBy(
    objectOf('apps/v1', 'Deployment', { spec: { template: { spec: { containers, volumes } } } }),
    owner,
  );

/** What of the fields that kubectl wrote becomes ours. */
function claimedOf(desired: KubeObject, former: KubeObject, there: KubeObject, byHand: object): unknown {
  const managed = {
    ...there,
    metadata: {
      ...there.metadata,
      managedFields: [entry('helm', 'Apply', {}), entry('kubectl-set', 'Update', byHand)].map((one) => ({
        ...one,
        apiVersion: 'apps/v1',
      })),
    },
  };
  return (claimedEntries(managed, { desired, former }) ?? []).map((one) => {
    const { manager, fieldsV1 } = one as { manager: string; fieldsV1: { 'f:spec'?: unknown } };
    return [manager, fieldsV1['f:spec'] ?? {}];
  });
}

test('what was added to an element that leaves goes with it: a container of variables alone is refused', () => {
  const [main, side] = [
    { name: 'main', image: 'a' },
    { name: 'side', image: 'b' },
  ];
  const env = [{ name: 'A', value: 'hand' }];
  const added = { 'f:env': { '.': {}, [container('A')]: { '.': {}, ...fields('name', 'value') } } };
  const byHand = inPod({ 'f:containers': { [container('main')]: added, [container('side')]: added } });
  const there = deploymentOf([
    { ...main, env },
    { ...side, env },
  ]);
  const former = deploymentOf([main, side]);
  assert.deepEqual(claimedOf(deploymentOf([main]), former, there, byHand), [
    ['kubectl-set', inPod({ 'f:containers': { [container('main')]: added } })],
    ['helm', inPod({ 'f:containers': { [container('side')]: added } })],
  ]);
  assert.deepEqual(claimedOf(former, former, there, byHand), []);
});

test('what stands in the place of what is wanted goes: a variable has a value or a source, a volume one source', () => {
  const variable = (more: object) => [{ name: 'main', image: 'a', env: [{ name: 'A', ...more }] }];
  const volume = (more: object) => [{ name: 'data', ...more }];
  const source = { valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } };
  const wanted = deploymentOf(variable(source), volume({ configMap: { name: 'a' } }));
  const there = deploymentOf(variable({ value: 'hand' }), volume({ emptyDir: {} }));
  const byHand = inPod({
    'f:containers': { [container('main')]: { 'f:env': { [container('A')]: fields('value') } } },
    'f:volumes': { [container('data')]: { 'f:emptyDir': {} } },
  });
  assert.deepEqual(claimedOf(wanted, wanted, there, byHand), [['helm', byHand]]);
  const bare = deploymentOf([{ name: 'main', image: 'a' }]);
  assert.deepEqual(claimedOf(wanted, bare, there, byHand), [['helm', byHand]], 'it is new in the release');
  const selector = (more: object) =>
    ownedBy(
      objectOf('apps/v1', 'Deployment', { spec: { template: { spec: { nodeSelector: more } } } }),
      owner,
    );
  const labels = inPod({ 'f:nodeSelector': fields('csi') });
  const [chosen, mixed] = [selector({ nfs: 'yes' }), selector({ nfs: 'yes', csi: 'yes' })];
  assert.deepEqual(claimedOf(chosen, chosen, mixed, labels), [], 'a map of texts has no rivals');
});

test('a custom resource’s map that is to be empty is tried as gone, and shown as empty', async () => {
  const gear = (spec: object) => objectOf('example.com/v1', 'Gear', { spec });
  const wanted = gear({ words: {}, in: { words: {} }, list: [{ name: 'b', words: {} }] });
  const there = gear({
    words: { a: 'x' },
    in: { words: { a: 'x' } },
    list: [{ name: 'b', words: { a: 'x' }, filled: 1 }],
  });
  const asked: unknown[] = [];
  const kube = fakeKube({
    apply: async (object) => {
      asked.push(object['spec']);
      if (asked.length > 1) return gear({ list: [{ name: 'b', filled: 1 }] });
      throw new KubeStatusError({
        status: 422,
        reason: 'Invalid',
        message: 'spec.words: Invalid value: "null": …',
      });
    },
  });
  const made = await tryApply(wanted, there, {}, { kube });
  assert.deepEqual(asked, [wanted['spec'], { list: [{ name: 'b' }] }]);
  assert.deepEqual(made['spec'], {
    ...(wanted['spec'] as object),
    list: [{ name: 'b', filled: 1, words: {} }],
  });
});
