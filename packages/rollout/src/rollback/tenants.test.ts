import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KubeApi, KubeStatusError } from '@zakenak/core';
import { fakeKube, listsOf, objectOf } from '../testing/objects.ts';
import { findTenants } from './tenants.ts';

const kindOf = (kind: string) => ({
  apiVersion: 'v1',
  kind,
  resource: `${kind.toLowerCase()}s`,
  namespaced: true,
  verbs: ['list'],
  subresources: [],
});

test('a kind that may not be listed may hold something of others, one that is not served any more does not', async () => {
  const refusals: Readonly<Record<string, number>> = { Secret: 403, ConfigMap: 404 };
  const list: KubeApi['list'] = async ({ kind }) => {
    const status = refusals[kind];
    if (status !== undefined) throw new KubeStatusError({ status, reason: '', message: 'refused' });
    return { items: [], resourceVersion: '1' };
  };
  const resources: KubeApi['resources'] = async () => ['Secret', 'ConfigMap', 'Service'].map(kindOf);
  const tenants = await findTenants(
    'shop',
    { releases: [], set: 'shop', rollout: 'one' },
    { kube: fakeKube({ list, resources }) },
  );
  assert.deepEqual(tenants, ['Secret objects that cannot be listed (403)']);
});

test('what others have of an API whose server does not answer is not known', async () => {
  const tenants = await findTenants(
    'shop',
    { releases: [], set: 'shop', rollout: 'one' },
    { kube: fakeKube({ resources: async () => [], unavailableApis: async () => ['things.example.com/v1'] }) },
  );
  assert.deepEqual(tenants, ['objects of things.example.com/v1, whose server does not answer']);
});

test('what people, their scripts and other deployers made is of others, what controllers made is nobody’s', async () => {
  const made = (manager: string, ownerReferences: readonly object[] = []) =>
    objectOf('v1', 'ConfigMap', {
      metadata: {
        name: manager,
        ownerReferences,
        managedFields: [{ manager, operation: 'Update' }],
      } as object,
    });
  const others = ['kubectl-create', 'HashiCorp', 'Terraform', 'OpenAPI-Generator', 'kluctl', 'helm', 'curl'];
  const controllers = ['kube-controller-manager', 'cert-manager-certificates-issuing', 'pilot-discovery'];
  const items = [...others, ...controllers].map((manager) => made(manager));
  const kube = fakeKube({
    list: listsOf({ ConfigMap: [...items, made('kubectl-owned', [{ uid: 'a' }])] }),
    resources: async () => [kindOf('ConfigMap')],
  });
  const leaving = { releases: [], set: 'shop', rollout: 'one' };
  assert.deepEqual(
    await findTenants('shop', leaving, { kube }),
    others.map((manager) => `ConfigMap shop/${manager}`).sort(),
  );
});
