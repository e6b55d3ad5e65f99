import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import {
  assertTidy,
  githubEnvironment,
  makeWorkspace,
  readHostFile,
  reportOf,
  runCli,
} from './cli-fixture.ts';

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

const broken = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: {{ .Values.a.b.c }} }\n';

/** What actions/runner would take for a command in a log, ours by their titles left out. */
function foreignCommands(log: string): readonly string[] {
  return log
    .split(/[\r\n]/)
    .filter((line) => /^\s*::/.test(line) || /##(\[|vso\[)/.test(line))
    .filter((line) => !/^::(error|warning|notice) (file|title)=|^::(end)?group::/.test(line));
}

suite('hostile text', { concurrency: 3 }, () => {
  test('in names of files steers neither GitHub’s runner nor a terminal, whatever is asked for', async (t) => {
    const workspace = await makeWorkspace(t);
    for (const [index, name] of hostile.entries()) {
      const folder = join(workspace.root, 'charts', `web${index}`);
      await mkdir(join(folder, 'templates'), { recursive: true });
      await writeFile(join(folder, 'Chart.yaml'), `apiVersion: v2\nname: web${index}\nversion: 0.1.0\n`);
      await writeFile(join(folder, 'templates', `${name}.yaml`), broken);
    }
    await workspace.commit();
    for (const flags of [[], ['--json'], ['--quiet']]) {
      const env = await githubEnvironment(workspace, 'push', {});
      const outcome = await runCli(['lint', '--annotations-max', '100', ...flags], { env });
      assert.equal(outcome.exitCode, 1, outcome.stderr);
      assert.deepEqual(foreignCommands(outcome.stdout), []);
      assert.deepEqual(foreignCommands(outcome.stderr), []);
      assert.doesNotMatch(outcome.stdout + outcome.stderr, /\u001b/);
      const summary = (await readHostFile(env, 'GITHUB_STEP_SUMMARY')).replace(/(`+).*?\1/g, '');
      assert.doesNotMatch(summary, /<img/);
      const outputs = await readHostFile(env, 'GITHUB_OUTPUT');
      assert.doesNotMatch(outputs, /^verdict/m);
      assertTidy(outcome);
    }
  });

  test('in names keeps its own spelling in JSON', async (t) => {
    const workspace = await makeWorkspace(t, {
      'charts/web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 0.1.0\n',
      [`charts/web/templates/${hostile[2]}.yaml`]: broken,
    });
    const outcome = await runCli(['lint', '--json', '--directory', workspace.root]);
    assert.ok(
      reportOf(outcome).findings.some(({ location }) => location?.path.endsWith(`${hostile[2]}.yaml`)),
    );
  });

  test('in inputs, branches and an event is quoted, not obeyed', async (t) => {
    const workspace = await makeWorkspace(t, { 'a.txt': 'a' });
    const env = await githubEnvironment(workspace, 'push', {});
    for (const text of ['x\n::error::injected', '##[error]injected', '\u001b]0;injected\u0007']) {
      const runs = [
        runCli(['secrets', `--base=${text}`], { env }),
        runCli(['lint', '--charts', text], { env }),
        runCli(['secrets', `--scope=${text}`], { env }),
        runCli([text], { env }),
        runCli(['lint', `--${text}`], { env }),
      ];
      for (const outcome of await Promise.all(runs)) {
        assert.equal(outcome.exitCode, 2, outcome.stderr);
        assert.deepEqual(foreignCommands(outcome.stdout + outcome.stderr), []);
        assert.doesNotMatch(outcome.stdout + outcome.stderr, /[\u001b\u0007]/);
        assertTidy(outcome);
      }
    }
  });
});
