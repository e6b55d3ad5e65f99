import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Files } from '@zakenak/core';
import { findUnusedValues } from './unused-values.ts';

const unusedIn = async (text: string, releases: readonly string[]): Promise<readonly string[]> => {
  const files = {
    resolve: async (path: string) => path,
    readText: async () => text,
  } as Partial<Files> as Files;
  const values = [{ values: {} }, { file: 'own.yaml' }, { file: 'prod.yaml', release: 'web', releases }];
  const findings = await findUnusedValues([{ values }, { values }, {}], { files });
  assert.ok(
    findings.every(({ ruleId, severity }) => ruleId === 'rollout/unused-values' && severity === 'medium'),
  );
  return findings.map(({ location }) => `${location?.path}:${location?.startLine}`);
};

test('values under a name that no release has are told once, with their line', async () => {
  assert.deepEqual(await unusedIn('web: {}\nglobal: {}\nsearch-old: { a: 1 }\n', ['web', 'search']), [
    'prod.yaml:3',
  ]);
  assert.deepEqual(await unusedIn('web: {}\nsops: {}\n', ['web']), []);
  assert.deepEqual(await unusedIn('', ['web']), []);
});

test('what is there for others to use is not', async () => {
  const text = 'small: &small { b: 2 }\nx-large: { b: 9 }\n_tiny: {}\n.hidden: {}\nweb: *small\n';
  assert.deepEqual(await unusedIn(text, ['web']), []);
});
