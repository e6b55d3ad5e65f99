import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Files } from '@zakenak/core';
import type { ChartSources } from './chart-sources.ts';
import { judgeRenderings } from './judge-rendering.ts';
import { splitRendered } from './manifests.ts';
import { mergeRaw } from './raw-finding.ts';

/** A chart that makes one object of many containers, or many objects of one, and what its renderings are placed with. */
function makeLargeChart(shape: 'values' | 'template' | 'objects', count: number) {
  const pod = (name: string) =>
    `apiVersion: v1\nkind: Pod\nmetadata: { name: ${name} }\nspec:\n  containers:\n`;
  const containers = '    - { name: a, image: nginx }\n'.repeat(count);
  const one = { 'values.yaml': 'containers:\n  - a: 1\n', 'Chart.yaml': 'name: web\n' };
  const source = '---\n# Source: web/templates/a.yaml\n';
  const made = {
    values: {
      files: {
        ...one,
        'values.yaml': `containers:\n${'  - { name: a, image: nginx }\n'.repeat(count)}`,
        'templates/a.yaml': `${pod('a')}    {{- toYaml .Values.containers | nindent 4 }}\n`,
      },
      output: `${source}${pod('a')}${containers}`,
    },
    template: {
      files: { ...one, 'templates/a.yaml': `${pod('a')}${containers}` },
      output: `${source}${pod('a')}${containers}`,
    },
    objects: {
      files: { ...one, 'templates/a.yaml': `${pod('{{ . }}')}    - { name: a, image: nginx }\n` },
      output: Array.from(
        { length: count },
        (_, index) => `${source}${pod(`n${index}`)}    - { name: a, image: nginx }\n`,
      ).join(''),
    },
  }[shape];
  const texts = new Map(Object.entries(made.files).map(([name, text]) => [`charts/web/${name}`, text]));
  const files = {
    stat: async (path: string) => (texts.has(path) ? { kind: 'file' } : undefined),
    readText: async (path: string) => texts.get(path),
  } as unknown as Files;
  const sources: ChartSources = {
    chart: { folder: 'charts/web', name: 'web', localDependencies: [] },
    isLibrary: false,
    path: 'charts/web',
    names: new Set(Object.keys(made.files)),
    origins: new Map(),
    subcharts: [],
    aliases: new Map(),
    foreignReferences: new Map(),
  };
  return { sources, files, objects: splitRendered(made.output) };
}

test('a chart of ten thousand findings is judged in a time that grows with it', async () => {
  for (const shape of ['values', 'template', 'objects'] as const) {
    const { sources, files, objects } = makeLargeChart(shape, 12_000);
    const rendering = {
      version: '1.34.4',
      combination: 'defaults',
      values: undefined,
      objects,
      failures: [],
      isOverLimit: false,
    };
    const started = performance.now();
    const raw = await judgeRenderings(sources, [rendering], () => [], new Set(['unpinned-image']), { files });
    const findings = mergeRaw(raw);
    assert.ok(performance.now() - started < 4_000, shape);
    assert.equal(raw.length, 12_000, shape);
    assert.equal(findings.length, shape === 'values' ? 1 : 12_000);
    const at = findings.at(-1)?.location;
    const place = {
      values: 'templates/a.yaml:5',
      template: 'templates/a.yaml:12005',
      objects: 'templates/a.yaml:6',
    };
    assert.equal(`${at?.path}:${at?.startLine}`, `charts/web/${place[shape]}`);
  }
});
