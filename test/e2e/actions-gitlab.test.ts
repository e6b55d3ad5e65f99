import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { pack } from '@zakenak/devkit';
import { makeWorkspace } from './actions-fixture.ts';
import { createTestToolchain } from './sandbox-fixture.ts';
import { makeToken } from './secrets-fixture.ts';

// The components run by gitlab-ci-local's shell executor: its variables, its includes and inputs, a real shell; no GitLab.
const root = join(import.meta.dirname, '../..');
const gitlabCiLocal = fileURLToPath(import.meta.resolve('gitlab-ci-local'));
const missing = ['rsync', 'curl'].filter((program) => spawnSync(program, ['--version']).status !== 0);
const options = missing.length > 0 ? { skip: `${missing.join(' and ')} not installed` } : {};
let release: string;

before(async () => {
  await createTestToolchain().prepare(['git', 'helm', 'kubeconform', 'gitleaks']);
  release = await mkdtemp(join(tmpdir(), 'zakenak-gitlab-'));
  await pack(root, release, '7.8.9', pathToFileURL(release).href);
});
after(() => rm(release, { recursive: true, force: true }));

const chart = {
  'helm-charts/web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 0.1.0\n',
  'helm-charts/web/templates/all.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web }\n',
};

test(
  'a component fetches the release by its digest, takes its inputs, and reports as GitLab reads it',
  options,
  async (t) => {
    const project = await makeProject(t, 'lint-helm', {
      stage: 'review',
      'fail-on': 'low',
      'job-prefix': 'a: ',
    });
    const good = project.run('a: lint-helm');
    assert.equal(good.status, 0, good.text);
    assert.match(good.text, /passed/i);
    await project.commit({ 'helm-charts/web/templates/all.yaml': 'apiVersion: v1\nkind: {{ nope }}\n' });
    const bad = project.run('a: lint-helm');
    assert.equal(bad.status, 1, bad.text);
    const quality = JSON.parse(
      project.artifact('a: lint-helm', '.zakenak/reports/gl-code-quality-report.json'),
    );
    assert.equal(quality[0].location.path, 'helm-charts/web/templates/all.yaml');
    assert.match(project.artifact('a: lint-helm', '.zakenak/reports/junit.xml'), /<testsuite/);
    assert.match(project.artifact('a: lint-helm', 'zakenak.env'), /^ZAKENAK_RESULT=failed$/m);
  },
);

test('scan-secrets finds what was pushed, and its token reaches no log', options, async (t) => {
  const project = await makeProject(t, 'scan-secrets', { scope: 'history' });
  const token = makeToken();
  await project.commit({ 'leak.env': `GITHUB_TOKEN=${token}\n` });
  const { status, text } = project.run('scan-secrets');
  assert.equal(status, 1, text);
  assert.match(text, /leak\.env/);
  assert.match(project.artifact('scan-secrets', 'zakenak.env'), /^ZAKENAK_COMMITS_SCANNED=3$/m);
  assert.equal(text.includes(token), false);
});

test('plan takes the images that the build job handed on', options, async (t) => {
  const project = await makeProject(t, 'plan', {});
  await project.commit({
    'zakenak.yaml':
      'project: shop\nregistry: localhost:5000\nbuild: [{ name: app, context: . }]\nenvironments: { test: { cluster: { context: current } } }\ndeploy: { releases: [{ name: web, chart: helm-charts/web }] }\n',
  });
  const images = { app: { repository: 'localhost:5000/app', digest: 'no-digest' } };
  writeFileSync(join(project.folder, 'zakenak.env'), `ZAKENAK_IMAGES=${JSON.stringify(images)}\n`);
  const { status, text } = project.run('plan');
  assert.equal(status, 1, text);
  assert.match(text, /pipeline\/bad-image/);
});

test('an archive that is not what its digest says does not run', options, async (t) => {
  const project = await makeProject(t, 'lint-helm', {});
  const tampered = join(project.folder, '..', 'tampered.tgz');
  cpSync(join(release, 'zakenak-7.8.9.tgz'), tampered);
  appendFileSync(tampered, 'x');
  await project.include({ archive: pathToFileURL(tampered).href });
  const { status, text } = project.run('lint-helm');
  assert.equal(status, 1, text);
  assert.match(text, /FAILED|did NOT match/);
  assert.doesNotMatch(text, /passed/i);
});

test('without an archive the job says what it needs', options, async (t) => {
  const project = await makeProject(t, 'lint-helm', { 'archive-sha256': '' });
  const { status, text } = project.run('lint-helm');
  assert.equal(status, 1, text);
  assert.match(text, /There is no zakenak here/);
  assert.match(text, /FAIL 3/);
});

/** A GitLab project with a chart and one component. */
async function makeProject(t: TestContext, component: string, inputs: Readonly<Record<string, string>>) {
  const { folder, git, commit } = await makeWorkspace(t);
  cpSync(join(release, 'gitlab-templates'), join(folder, 'ci'), { recursive: true });
  git('remote', 'add', 'origin', 'https://gitlab.example.invalid/acme/platform.git');
  const include = (given: Readonly<Record<string, string>>) => {
    const local = `ci/${component}/template.yml`;
    const text = JSON.stringify({ stages: ['review', 'test'], include: [{ local, inputs: given }] });
    return commit({ '.gitlab-ci.yml': `${text}\n` });
  };
  await commit({ ...chart, '.gitignore': '.gitlab-ci-local/\n.zakenak/\nzakenak*\n' });
  await include(inputs);
  return {
    folder,
    commit,
    include,
    run(job: string) {
      const node = dirname(process.execPath);
      const { HOME = '', TMPDIR = tmpdir() } = process.env;
      // npm puts the workspace's own `zakenak` on the PATH of its scripts.
      const path = (process.env.PATH ?? '')
        .split(':')
        .filter((entry) => !entry.endsWith('node_modules/.bin'));
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [
          gitlabCiLocal,
          '--force-shell-executor',
          '--no-color',
          // It says false itself, so that scripts can tell it from GitLab.
          '--variable',
          'GITLAB_CI=true',
          // It names the folder of a container, and this is none.
          '--variable',
          `CI_PROJECT_DIR=${folder}`,
          '--ignore-predefined-vars',
          'GITLAB_CI,CI_PROJECT_DIR',
          '--home',
          join(folder, '.gitlab-ci-local/home'),
          job,
        ],
        {
          cwd: folder,
          encoding: 'utf8',
          env: { HOME, TMPDIR, PATH: [node, ...path].join(':'), LANG: 'C.UTF-8' },
        },
      );
      return { status, text: `${stdout}\n${stderr}` };
    },
    artifact(job: string, path: string): string {
      const places = [join(folder, path), join(folder, '.gitlab-ci-local/artifacts', job, path)];
      const place = places.find((candidate) => existsSync(candidate));
      assert.ok(place, `${path} of ${job}`);
      return readFileSync(place, 'utf8');
    },
  };
}
