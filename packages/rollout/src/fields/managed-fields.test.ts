import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KubeStatusError } from '@zakenak/core';
import { fakeKube, objectOf } from '../testing/objects.ts';
import { type ConflictRule, createConflictJudges, isApplyConflict } from './conflict.ts';
import { claimFields, migrateManagedFields } from './managed-fields.ts';
import { globOf } from './object-pattern.ts';

const conflict = (field: string, message: string) => ({ reason: 'FieldManagerConflict', field, message });
const refusal = (status: number, ...causes: KubeStatusError['causes'][number][]) =>
  new KubeStatusError({ status, reason: 'Conflict', message: 'Apply failed', causes });

const ref = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'apps' };
const judgeBy = (...rules: readonly ConflictRule[]) => createConflictJudges(rules)({ release: 'web', ref });

// The server's own wordings: apimachinery/pkg/util/managedfields/internal/conflict.go.
for (const [message, manager, decision] of [
  ['conflict with "helm" using apps/v1', 'helm', 'take'],
  ['conflict with "kubectl-client-side-apply" using apps/v1', 'kubectl-client-side-apply', 'take'],
  ['conflict with "kubectl-edit" using v1 at 2026-01-01T00:00:00Z', 'kubectl-edit', 'take'],
  ['conflict with "kubectl" with subresource "scale" using autoscaling/v1', 'kubectl', 'take'],
  ['conflict with "before-first-apply" using v1', 'before-first-apply', 'take'],
  ['conflict with "zakenak" using v1', 'zakenak', 'take'],
  [
    'conflict with "kube-controller-manager" with subresource "scale" using apps/v1',
    'kube-controller-manager',
    'refuse',
  ],
  ['conflict with "helm-controller" using apps/v1', 'helm-controller', 'refuse'],
  ['conflict with "argocd-controller" using apps/v1: .spec.replicas', 'argocd-controller', 'refuse'],
  ['conflict with "mykubectl" using v1', 'mykubectl', 'refuse'],
  ['something else', 'unknown', 'refuse'],
] as const)
  test(`${message}: ${decision}`, () => {
    assert.deepEqual(judgeBy()(refusal(409, conflict('.spec.replicas', message))), [
      { field: '.spec.replicas', manager, decision },
    ]);
  });

test('an apply conflict is told from other conflicts, and its other causes are left out', () => {
  const cause = conflict('.data.a', 'conflict with "x" using v1');
  assert.equal(isApplyConflict(refusal(409, cause)), true);
  assert.equal(isApplyConflict(refusal(409)), false, 'a stale resourceVersion');
  assert.equal(isApplyConflict(refusal(422, cause)), false);
  assert.deepEqual(
    judgeBy()(refusal(409, { reason: 'FieldValueInvalid', field: 'a' }, cause)).map(({ field }) => field),
    ['.data.a'],
  );
});

const heldBy = (manager: string) =>
  refusal(409, conflict('.spec.replicas', `conflict with "${manager}" using apps/v1`));

test('the first rule of the project that fits decides, before what holds everywhere', () => {
  const judge = judgeBy(
    { managers: ['kubectl-edit'], decision: 'refuse', kind: 'Deploy*', reason: 'edited on call' },
    { managers: ['argocd-*', 'kubectl-*'], decision: 'take', reason: 'moved from Argo CD' },
  );
  const decide = (manager: string) =>
    judge(heldBy(manager)).map(({ decision, reason }) => [decision, reason]);
  assert.deepEqual(decide('kubectl-edit'), [['refuse', 'edited on call']]);
  assert.deepEqual(decide('argocd-controller'), [['take', 'moved from Argo CD']]);
  assert.deepEqual(decide('xargocd-controller'), [['refuse', undefined]]);
  assert.deepEqual(decide('helm'), [['take', undefined]]);
});

test('a rule decides only about the objects that it means, and never where the manager cannot be told', () => {
  const take = { managers: ['*'], decision: 'take' } as const;
  for (const rule of [
    { ...take, kind: 'StatefulSet' },
    { ...take, name: 'api' },
    { ...take, namespace: 'other' },
    { ...take, release: 'api' },
  ])
    assert.equal(judgeBy(rule)(heldBy('operator'))[0]?.decision, 'refuse', JSON.stringify(rule));
  assert.equal(
    judgeBy({ ...take, namespace: 'app*', release: 'web' })(heldBy('operator'))[0]?.decision,
    'take',
  );
  assert.equal(judgeBy(take)(refusal(409, conflict('.a', 'something else')))[0]?.decision, 'refuse');
});

const entry = (manager: string, operation: string, fieldsV1: object, more: object = {}) => ({
  manager,
  operation,
  apiVersion: 'apps/v1',
  fieldsType: 'FieldsV1',
  fieldsV1,
  ...more,
});
const spec = (fields: object) => ({ 'f:spec': fields });
const controller = entry('kube-controller-manager', 'Update', { 'f:status': {} }, { subresource: 'status' });

test('without an entry of a client-side tool there is nothing to hand over', () => {
  assert.equal(migrateManagedFields([]), undefined);
  assert.equal(migrateManagedFields([controller, entry('helm', 'Apply', spec({}))]), undefined);
  assert.equal(migrateManagedFields([entry('kubectl-edit', 'Update', spec({}))]), undefined);
  assert.equal(
    migrateManagedFields([entry('helm', 'Update', spec({}), { subresource: 'scale' })]),
    undefined,
  );
});

test('a lone entry of helm becomes an applied one, and others stay', () => {
  assert.deepEqual(
    migrateManagedFields([entry('helm', 'Update', spec({ 'f:replicas': {} }), { time: 't' }), controller]),
    [controller, entry('helm', 'Apply', spec({ 'f:replicas': {} }), { time: 't' })],
  );
});

test('the fields of all client-side entries are united with our own, deep down', () => {
  const list = (key: string, field: string) =>
    spec({ 'f:containers': { [`k:{"name":"${key}"}`]: { '.': {}, [field]: {} } } });
  const migrated = migrateManagedFields([
    entry('kubectl-client-side-apply', 'Update', list('a', 'f:image')),
    entry('helm', 'Update', list('b', 'f:image')),
    entry('helm', 'Apply', list('a', 'f:args'), { time: 'ours' }),
  ]);
  const containers = {
    'k:{"name":"a"}': { '.': {}, 'f:args': {}, 'f:image': {} },
    'k:{"name":"b"}': { '.': {}, 'f:image': {} },
  };
  assert.deepEqual(migrated, [
    entry('helm', 'Apply', spec({ 'f:containers': containers }), { time: 'ours' }),
  ]);
});

test('paths of another API version are left to nobody', () => {
  const former = { apiVersion: 'extensions/v1beta1' };
  assert.deepEqual(
    migrateManagedFields([
      entry('helm', 'Apply', spec({ 'f:a': {} })),
      entry('helm', 'Update', spec({ 'f:b': {} }), former),
    ]),
    [entry('helm', 'Apply', spec({ 'f:a': {} }))],
  );
});

const live = (entries: readonly unknown[], resourceVersion?: string) =>
  objectOf('apps/v1', 'Deployment', {
    metadata: { managedFields: entries, ...(resourceVersion ? { resourceVersion } : {}) },
  });
const old = [entry('helm', 'Update', spec({ 'f:a': {} }))];

test('fields are claimed by one patch that is bound to what was read', async () => {
  const sent: unknown[] = [];
  const kube = fakeKube({
    patch: async (...args) => {
      sent.push(args);
      return live([]);
    },
  });
  await claimFields(live(old, '7'), { kube });
  assert.deepEqual(sent, [
    [
      { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web' },
      'json',
      [
        {
          op: 'replace',
          path: '/metadata/managedFields',
          value: [entry('helm', 'Apply', spec({ 'f:a': {} }))],
        },
        { op: 'replace', path: '/metadata/resourceVersion', value: '7' },
      ],
    ],
  ]);
});

test('nothing is written where there is nothing to claim or nothing to bind it to', async () => {
  await claimFields(live([controller], '7'), { kube: fakeKube({}) });
  await claimFields(live(old), { kube: fakeKube({}) });
});

test('nothing is claimed from a manager whose fields a rule of the project leaves to it', async () => {
  const entries = [entry('kubectl-client-side-apply', 'Update', spec({ 'f:paused': {} }))];
  const judge = judgeBy({ managers: ['kubectl*'], decision: 'refuse' });
  await claimFields(live(entries, '7'), { kube: fakeKube({}) }, { judge });
  let isClaimed = false;
  const patch = async () => {
    isClaimed = true;
    return live([]);
  };
  await claimFields(live(entries, '7'), { kube: fakeKube({ patch }) }, { judge: judgeBy() });
  assert.ok(isClaimed, 'without the rule it is');
});

test('a pattern is matched in little time, whatever it is', () => {
  const text = 'a'.repeat(253);
  const judge = judgeBy({ managers: [`${'*a'.repeat(40)}b`], decision: 'take' });
  const begun = performance.now();
  assert.equal(judge(heldBy(text))[0]?.decision, 'refuse');
  assert.ok(performance.now() - begun < 1_000);
});

for (const [pattern, text, fits] of [
  ['web', 'web', true],
  ['web', 'web2', false],
  ['*', '', true],
  ['a*a', 'a', false],
  ['a*a', 'aa', true],
  ['a*b*c', 'a-bb-c', true],
  ['a*b*c', 'a-c', false],
  ['*ab', 'aab', true],
  ['a.c', 'abc', false],
] as const)
  test(`${pattern} ${fits ? 'fits' : 'does not fit'} '${text}'`, () => {
    assert.equal(globOf(pattern)(text), fits);
  });

test('a writer in between is no failure; a refusal is', async () => {
  let claimed: string[] = [];
  const failing = async (status: number, times = Number.POSITIVE_INFINITY) => {
    claimed = [];
    await claimFields(live(old, '7'), {
      kube: fakeKube({
        patch: async (_ref, _type, body) => {
          const [, guard] = body as readonly { readonly value: string }[];
          claimed.push(guard?.value ?? '');
          if (claimed.length <= times) throw refusal(status);
          return live([]);
        },
        get: async () => live(old, `${claimed.length}-later`),
      }),
    });
  };
  await failing(409, 2);
  assert.deepEqual(claimed, ['7', '1-later', '2-later'], 'what is there by then is claimed');
  await failing(422);
  assert.equal(claimed.length, 6, 'not for ever');
  await assert.rejects(failing(403), { status: 403 });
});
