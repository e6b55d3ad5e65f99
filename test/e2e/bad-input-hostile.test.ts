import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  assertTidy,
  githubEnvironment,
  makeWorkspace,
  readHostFile,
  reportOf,
  runCli,
} from './cli-fixture.ts';
import { makeToken } from './secrets-fixture.ts';

/** Names that would be commands to a CI host, escapes to a terminal, or structure to a page. */
const hostile = [
  'a\n::error::injected',
  'b\n  ::set-output name=verdict::injected',
  'c##[set-output name=verdict]injected',
  'd##vso[task.setvariable variable=x]injected',
  'e\u001b[2Jinjected',
  'f\r::warning::injected',
  'g`|<img src=x>injected',
];

/** What actions/runner would take for a command in a log, but for those that we mean. */
function foreignCommands(log: string): readonly string[] {
  return log
    .split(/[\r\n]/)
    .filter((line) => /^\s*::/.test(line) || /##(\[|vso\[)/.test(line))
    .filter((line) => !/^::(error|warning|notice) (file|title)=|^::(end)?group::|^::add-mask::/.test(line));
}

suite('hostile text', { concurrency: 3 }, () => {
  test('in names of files steers neither GitHub’s runner nor a terminal nor a page', async (t) => {
    const files = Object.fromEntries(hostile.map((name) => [name, `token = "${makeToken()}"\n`]));
    const workspace = await makeWorkspace(t, files);
    for (const flags of [[], ['--json']]) {
      const env = await githubEnvironment(workspace, 'push', {});
      const outcome = await runCli(['secrets', '--scope', 'tree', ...flags], { env });
      assert.equal(outcome.exitCode, 1, outcome.stderr);
      assert.deepEqual(foreignCommands(outcome.stdout), []);
      assert.deepEqual(foreignCommands(outcome.stderr), []);
      assert.doesNotMatch(outcome.stdout + outcome.stderr, /\u001b/);
      const summary = await readHostFile(env, 'GITHUB_STEP_SUMMARY');
      assert.equal(summary.match(/^\| high|^\| critical/gm)?.length, hostile.length, 'one row for each file');
      assert.doesNotMatch(summary.replace(/(`+).*?\1/g, ''), /<img/);
      assert.doesNotMatch(await readHostFile(env, 'GITHUB_OUTPUT'), /^verdict/m);
      assertTidy(outcome);
      if (flags.length === 0) continue;
      const paths = reportOf(outcome).findings.map(({ location }) => location?.path);
      assert.deepEqual(paths.sort(), [...hostile].sort(), 'JSON keeps every name as it is');
    }
  });

  test('in what programs print, and in commits, steers nobody either', async (t) => {
    const said = hostile.map((text) =>
      JSON.stringify(text.replaceAll('\u001b', '')).replaceAll('\\u001b', ''),
    );
    const workspace = await makeWorkspace(t, {
      '.zakenak/allowed_signers': '',
      ...Object.fromEntries(
        said.flatMap((text, index) => [
          [`charts/c${index}/Chart.yaml`, `apiVersion: v2\nname: c${index}\nversion: 0.1.0\n`],
          [`charts/c${index}/templates/a.yaml`, `{{ fail ${text} }}\n`],
        ]),
      ),
    });
    const base = workspace.git('rev-parse', 'HEAD');
    for (const message of hostile) workspace.git('commit', '-q', '--allow-empty', '-m', message);
    for (const args of [['lint'], ['verify', '--base', base]])
      for (const flags of [[], ['--json']]) {
        const env = await githubEnvironment(workspace, 'push', {});
        const outcome = await runCli([...args, ...flags], { env });
        assert.equal(outcome.exitCode, 1, outcome.stderr);
        assert.match(outcome.stdout, /injected/);
        assert.deepEqual(foreignCommands(outcome.stdout), []);
        assert.deepEqual(foreignCommands(outcome.stderr), []);
        assert.doesNotMatch(outcome.stdout + outcome.stderr, /\u001b/);
        const summary = await readHostFile(env, 'GITHUB_STEP_SUMMARY');
        assert.doesNotMatch(summary.replace(/(`+).*?\1/g, ''), /(?<!\\)<img/);
        assert.doesNotMatch(await readHostFile(env, 'GITHUB_OUTPUT'), /^verdict/m);
        assertTidy(outcome);
      }
  });

  test('in inputs, verbs and flags is quoted, not obeyed', async (t) => {
    const workspace = await makeWorkspace(t, { 'a.txt': 'a' });
    const env = await githubEnvironment(workspace, 'push', {});
    const text = 'x\n::error::injected\n##[error]injected\u001b]0;injected\u0007';
    const commands = [
      ['secrets', `--base=${text}`],
      ['lint', '--charts', text],
      ['secrets', `--scope=${text}`],
      [text],
      ['lint', `--${text}`],
    ];
    const outcomes = await Promise.all(commands.map((args) => runCli(args, { env })));
    for (const outcome of outcomes) {
      assert.equal(outcome.exitCode, 2, outcome.stderr);
      assert.deepEqual(foreignCommands(outcome.stdout + outcome.stderr), []);
      assert.doesNotMatch(outcome.stdout + outcome.stderr, /[\u001b\u0007]/);
      assertTidy(outcome);
    }
  });
});
