import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Files } from '@zakenak/core';
import { missingFile } from './missing-file.ts';

const found = ['values/api.yaml', 'values/web.yaml', 'old/prod.yaml', 'charts/web/Chart.yaml'];

const told = (file: string, holding?: 'Chart.yaml') => {
  const glob: Files['glob'] = async ([pattern = '']) =>
    found.filter((path) => path.endsWith('Chart.yaml') === (pattern === '**/Chart.yaml'));
  const missing = {
    file,
    path: `/w/${file}`,
    namedBy: 'values of the release web',
    ...(holding ? { holding } : {}),
  };
  return missingFile(missing, { files: { glob } as Files });
};

test('a file that is not there is told with the key that names it and where it was looked for', async () => {
  const { code, message, exitCode } = await told('values/nothing.yaml');
  assert.deepEqual([code, exitCode], ['rollout/missing-file', 2]);
  assert.match(
    message,
    /^`values` of the release web in zakenak.yaml names values\/nothing.yaml,.*\/w\/values\//,
  );
});

test('what is called alike is offered: another suffix, a letter more, or the same name in another folder', async () => {
  for (const [file, near] of [
    ['values/web.yml', 'values/web.yaml'],
    ['./values/webb.yaml', 'values/web.yaml'],
    ['values/prod.yaml', 'old/prod.yaml'],
  ] as const)
    assert.match((await told(file)).remedy, new RegExp(`^Write ${near} `), file);
  assert.match((await told('charts/wb', 'Chart.yaml')).remedy, /^Write charts\/web /);
  assert.match((await told('values/nothing.yaml')).remedy, /^Correct the path/);
});
