import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRedactor, KubeStatusError } from '@zakenak/core';
import { fakeClock } from '@zakenak/core/testing';
import { createKinds } from '../kinds/kinds.ts';
import type { HelmHook } from '../state/helm-release.ts';
import { condition, fakeKube, objectOf } from '../testing/objects.ts';
import { createObserver } from '../wait/observer.ts';
import { runHooks } from './run-hooks.ts';

const hook = (spec: string, deletePolicies: readonly string[]): HelmHook => ({
  name: 'migrate',
  kind: 'Job',
  path: 'templates/migrate.yaml',
  manifest: `apiVersion: batch/v1\nkind: Job\nmetadata: { name: migrate }\nspec: { ${spec} }\n`,
  events: ['pre-upgrade'],
  last_run: { phase: '' },
  delete_policies: deletePolicies,
});

/** How often the end of the event is noted when its one hook, which completes at once, has run. */
async function notesOf(spec: string, ...deletePolicies: readonly string[]): Promise<number> {
  const status = { conditions: [condition('Complete', 'True')] };
  let isThere = false;
  const kube = fakeKube({
    get: async () => undefined,
    create: async (object) => {
      isThere = true;
      return { ...object, status };
    },
    delete: async () => {
      const was = isThere;
      isThere = false;
      return was;
    },
  });
  const ports = { kube, clock: fakeClock(), progress: { emit: () => {} }, redactor: createRedactor() };
  await using observer = createObserver(ports);
  let notes = 0;
  const endedHooks = {
    has: () => false,
    add: async () => {
      notes += 1;
    },
  };
  const owner = { name: 'web', namespace: 'shop', timeoutMs: 1_000, kinds: createKinds([], []) };
  const context = { ports, observer, signal: new AbortController().signal, rollout: 'one', endedHooks };
  await runHooks({ ...owner, hooks: [hook(spec, deletePolicies)] }, 'pre-upgrade', context, async () => {});
  return notes;
}

test('the end of an event is noted where a hook of it is removed, by its policy or by itself', async () => {
  assert.equal(await notesOf('backoffLimit: 0', 'hook-succeeded'), 1);
  assert.equal(await notesOf('ttlSecondsAfterFinished: 0', 'before-hook-creation'), 1);
  assert.equal(await notesOf('backoffLimit: 0', 'before-hook-creation'), 0);
});

test('what is in the way of a hook is none of its runs: no policy for failed ones removes it', async () => {
  const conflict = new KubeStatusError({
    status: 409,
    reason: 'AlreadyExists',
    message: 'jobs "migrate" already exists',
  });
  const kube = fakeKube({
    get: async () => objectOf('batch/v1', 'Job', { metadata: { name: 'migrate', uid: 'mine' } }),
    create: async () => {
      throw conflict;
    },
  });
  const ports = { kube, clock: fakeClock(), progress: { emit: () => {} }, redactor: createRedactor() };
  await using observer = createObserver(ports);
  const owner = { name: 'web', namespace: 'shop', timeoutMs: 1_000, kinds: createKinds([], []) };
  const context = { ports, observer, signal: new AbortController().signal, rollout: 'one' };
  const hooks = [hook('backoffLimit: 0', ['hook-failed'])];
  await assert.rejects(
    runHooks({ ...owner, hooks }, 'pre-upgrade', context, async () => {}),
    /already exists/,
  );
});
