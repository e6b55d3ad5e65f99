import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { encodeRelease, type HelmRelease } from './helm-release.ts';
import { chartForRecord, encodeRecord, recordRemarks } from './record-size.ts';

const mebibyte = 1_048_576;

// Random bytes do not pack: their base64 is packed to no more than they were, and that is put into base64 again.
const filler = (bytes: number): string => randomBytes((bytes * 3) / 4).toString('base64');

function releaseOf(sizes: {
  readonly files?: number;
  readonly templates?: number;
  readonly schema?: number;
  readonly manifest?: number;
}): HelmRelease {
  const file = (name: string, bytes = 0) => (bytes ? [{ name, data: filler(bytes) }] : []);
  return {
    name: 'web',
    info: { status: 'pending-install' },
    chart: {
      metadata: { name: 'web', version: '1.0.0' },
      lock: null,
      templates: file('templates/a.yaml', sizes.templates),
      values: { a: 1 },
      schema: sizes.schema ? filler(sizes.schema) : null,
      files: file('model.bin', sizes.files),
    },
    manifest: sizes.manifest ? filler(sizes.manifest) : '',
    version: 1,
    namespace: 'shop',
  };
}

for (const [what, sizes, leftOut] of [
  ['is small stays whole', { files: 1_000, templates: 1_000, schema: 1_000 }, ''],
  ['nearly fills a Secret stays whole', { files: 400_000, templates: 400_000, manifest: 200_000 }, ''],
  ['is too large goes without the files', { files: 1_200_000, templates: 1_000 }, 'the chart’s files'],
  [
    'is still too large goes without the templates',
    { files: 100, templates: 1_200_000, schema: 1_000 },
    'the chart’s files and templates',
  ],
  [
    'has a huge schema goes without it',
    { schema: 1_200_000, manifest: 700_000 },
    'the chart’s files, templates and schema',
  ],
] as const)
  test(`a chart that ${what}`, () => {
    const release = releaseOf(sizes);
    const recorded = chartForRecord(release);
    assert.equal(recorded.leftOut, leftOut);
    if (leftOut === '') assert.deepEqual(recorded.chart, release.chart);
    const { files, templates, schema } = recorded.chart;
    assert.equal(files.length > 0, leftOut === '' && 'files' in sizes);
    assert.equal(templates.length > 0, !/templates/.test(leftOut) && 'templates' in sizes);
    assert.equal(schema !== null, !/schema/.test(leftOut) && 'schema' in sizes);
    assert.deepEqual(recorded.chart.values, { a: 1 }, 'helm get values --all shows them');
    assert.ok(encodeRelease({ ...release, chart: recorded.chart }).length <= mebibyte);
    assert.deepEqual(
      recordRemarks([{ planned: { name: 'web' }, recorded }]).map((text) => text.includes(leftOut)),
      leftOut ? [true] : [],
    );
  });

test('what no record can hold is named with its size, the limit and what to do', () => {
  assert.throws(() => chartForRecord(releaseOf({ manifest: 1_200_000, files: 5_000 })), {
    code: 'rollout/record-too-large',
    exitCode: 2,
    message: /'web' takes 1[1-3]\d\d KiB, .*; 1008 KiB fit/,
    remedy: /^Split the chart/,
  });
});

test('a plan leaves room for what is written into the record later', () => {
  const release = releaseOf({ manifest: 1_030_000 });
  assert.throws(() => chartForRecord(release), { code: 'rollout/record-too-large' });
  assert.ok(encodeRecord(release).length <= mebibyte, 'what was planned before can still be written');
});
