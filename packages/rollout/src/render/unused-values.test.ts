import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRedactor, type Files, type ProcessRunner } from '@zakenak/core';
import { parseYaml } from '../objects/manifest.ts';
import { noted } from '../testing/objects.ts';
import { findUnusedValues } from './unused-values.ts';
import { createValuesFiles, type ReadValuesFile, readValues } from './values.ts';

const unusedIn = async (text: string, releases: readonly string[]): Promise<readonly string[]> => {
  const read: ReadValuesFile = async () => ({ text, values: { ...(parseYaml(text, '')[0] ?? {}) } });
  const values = [{ values: {} }, { file: 'own.yaml' }, { file: 'prod.yaml', release: 'web', releases }];
  const findings = await findUnusedValues([{ values }, { values }, {}], read);
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

test('a file for several releases is read once for all that ask', async () => {
  const asked: string[] = [];
  const files = {
    resolve: async (path: string) => path,
    readText: async (path: string) => noted(asked, path) && 'web: { a: 1 }\ndb: { b: 2 }\nold: {}\n',
  } as Partial<Files> as Files;
  const process: ProcessRunner = { run: () => assert.fail('no program is needed') };
  const ports = { files, process, redactor: createRedactor() };
  const read = createValuesFiles(ports);
  const releases = ['web', 'db'];
  const layersOf = (release: string) => [{ file: 'prod.yaml', release, releases }];
  const values = releases.map((release) => readValues(layersOf(release), ports, undefined, { read }));
  assert.deepEqual(await Promise.all(values), [{ a: 1 }, { b: 2 }]);
  const unused = await findUnusedValues(
    releases.map((release) => ({ values: layersOf(release) })),
    read,
  );
  assert.equal(unused.length, 1);
  assert.deepEqual(asked, ['prod.yaml']);
});
