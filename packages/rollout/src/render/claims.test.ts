import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkClaims } from './claims.ts';

test('no release renders what the set’s state is kept in, and no hook of one is created or deleted in its place', () => {
  const claim = (kind: string, name: string) => {
    const object = { apiVersion: 'v1', kind, metadata: { name, namespace: 'default' } };
    return { objects: [object], hooks: [{ kind, name }] };
  };
  for (const [kind, name] of [
    ['Secret', 'sh.helm.release.v1.web.v3'],
    ['Secret', 'zakenak.journal.platform-prod'],
    ['ConfigMap', 'zakenak.audit.platform-prod'],
    ['ConfigMap', 'zakenak.held.platform-prod'],
    ['Lease', 'zakenak.platform-prod'],
  ] as const) {
    const { objects, hooks } = claim(kind, name);
    for (const rendered of [
      { objects, hooks: [] },
      { objects: [], hooks },
    ])
      assert.throws(() => checkClaims([{ name: 'web', ...rendered }]), { code: 'rollout/own-books' }, name);
  }
  const [job, again] = [claim('Job', 'zakenak.platform-prod'), claim('Job', 'other')];
  checkClaims([{ name: 'web', ...job, ...{ hooks: [...job.hooks, ...again.hooks] } }]);
});
