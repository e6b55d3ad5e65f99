import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { ProcessRunner } from '@zakenak/core';
import { bad, deployment, lintFiles, runner } from './lint-fixture.ts';

/** Nested lists of which each holds the one before nine times: a few hundred bytes that are a thousand million values. */
const bomb = 'abcdefghij'
  .split('')
  .map((name, index, names) => {
    const inner = index === 0 ? 'x' : `*${names[index - 1]}`;
    return `${name}: &${name} [${Array(9).fill(inner).join(', ')}]\n`;
  })
  .join('');

/** The real programs, with less time. */
const hurried = (timeoutMs: number): ProcessRunner => ({
  run: (command, signal) =>
    runner.run({ ...command, timeoutMs: Math.min(timeoutMs, command.timeoutMs ?? timeoutMs) }, signal),
});

async function timed<T>(mostMs: number, body: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const before = process.memoryUsage.rss();
  const done = await body();
  const took = performance.now() - started;
  assert.ok(took < mostMs, `it took ${Math.round(took)} ms`);
  assert.ok(process.memoryUsage.rss() - before < 600 * 1024 * 1024);
  return done;
}

const configMap = (data: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata:\n  a: ${data}\n`;

suite('a chart that means harm to its linter', () => {
  for (const [name, files, rule] of [
    ['a bomb in its values', { 'charts/web/values.yaml': `${bomb}replicas: 1\n` }, 'charts/render-failed'],
    ['a bomb in another values file', { 'charts/web/ci/a-values.yaml': bomb }, 'charts/render-failed'],
    [
      'a bomb in its Chart.yaml',
      { 'charts/web/Chart.yaml': `${bomb}apiVersion: v2\nname: web\nversion: 0.1.0\n` },
      'charts/unreadable-chart',
    ],
    [
      'a bomb that it renders',
      { 'charts/web/templates/a.yaml': `${bomb}apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n` },
      'charts/invalid-yaml',
    ],
    [
      'a bomb in a definition',
      {
        'charts/web/crds/a.yaml': `${bomb}apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n`,
      },
      'charts/',
    ],
    [
      'a template that prints without end',
      { 'charts/web/templates/a.yaml': configMap('"{{ range until 1000000000 }}x{{ end }}"') },
      'charts/over-limit',
    ],
    [
      'a template that includes itself',
      { 'charts/web/templates/a.yaml': '{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}' },
      'charts/template-error',
    ],
    [
      'an object that no API server takes',
      { 'charts/web/templates/a.yaml': configMap('{{ repeat 4000000 "x" }}') },
      'charts/too-large',
    ],
    [
      'a file name of two lines',
      { 'charts/web/templates/a\n::error::x.yaml': configMap('b') },
      'charts/file-name',
    ],
  ] as const)
    test(`has ${name}: told within bounds, and the next chart is linted`, async (t) => {
      const next = { 'charts/next/Chart.yaml': 'apiVersion: v2\nname: next\nversion: 0.1.0\n' };
      const broken = { 'charts/next/templates/a.yaml': configMap('[1]') };
      const report = await timed(60_000, () => lintFiles(t, { ...files, ...next, ...broken }));
      const rules = bad(report).filter((text) => text.includes('charts/web/'));
      assert.ok(
        rules.some((text) => text.startsWith(rule)),
        JSON.stringify(report.findings, null, 1),
      );
      assert.equal(report.verdict, 'failed');
      assert.ok(bad(report).includes('charts/invalid-manifest charts/next/templates/a.yaml:5'));
    });

  test('takes for ever: its other renderings are not tried, and the next chart is linted', async (t) => {
    const files = {
      'charts/web/templates/a.yaml': configMap('"{{ range 1000000000000 }}{{ end }}"'),
      'charts/next/Chart.yaml': 'apiVersion: v2\nname: next\nversion: 0.1.0\n',
      'charts/next/templates/a.yaml': configMap('[1]'),
      ...Object.fromEntries(
        Array.from({ length: 40 }, (_, index) => [`charts/web/ci/${index}-values.yaml`, '']),
      ),
    };
    const report = await timed(45_000, () => lintFiles(t, files, { process: hurried(4_000) }));
    assert.deepEqual(bad(report), [
      'charts/invalid-manifest charts/next/templates/a.yaml:5',
      'charts/over-limit charts/web/Chart.yaml:',
    ]);
  });

  test('has 10,000 faults: each is found on its own line', async (t) => {
    const containers = Array.from(
      { length: 10_000 },
      (_, index) => `        - name: c${index}\n          image: i${index}:1\n          field${index}: 1\n`,
    );
    const template = deployment.replace(/ {8}- name: web[\s\S]*$/, containers.join(''));
    const first = template.split('\n').findIndex((line) => line.includes('field0:'));
    const report = await timed(60_000, () =>
      lintFiles(t, { 'charts/web/templates/deployment.yaml': template }),
    );
    const unknown = report.findings.filter(({ message }) => message.includes("additional properties 'field"));
    assert.equal(unknown.length, 10_000);
    for (const { message, location } of unknown) {
      const index = Number(/'field(\d+)'/.exec(message)?.[1]);
      assert.equal(location?.startLine, first + 1 + 3 * index);
    }
    const probes = report.findings.filter(({ ruleId }) => ruleId === 'charts/no-probes');
    assert.equal(probes.length, 10_000);
    assert.equal(new Set(probes.map(({ location }) => location?.startLine)).size, 10_000);
  });

  test('names a definition like a file of the machine: nothing is written there', async (t) => {
    const outside = await mkdtemp(join(tmpdir(), 'zakenak-outside-'));
    t.after(() => rm(outside, { recursive: true }));
    const up = `${'../'.repeat(12)}${outside.slice(1)}/planted`;
    const definition = (group: string, kind: string) =>
      `apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: a }\nspec:\n  group: ${group}\n  names: { kind: ${kind} }\n  versions: [{ name: v1, schema: { openAPIV3Schema: { type: object } } }]\n`;
    await lintFiles(t, {
      'charts/web/crds/a.yaml': definition('example.com', up),
      'charts/web/crds/b.yaml': definition(up, 'Thing'),
    });
    assert.deepEqual(await readdir(outside), []);
  });

  test('forges where its output comes from: nothing but its own files is read', async (t) => {
    const report = await lintFiles(t, {
      'charts/web/templates/a.yaml':
        '# Source: web/../../../../../../etc/passwd\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: [1]\n',
      'charts/web/templates/b.yaml':
        'apiVersion: v1\nkind: ZakenakFrame\nmetadata: { name: n1 }\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: b }\ndata: [1]\n',
      'charts/web/templates/::error::c.yaml': configMap('[1]'),
    });
    assert.deepEqual(bad(report), [
      'charts/invalid-manifest charts/web/templates/::error::c.yaml:5',
      'charts/invalid-manifest charts/web/templates/a.yaml:5',
      'charts/invalid-manifest charts/web/templates/b.yaml:8',
    ]);
  });
});
