import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ZakenakError } from '@zakenak/core';
import { resolveEnvironment } from './environment.ts';
import { InvalidConfigError } from './errors.ts';
import { parseConfig } from './parse.ts';
import { renderConfigJsonSchema } from './schema.ts';

const good = `project: platform
environments:
  prod:
    cluster: { context: kind-prod, minVersion: "1.25" }
    values: [values/prod.yaml]
  sandbox:
    cluster: { context: zakenak-sandbox }
    namespace: platform
deploy:
  releases:
    - { name: cert-manager, chart: "oci://quay.io/jetstack/charts/cert-manager", environments: [prod] }
    - name: ollama
      chart: helm-charts/ollama
      needs: [cert-manager]
      gpu: { count: 1, minMemory: 12Gi }
smoke: { level: inference, model: "deepseek-r1:14b" }
`;

function problemsOf(source: string): readonly string[] {
  try {
    parseConfig(source);
  } catch (thrown) {
    assert.ok(thrown instanceof InvalidConfigError, String(thrown));
    return thrown.findings.map(
      ({ location, message }) => `${location?.startLine}:${location?.startColumn} ${message}`,
    );
  }
  return [];
}

test('an environment has its releases, namespaces and no needs that live elsewhere', () => {
  const { config, findings } = parseConfig(good);
  assert.deepEqual(findings, []);
  const { releases } = resolveEnvironment(config, 'sandbox');
  assert.deepEqual(
    releases.map(({ name, namespace, needs }) => ({ name, namespace, needs })),
    [{ name: 'ollama', namespace: 'platform', needs: [] }],
  );
  assert.deepEqual(
    resolveEnvironment(config, 'prod').releases.map(({ name }) => name),
    ['cert-manager', 'ollama'],
  );
  assert.throws(() => resolveEnvironment(config, 'prd'), {
    code: 'config/unknown-environment',
    remedy: 'Use --environment prod.',
  });
  assert.throws(() => resolveEnvironment(config), { code: 'config/unknown-environment' });
  for (const name of ['constructor', '__proto__', 'toString'])
    assert.throws(() => resolveEnvironment(config, name), { code: 'config/unknown-environment' });
});

test('every unknown key is named with line, column and the nearest known key', () => {
  const problems = problemsOf(
    good.replace('chart: helm-charts/ollama', 'chrat: helm-charts/ollama').replace('smoke:', 'smok:'),
  );
  assert.ok(problems.includes("13:7 unknown key 'chrat'; did you mean 'chart'?"), problems.join('\n'));
  assert.ok(problems.includes("16:1 unknown key 'smok'; did you mean 'smoke'?"), problems.join('\n'));
});

test('malformed YAML is refused with its position', () => {
  assert.throws(
    () => parseConfig('project: a\nproject: b\n'),
    (thrown) => {
      assert.ok(thrown instanceof ZakenakError);
      assert.equal(thrown.code, 'config/invalid-yaml');
      assert.match(thrown.message, /^zakenak\.yaml:2:1: duplicated mapping key/);
      return true;
    },
  );
  assert.throws(() => parseConfig('a: [1\nb: 2'), { code: 'config/invalid-yaml', exitCode: 2 });
});

test('wrong types, unknown needs, doubled names and circles are found at their place', () => {
  assert.deepEqual(problemsOf(good.replace('count: 1', 'count: lots')), [
    '15:21 deploy.releases.1.gpu.count must be integer',
  ]);
  assert.deepEqual(problemsOf(good.replace('needs: [cert-manager]', 'needs: [cert-manger]')), [
    "14:15 there is no release 'cert-manger'; did you mean 'cert-manager'?",
  ]);
  assert.match(
    problemsOf(good.replace('name: cert-manager', 'name: ollama')).join(),
    /'ollama' is there twice/,
  );
  const circle = good.replace('environments: [prod]', 'environments: [prod], needs: [ollama]');
  assert.match(problemsOf(circle).join(), /in a circle: cert-manager -> ollama -> cert-manager/);
});

test('what is written in the wrong way comes with how to write it', () => {
  const remedyOf = (from: string, to: string) => {
    const text = good.replace(from, to);
    assert.notEqual(text, good);
    try {
      parseConfig(text);
    } catch (thrown) {
      return (thrown as ZakenakError).remedy;
    }
    return assert.fail('it was taken');
  };
  assert.equal(remedyOf('needs: [cert-manager]', 'needs: cert-manager'), 'Write a list: put it in brackets.');
  assert.equal(remedyOf('project: platform', 'project: 12'), 'Put it in quotes.');
  assert.match(remedyOf('project: platform', 'project: A_b'), /Lower-case letters, digits and dashes\./);
  assert.match(remedyOf('smoke: {', 'smoke: { timeout: 30,'), /Written 90s, 5m or 1h30m\./);
  assert.match(
    remedyOf('gpu: { count: 1', 'gpu: 1 #'),
    /^Write a map of keys, of which there are count, minMemory/,
  );
});

test('no release has the name that the plain manifests’ release has', () => {
  const twice = good
    .replace('  releases:', '  manifests: [a/]\n  releases:')
    .replaceAll('cert-manager', 'manifests');
  assert.deepEqual(problemsOf(twice), ["12:15 the release of deploy.manifests is called 'manifests' too"]);
  assert.deepEqual(problemsOf(good.replaceAll('cert-manager', 'manifests')), []);
});

test('the keys of the first Zakenak load with a deprecation each', () => {
  const old = `project: web
environment: dev
registry: localhost:5000
deploy: { namespace: web, charts: [./charts/web], values: [values.yaml] }
build: { context: ., dockerfile: Dockerfile, args: { A: b }, gpu: true }
git: { branch: main, paths: [charts], strategy: rebase }
`;
  const { config, findings } = parseConfig(old);
  assert.deepEqual(findings.map(({ location }) => location?.startLine ?? 0).sort(), [2, 4, 4, 5, 6]);
  assert.deepEqual(config.deploy?.releases, [
    { name: 'web', chart: './charts/web', values: ['values.yaml'] },
  ]);
  assert.deepEqual(config.build?.[0]?.gpu, { enabled: true });
  assert.equal(resolveEnvironment(config).environment.cluster.context, 'current');
});

test('alias bombs and huge files are refused quickly', () => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'
    .split('')
    .map((key, index) => `${key}: &${key} [${`*${'abcdefg'[index]},`.repeat(20)}]`)
    .join('\n')}`;
  const start = performance.now();
  assert.throws(() => parseConfig(bomb), ZakenakError);
  assert.throws(() => parseConfig(`project: ${'a'.repeat(2_000_000)}`), { code: 'config/invalid-yaml' });
  assert.ok(performance.now() - start < 2_000);
});

test('random edits never throw anything but a ZakenakError', () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed % below;
  };
  for (let round = 0; round < 500; round += 1) {
    const at = random(good.length);
    const noise =
      ['{', '}', '[', ':', '\n', '- ', '"', '&a', '*a', '!!x', '\t', '0', '\u0000'][random(13)] ?? '';
    const source = good.slice(0, at) + noise + good.slice(at + random(12));
    try {
      parseConfig(source);
    } catch (thrown) {
      assert.ok(thrown instanceof ZakenakError, `${thrown}\n${source}`);
    }
  }
});

test('the JSON Schema for editors is up to date', () => {
  const written = readFileSync(new URL('../zakenak.schema.json', import.meta.url), 'utf8');
  assert.equal(written, renderConfigJsonSchema(), 'run npm run generate');
});
