import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import {
  assertCoded,
  type Coded,
  githubEnvironment,
  makeWorkspace,
  openWorkspace,
  reportOf,
  runCli,
} from './cli-fixture.ts';

const verbs = ['plan', 'deploy', 'status', 'rollback'] as const;

const kubeconfig = [
  'apiVersion: v1\nkind: Config\ncurrent-context: test',
  // Nothing listens on port 1 of loopback.
  'clusters: [{ name: c, cluster: { server: "https://127.0.0.1:1" } }]',
  'users: [{ name: u, user: {} }]',
  'contexts: [{ name: test, context: { cluster: c, user: u } }]\n',
].join('\n');

const zakenak = (context: string, release = '{ name: web, chart: charts/web }') =>
  [
    'project: demo',
    `environments: { prod: { cluster: { context: ${context} } }, test: { cluster: { context: test } } }`,
    `deploy: { releases: [${release}] }\n`,
  ].join('\n');

const chart = {
  'charts/web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 0.1.0\n',
  'charts/web/templates/config.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n',
};

interface Case extends Coded {
  readonly config?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Only these verbs look so far. */
  readonly only?: readonly string[];
}

const prod = ['--environment', 'prod'];

const cases: Readonly<Record<string, Case>> = {
  'without a zakenak.yaml': { args: prod, code: 'config/not-found', exitCode: 2 },
  'without saying which environment': {
    config: zakenak('test'),
    code: 'config/unknown-environment',
    exitCode: 2,
    message: /prod, test/,
    remedy: /--environment/,
  },
  'for an environment that does not exist': {
    config: zakenak('test'),
    args: ['--environment', 'prd'],
    code: 'config/unknown-environment',
    exitCode: 2,
    remedy: /prod/,
  },
  'for a context that is not in the kubeconfig': {
    config: zakenak('tst'),
    args: prod,
    code: 'kube/unknown-context',
    exitCode: 2,
    remedy: /'test'/,
  },
  'without a kubeconfig': {
    config: zakenak('test'),
    args: prod,
    env: { KUBECONFIG: '/nonexistent/config' },
    code: 'kube/no-kubeconfig',
    exitCode: 3,
  },
  'with a set’s name that is no label': {
    config: zakenak('test')
      .replace('demo', 'd'.repeat(53))
      .replace('prod:', `${'p'.repeat(40)}:`),
    args: ['--environment', 'p'.repeat(40)],
    code: 'pipeline/long-set-name',
    exitCode: 2,
    message: /has 94 characters/,
  },
  'to a revision of no release': {
    config: zakenak('test'),
    args: [...prod, '--revision', '3'],
    only: ['rollback'],
    code: 'rollout/revision-without-release',
    exitCode: 2,
    remedy: /--release/,
  },
  'to a revision that none can have': {
    config: zakenak('test'),
    args: [...prod, '--release', 'web', '--revision', '0'],
    only: ['rollback'],
    code: 'input/invalid',
    exitCode: 2,
    message: /a whole number, 1 at least/,
  },
  // As of a variable that is not set: the whole set is not what was meant.
  'of a release with an empty name': {
    config: zakenak('test'),
    args: [...prod, '--release', ''],
    only: ['rollback', 'history'],
    code: 'input/invalid',
    exitCode: 2,
    message: /'release' does not accept ""/,
  },
  'with less than nothing to show': {
    config: zakenak('test'),
    args: [...prod, '--max', '-1'],
    only: ['history'],
    code: 'input/invalid',
    exitCode: 2,
    message: /a whole number, 1 at least/,
  },
  'with a cluster that does not answer': {
    config: zakenak('test'),
    args: prod,
    code: 'kube/unreachable',
    exitCode: 4,
    message: /context 'test' at https:\/\/127\.0\.0\.1:1/,
  },
};

async function run(t: TestContext, verb: string, { config, args = [], env = {} }: Case) {
  const workspace = await makeWorkspace(t, {
    ...chart,
    kubeconfig,
    ...(config === undefined ? {} : { 'zakenak.yaml': config }),
  });
  const before = workspace.snapshot();
  const outcome = await runCli([verb, ...args, '--json', '--directory', workspace.root], {
    env: {
      KUBECONFIG: join(workspace.root, 'kubeconfig'),
      HOME: join(dirname(workspace.root), 'home'),
      ...env,
    },
  });
  assert.deepEqual(workspace.snapshot(), before);
  return outcome;
}

suite('the rollout', { concurrency: 4 }, () => {
  for (const [name, wanted] of Object.entries(cases)) {
    for (const verb of wanted.only ?? verbs)
      test(`zakenak ${verb} ${name} is told`, async (t) => {
        assertCoded(await run(t, verb, wanted), wanted);
      });
  }

  for (const verb of verbs.filter((name) => name !== 'status'))
    test(`zakenak ${verb} is refused on a fork’s pull request before anything is reached`, async (t) => {
      const workspace = await makeWorkspace(t, { ...chart, kubeconfig, 'zakenak.yaml': zakenak('test') });
      const base = workspace.git('rev-parse', 'HEAD');
      const head = await workspace.commit({ 'b.txt': 'b' });
      const pull = {
        number: 1,
        head: { sha: head, ref: 'x', repo: { full_name: 'mallory/platform' } },
        base: { sha: base, ref: 'main', repo: { full_name: 'acme/platform' } },
      };
      const env = await githubEnvironment(workspace, 'pull_request', { pull_request: pull });
      const outcome = await runCli([verb, ...prod, '--json'], {
        env: { ...env, KUBECONFIG: join(workspace.root, 'kubeconfig') },
      });
      assertCoded(outcome, { code: 'pipeline/refused-for-fork', exitCode: 5 });
    });

  test('a chart that does not render is a finding on its line, and exit code 1', async (t) => {
    const { root } = await makeWorkspace(t, {
      ...chart,
      'charts/web/templates/bad.yaml':
        'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Values.a.b }}\n',
    });
    const outcome = await runCli(['lint', '--json', '--directory', root]);
    assert.equal(outcome.exitCode, 1, outcome.stderr);
    const [worst] = reportOf(outcome).findings;
    assert.equal(worst?.ruleId, 'charts/template-error');
    assert.deepEqual(
      [worst?.location?.path, worst?.location?.startLine],
      ['charts/web/templates/bad.yaml', 4],
    );
  });

  test('on a real cluster a plan refuses what leaves the workspace, and tells what does not render', async (t) => {
    const workspace = await makeWorkspace(t, chart);
    const beside = join(dirname(workspace.root), 'beside');
    const marker = randomBytes(8).toString('hex');
    await openWorkspace(dirname(workspace.root)).write({
      'beside/Chart.yaml': 'apiVersion: v2\nname: beside\nversion: 0.1.0\n',
      'beside/templates/a.yaml': `# ${marker}\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n`,
      'beside/values.yaml': `text: ${marker}\n`,
    });
    await symlink(beside, join(workspace.root, 'link'));
    const folder = join(dirname(workspace.root), 'sandbox');
    const up = await runCli(['sandbox', 'up', '--folder', folder, `--owner-pid=${process.pid}`, '--json']);
    await using _sandbox = {
      [Symbol.asyncDispose]: async () => void (await runCli(['sandbox', 'down', '--folder', folder])),
    };
    const env = { KUBECONFIG: String(reportOf(up).outputs.kubeconfig) };
    const config = (deploy: string) =>
      `project: demo\nenvironments: { prod: { cluster: { context: current } } }\ndeploy: { ${deploy} }\n`;
    const release = (more: string) => config(`releases: [{ name: web, ${more} }]`);
    const leaving = [
      release('chart: ../beside'),
      release(`chart: ${beside}`),
      release('chart: link'),
      release('chart: charts/web, values: [../beside/values.yaml]'),
      release('chart: charts/web, values: [link/values.yaml]'),
      config('manifests: [../beside/templates]'),
      config('manifests: [link/templates]'),
    ];
    for (const text of leaving) {
      await workspace.write({ 'zakenak.yaml': text });
      const before = workspace.snapshot();
      const outcomes = await Promise.all(
        ['plan', 'deploy'].map((verb) =>
          runCli([verb, ...prod, '--json', '--directory', workspace.root], { env }),
        ),
      );
      for (const outcome of outcomes) {
        assertCoded(outcome, { code: 'files/outside-workspace', exitCode: 5 });
        assert.ok(!`${outcome.stdout}${outcome.stderr}`.includes(marker), text);
      }
      assert.deepEqual(workspace.snapshot(), before);
    }
    await workspace.write({
      'zakenak.yaml': release('chart: charts/web'),
      'charts/web/templates/bad.yaml':
        'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Values.a.b }}\n',
    });
    for (const verb of ['plan', 'deploy']) {
      const outcome = await runCli([verb, ...prod, '--json', '--directory', workspace.root], { env });
      assertCoded(outcome, { code: 'rollout/render-failed', exitCode: 2, message: /bad\.yaml:4/ });
    }
  });
});
