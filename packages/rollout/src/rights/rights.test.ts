import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KubeObject, KubeStatusError, ZakenakError } from '@zakenak/core';
import { recordAt } from '../objects/json.ts';
import { fakeKube } from '../testing/objects.ts';
import type { Right, RightRule } from './right.ts';
import { requireRights } from './rights.ts';

/** An API server with its answers about an account's rights: what its rules say, and what is true. */
function server(rules: readonly RightRule[], isAllowed: (right: Record<string, unknown>) => boolean) {
  const asked: string[] = [];
  const create = async (object: KubeObject): Promise<KubeObject> => {
    const right = recordAt(object, 'spec', 'resourceAttributes');
    asked.push(
      object.kind === 'SelfSubjectAccessReview'
        ? `${right['verb']} ${right['resource']} ${right['name'] ?? ''}`.trim()
        : object.kind,
    );
    if (object.kind === 'SelfSubjectReview') return { ...object, status: { userInfo: { username: 'ann' } } };
    const allowed = isAllowed(right);
    const status =
      object.kind === 'SelfSubjectRulesReview' ? { resourceRules: rules, incomplete: true } : { allowed };
    return { ...object, status };
  };
  return { ports: { kube: fakeKube({ create }) }, asked };
}

const maps = { group: '', resource: 'configmaps', namespace: 'shop' };
const wanted: readonly Right[] = [
  { ...maps, verb: 'patch', name: 'a' },
  { ...maps, verb: 'patch', name: 'b' },
  { ...maps, verb: 'list' },
  { group: '', resource: 'namespaces', verb: 'create' },
];

test('one who may do everything costs one question, and nothing to do costs none', async () => {
  const { ports, asked } = server([], () => true);
  await requireRights(wanted, ports);
  assert.deepEqual(asked, ['* *']);
  await requireRights([], ports);
  assert.equal(asked.length, 1);
});

test('rules that say yes ask less, and the server alone says no', async () => {
  const { ports, asked } = server(
    [{ ...{ verbs: ['patch'], apiGroups: [''], resources: ['configmaps'] } }],
    ({ verb }) => verb === 'list' || verb === 'create',
  );
  await requireRights(wanted, ports);
  assert.deepEqual(asked.sort(), ['* *', 'SelfSubjectRulesReview', 'create namespaces', 'list configmaps']);
});

test('a rule of a namespace grants nothing in the whole cluster', async () => {
  const { ports } = server([{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }], () => false);
  await assert.rejects(
    requireRights(wanted, ports),
    /ann lacks rights that this takes: create namespaces in the whole cluster\.$/,
  );
});

test('every right that lacks is named, and of named objects only those', async () => {
  const { ports } = server([], ({ name, verb }) => name === 'a' || verb === 'create');
  await assert.rejects(requireRights(wanted, ports), (error) => {
    assert.ok(error instanceof ZakenakError);
    assert.equal(error.code, 'rollout/forbidden');
    assert.equal(
      error.message,
      'ann lacks rights that this takes: patch configmaps b in namespace shop; list configmaps in namespace shop.',
    );
    assert.match(
      error.remedy,
      /a Role in shop:\n- \{ apiGroups: \[""\], resources: \["configmaps"\], resourceNames: \["b"\], verbs: \["patch"\] \}\n- \{.* verbs: \["list"\] \}\.$/,
    );
    return true;
  });
});

test('one who may not ask is not refused for that, and other answers are not swallowed', async () => {
  const refusing = (status: number) => ({
    kube: fakeKube({
      create: () => Promise.reject(new KubeStatusError({ status, reason: 'x', message: 'no' })),
    }),
  });
  for (const status of [403, 404, 405]) await requireRights(wanted, refusing(status));
  await assert.rejects(requireRights(wanted, refusing(500)), KubeStatusError);
});
