import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { suite, test } from 'node:test';
import { assertCoded, assertTidy, makeWorkspace, reportOf, runCli, type Workspace } from './cli-fixture.ts';

/** Permissions do not stop root, and mounts are root's alone. */
const skip = process.getuid?.() === 0 ? false : 'mounting needs root';

const files = {
  'charts/web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 0.1.0\n',
  'charts/web/templates/config.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n',
  'values.yaml': 'image: { digest: "" }\n',
};

function mount(folder: string, ...args: readonly string[]): Disposable {
  execFileSync('mount', [...args, folder]);
  return { [Symbol.dispose]: () => void execFileSync('umount', ['--lazy', folder]) };
}

/** The same workspace, which nobody can write to any more. */
function makeReadOnly({ root }: Workspace): Disposable {
  const mounted = mount(root, '--bind', root);
  execFileSync('mount', ['-o', 'remount,bind,ro', root]);
  return mounted;
}

/** Verbs that write into the workspace, and the code that a read-only one has. */
const writing: Readonly<Record<string, string>> = {
  init: 'files/read-only',
  'check --only config --output-dir out': 'files/read-only',
  'secrets --scope tree --update-baseline': 'files/read-only',
};

suite('a disk that cannot be written', { concurrency: 4, skip }, () => {
  for (const [command, code] of Object.entries(writing)) {
    test(`zakenak ${command} tells of a read-only workspace and leaves it as it was`, async (t) => {
      // Known to no rule but its own, so that the scanner has something to write down.
      const token = [
        'ghp',
        Buffer.from(crypto.getRandomValues(new Uint8Array(27)))
          .toString('base64')
          .replace(/[+/]/g, 'a'),
      ].join('_');
      const workspace = await makeWorkspace(t, { ...files, 'token.txt': `token = "${token}"\n` });
      const before = workspace.snapshot();
      using _mounted = makeReadOnly(workspace);
      const outcome = await runCli([...command.split(' '), '--json', '--directory', workspace.root]);
      assertCoded(outcome, { code, exitCode: 3, message: /read-only/i, remedy: /read-write|right to write/ });
      assert.deepEqual(workspace.snapshot(), before);
    });
  }

  test('zakenak release tells of a read-only repository and makes no tag', async (t) => {
    const workspace = await makeWorkspace(t, files);
    workspace.git('commit', '-q', '--allow-empty', '-m', 'feat: one');
    const before = workspace.snapshot();
    using _mounted = makeReadOnly(workspace);
    const outcome = await runCli([
      ...['release', '--push=false', '--committer', 'a <a@example.invalid>'],
      ...['--json', '--directory', workspace.root],
    ]);
    const { error } = reportOf(outcome);
    assert.match(error?.message ?? '', /read-only/i);
    assert.ok([3, 4].includes(outcome.exitCode ?? 0), `${outcome.exitCode}`);
    assertTidy(outcome);
    assert.deepEqual(workspace.snapshot(), before);
  });

  test('what only reads runs on a read-only workspace', async (t) => {
    const workspace = await makeWorkspace(t, files);
    using _mounted = makeReadOnly(workspace);
    for (const command of ['secrets', 'lint']) {
      const outcome = await runCli([command, '--json', '--directory', workspace.root]);
      assert.equal(reportOf(outcome).verdict, 'passed', outcome.stderr);
      assertTidy(outcome);
    }
  });

  test('a disk that fills while the report is written keeps no half of it', async (t) => {
    const workspace = await makeWorkspace(t, files);
    const folder = join(workspace.root, 'out');
    await mkdir(folder);
    // Room for the first of the five files only.
    using _mounted = mount(folder, '-t', 'tmpfs', '-o', 'size=4k', 'tmpfs');
    const outcome = await runCli([
      'check',
      '--only',
      'config',
      '--output-dir',
      'out',
      '--json',
      '--directory',
      workspace.root,
    ]);
    assertCoded(outcome, { code: 'files/disk-full', exitCode: 3, remedy: /Free space/ });
    assert.deepEqual(await readdir(folder), []);
  });

  test('a full temporary folder is told', async (t) => {
    const workspace = await makeWorkspace(t, files);
    const folder = join(dirname(workspace.root), 'tmp');
    await mkdir(folder);
    using _mounted = mount(folder, '-t', 'tmpfs', '-o', 'size=4k', 'tmpfs');
    const outcome = await runCli(['secrets', '--json', '--directory', workspace.root], {
      env: { TMPDIR: folder },
    });
    const { error } = reportOf(outcome);
    assert.ok(error, outcome.stdout);
    assert.notEqual(outcome.exitCode, 70, error.message);
    assert.ok(error.remedy);
    assert.deepEqual(await readdir(folder), []);
  });

  test('a findings’ verdict is still shown when its report cannot be written', async (t) => {
    const workspace = await makeWorkspace(t, {
      ...files,
      'charts/web/templates/bad.yaml': 'kind: ConfigMap\nmetadata: { name: {{ .Values.a.b.c }} }\n',
    });
    using _mounted = makeReadOnly(workspace);
    const outcome = await runCli(['lint', '--output-dir', 'out', '--json', '--directory', workspace.root]);
    const report = assertCoded(outcome, { code: 'files/read-only', exitCode: 3 });
    assert.ok(report.findings.some(({ ruleId }) => ruleId === 'charts/template-error'));
  });
});
