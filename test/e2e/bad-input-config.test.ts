import assert from 'node:assert/strict';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { assertCoded, assertTidy, type Coded, makeWorkspace, reportOf, runCli } from './cli-fixture.ts';

const good = 'project: demo\nenvironments:\n  prod: { cluster: { context: kind-prod } }\n';

/** What zakenak.yaml holds, and what the run has to come to. */
const broken: Readonly<Record<string, { readonly text: string } & Coded>> = {
  'an unknown key at the top is found with line, column and the nearest key': {
    text: `projet: demo\n${good}`,
    code: 'config/invalid',
    exitCode: 2,
    message: /^zakenak\.yaml:1:1: unknown key 'projet'; did you mean 'project'\?$/,
    remedy: /Write 'project'/,
  },
  'an unknown key deep in a list is found with line and column': {
    text: `${good}deploy:\n  releases:\n    - name: a\n      chart: a\n      namespce: b\n`,
    code: 'config/invalid',
    exitCode: 2,
    message: /^zakenak\.yaml:8:7: unknown key 'namespce'; did you mean 'namespace'\?$/,
  },
  'several mistakes are told at once': {
    text: `${good}registery: x\ngit: { branch: 7 }\n`,
    code: 'config/invalid',
    exitCode: 2,
    message: /zakenak\.yaml:4:1: unknown key 'registery'.*\nzakenak\.yaml:5:16: git\.branch /,
  },
  'a bracket that is never closed is told with its position': {
    text: `${good}build: [\n`,
    code: 'config/invalid-yaml',
    exitCode: 2,
    message: /^zakenak\.yaml:5:1: /,
  },
  'a tab for indentation is told with its position': {
    text: `${good}deploy:\n\tnamespace: a\n`,
    code: 'config/invalid-yaml',
    exitCode: 2,
    message: /^zakenak\.yaml:5:\d+: /,
  },
  'a key that is there twice is told with its position': {
    text: `${good}project: other\n`,
    code: 'config/invalid-yaml',
    exitCode: 2,
    message: /^zakenak\.yaml:4:1: .*duplicate/i,
  },
  'aliases that multiply are refused': {
    text: `a0: &a0 [x, x]\n${Array.from({ length: 30 }, (_, level) => `a${level + 1}: &a${level + 1} [${`*a${level}, `.repeat(9)}*a${level}]\n`).join('')}`,
    code: 'config/invalid-yaml',
    exitCode: 2,
    message: /alias/i,
  },
  'nesting without end is refused': {
    text: `${good}build: ${'['.repeat(20_000)}\n`,
    code: 'config/invalid-yaml',
    exitCode: 2,
  },
  'two documents in one file are refused': {
    text: `${good}---\n${good}`,
    code: 'config/invalid-yaml',
    exitCode: 2,
  },
  'a tag that would make an object is refused': {
    text: `project: !!js/function "function () {}"\n`,
    code: 'config/invalid-yaml',
    exitCode: 2,
    message: /^zakenak\.yaml:1:\d+: /,
  },
  'an empty file is no configuration': {
    text: '',
    code: 'config/invalid-yaml',
    exitCode: 2,
    message: /^zakenak\.yaml:1:1: .*empty/,
  },
  'a list is no configuration': {
    text: '- a\n',
    code: 'config/invalid',
    exitCode: 2,
    message: /zakenak\.yaml:1:1/,
  },
  'control characters are no YAML': { text: 'project: \u0000\n', code: 'config/invalid-yaml', exitCode: 2 },
  'a file without end is refused': {
    text: `${good}# ${'x'.repeat(1_100_000)}\n`,
    code: 'config/invalid-yaml',
    exitCode: 2,
    message: /1 MiB/,
  },
  'releases that need each other in a circle are found': {
    text: `${good}deploy:\n  releases:\n    - { name: a, chart: a, needs: [b] }\n    - { name: b, chart: b, needs: [a] }\n`,
    code: 'config/invalid',
    exitCode: 2,
    message: /^zakenak\.yaml:6:35: releases need each other in a circle: a -> b -> a$/,
  },
};

suite('zakenak.yaml', { concurrency: 4 }, () => {
  for (const [name, { text, ...wanted }] of Object.entries(broken)) {
    test(name, async (t) => {
      const workspace = await makeWorkspace(t, { 'zakenak.yaml': text });
      const before = workspace.snapshot();
      const outcome = await runCli(['lint', '--json', '--directory', workspace.root]);
      const { findings } = assertCoded(outcome, wanted);
      if (wanted.code === 'config/invalid') {
        assert.ok(findings.length > 0, 'each mistake is a finding too');
        for (const { location } of findings) {
          assert.equal(location?.path, 'zakenak.yaml');
          assert.ok((location?.startLine ?? 0) > 0 && (location?.startColumn ?? 0) > 0);
        }
      }
      assert.deepEqual(workspace.snapshot(), before);
    });
  }

  test('a key with a terminal escape cannot steer the terminal', async (t) => {
    const { root } = await makeWorkspace(t, { 'zakenak.yaml': `"\\e[2J\\a\\n::error::x": 1\n${good}` });
    const { stdout, stderr, exitCode } = await runCli(['lint', '--directory', root]);
    assert.equal(exitCode, 2);
    assert.match(stdout, /unknown key '\\x1b\[2J/);
    assert.doesNotMatch(stdout + stderr, /[\u0000-\u0008\u000b-\u001f]|^\s*::/m);
  });

  test('the keys of the first Zakenak are taken, and each is told with its place and its successor', async (t) => {
    const first = [
      'project: demo',
      'environment: prod',
      'registry: localhost:5000',
      'deploy:',
      '  namespace: apps',
      '  charts: [charts/web]',
      '  values: [values.yaml]',
      'build:',
      '  context: .',
      '  gpu: true',
      'git: { branch: main, strategy: rebase }',
    ].join('\n');
    const { root } = await makeWorkspace(t, { 'zakenak.yaml': `${first}\n` });
    const outcome = await runCli(['check', '--only', 'config', '--json', '--directory', root]);
    assert.equal(outcome.exitCode, 0, outcome.stderr);
    const [config] = reportOf(outcome).parts;
    const told = config?.findings.map(({ ruleId, location, remedy }) => {
      assert.ok(remedy);
      return `${ruleId} ${location?.startLine}:${location?.startColumn}`;
    });
    assert.deepEqual(
      told,
      [2, 6, 7, 8]
        .map((line) => `config/deprecated-key ${line}:${line === 6 || line === 7 ? 3 : 1}`)
        .concat('config/deprecated-key 11:22'),
    );
    const lint = await runCli(['lint', '--directory', root]);
    assert.match(
      lint.stderr,
      /zakenak\.yaml:2:1: `environment` is the first Zakenak’s way/,
      'other verbs tell it too',
    );
  });

  test('an environment that does not exist is told with the nearest one', async (t) => {
    const two = `${good}  test: { cluster: { context: kind-test } }\n`;
    const { root } = await makeWorkspace(t, { 'zakenak.yaml': two });
    const run = (...args: string[]) => runCli([...args, '--json', '--directory', root]);
    const wanted = { code: 'config/unknown-environment', exitCode: 2 };
    assertCoded(await run('smoke', '--environment', 'prd'), { ...wanted, remedy: /--environment prod/ });
    assertCoded(await run('doctor', 'staging'), { ...wanted, message: /prod, test/ });
  });

  test('a configuration that was named and is not there, or is a folder, is told', async (t) => {
    const { root } = await makeWorkspace(t, { 'folder/x': '' });
    const run = (path: string) => runCli(['lint', '--json', '--directory', root, '--config', path]);
    for (const path of ['other.yaml', 'folder', 'folder/x/y'])
      assertCoded(await run(path), { code: 'config/not-found', exitCode: 2, message: new RegExp(path) });
  });

  test('a configuration behind a link inside the workspace is read', async (t) => {
    const { root } = await makeWorkspace(t, { 'config/zakenak.yaml': `bad: 1\n${good}` });
    await symlink('config/zakenak.yaml', join(root, 'zakenak.yaml'));
    const outcome = await runCli(['lint', '--json', '--directory', root]);
    assertCoded(outcome, { code: 'config/invalid', exitCode: 2 });
    assertTidy(outcome);
  });
});
