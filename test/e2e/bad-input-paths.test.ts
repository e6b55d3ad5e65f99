import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { assertCoded, assertTidy, makeWorkspace, openWorkspace, reportOf, runCli } from './cli-fixture.ts';

const outside = { code: 'files/outside-workspace', exitCode: 5 };

/** Every input that takes a path; PATH stands for one that leads out. */
const inputs: Readonly<Record<string, { readonly code: string; readonly exitCode: number }>> = {
  'lint --charts PATH': outside,
  'lint --chart-dirs PATH': outside,
  'lint --config PATH/zakenak.yaml': outside,
  'lint --ignore-file PATH/ignore': outside,
  'lint --baseline PATH/baseline.json': outside,
  'lint --update-baseline --baseline PATH/new.json': outside,
  'lint --crd-dirs PATH': outside,
  'lint --schema-locations PATH': outside,
  'secrets --gitleaks-config PATH/gitleaks.toml': outside,
  'secrets --baseline PATH/baseline.json': outside,
  'secrets --update-baseline --baseline PATH/new.json': outside,
  'verify --allowed-signers PATH/signers': outside,
  'verify --keyring PATH': outside,
  'verify --revoked-keys PATH/signers': outside,
  'verify --ca-certificates PATH': outside,
  'verify --revocation-lists PATH': outside,
  'verify --trusted-root PATH/trusted_root.json': outside,
  'verify --policy-file PATH/zakenak.yaml': outside,
  'build --image app --context PATH': { code: 'image/context-outside-workspace', exitCode: 5 },
  'build --image app --file PATH/Dockerfile': { code: 'image/context-outside-workspace', exitCode: 5 },
  'build --image app --secret-files id=PATH/secret': { code: 'image/context-outside-workspace', exitCode: 5 },
  'release --push=false --changelog PATH/CHANGELOG.md': outside,
  'sign --key KEY --principal a@example.invalid --allowed-signers PATH/signers': outside,
  'init --config PATH/zakenak.yaml': outside,
  'check --only config --output-dir PATH/new': outside,
};

const files = {
  '.zakenak/allowed_signers': '',
  Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n',
  'charts/web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 0.1.0\n',
  'charts/web/templates/config.yaml':
    'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { text: {{ .Values.text | default "-" | quote }} }\n',
};

/** A workspace with something beside it that must not be read or changed. */
async function makeFenced(t: TestContext) {
  const workspace = await makeWorkspace(t, files);
  const beside = openWorkspace(join(dirname(workspace.root), 'beside'));
  const marker = randomBytes(8).toString('hex');
  const names = [
    'Chart.yaml',
    'zakenak.yaml',
    'gitleaks.toml',
    'baseline.json',
    'signers',
    'Dockerfile',
    'secret',
    'values.yaml',
  ];
  await mkdir(beside.root);
  await beside.write(Object.fromEntries(names.map((name) => [name, `text: ${marker}\n`])));
  await symlink('../beside', join(workspace.root, 'link'));
  await workspace.commit();
  return { workspace, beside, marker };
}

function makeKey(folder: string): string {
  const key = join(folder, 'key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  return `${key}.pub`;
}

suite('a path that leaves the workspace', { concurrency: 4 }, () => {
  for (const [command, wanted] of Object.entries(inputs)) {
    test(`is refused by zakenak ${command}: dots, absolute, through a link`, async (t) => {
      const { workspace, beside, marker } = await makeFenced(t);
      const key = command.includes('KEY') ? makeKey(dirname(workspace.root)) : '';
      const before = [workspace.snapshot(), beside.snapshot()];
      for (const path of ['../beside', beside.root, 'charts/../link']) {
        const args = command.split(' ').map((word) => word.replace('PATH', path).replace('KEY', key));
        const outcome = await runCli([...args, '--json', '--directory', workspace.root]);
        assertCoded(outcome, wanted);
        assert.ok(!`${outcome.stdout}${outcome.stderr}`.includes(marker), 'what lies there is not shown');
      }
      assert.deepEqual([workspace.snapshot(), beside.snapshot()], before);
    });
  }

  test('is refused for a chart’s values', async (t) => {
    const { workspace, beside, marker } = await makeFenced(t);
    const run = (values: string) =>
      runCli([
        'lint',
        '--charts',
        'charts/web',
        `--values=${values}`,
        '--json',
        '--directory',
        workspace.root,
      ]);
    for (const values of ['../../../beside/values.yaml', '../../link/values.yaml', `${beside.root}/*.yaml`]) {
      const outcome = await run(values);
      assert.equal(reportOf(outcome).error?.code, outside.code, values);
      assert.ok(!`${outcome.stdout}${outcome.stderr}`.includes(marker));
      assertTidy(outcome);
    }
  });

  test('is refused where zakenak.yaml names it', async (t) => {
    const { workspace } = await makeFenced(t);
    const environments = 'environments: { prod: { cluster: { context: c } } }';
    for (const [text, command] of [
      ['build: [{ name: app, context: ../beside }]', 'build'],
      ['deploy: { releases: [{ name: web, chart: ../beside }] }', 'lint'],
      ['policy: { secrets: { config: ../beside/gitleaks.toml } }', 'secrets'],
      ['policy: { commits: { allowedSigners: link/signers } }', 'verify'],
    ] as const) {
      await writeFile(join(workspace.root, 'zakenak.yaml'), `project: demo\n${environments}\n${text}\n`);
      const outcome = await runCli([command, '--json', '--directory', workspace.root]);
      assert.match(
        reportOf(outcome).error?.code ?? '',
        /outside-workspace$/,
        `${command}: ${outcome.stdout}`,
      );
      assert.equal(outcome.exitCode, 5);
      assertTidy(outcome);
    }
  });

  test('a repository’s own link that leads out is not followed by the linter', async (t) => {
    const { workspace, marker } = await makeFenced(t);
    await symlink('../../../../beside/values.yaml', join(workspace.root, 'charts/web/templates/stolen.yaml'));
    const outcome = await runCli(['lint', '--json', '--directory', workspace.root]);
    assert.ok(!`${outcome.stdout}${outcome.stderr}`.includes(marker));
    assert.notEqual(outcome.exitCode, 0);
    assertTidy(outcome);
  });
});
