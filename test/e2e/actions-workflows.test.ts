import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import { createTestToolchain } from './sandbox-fixture.ts';

const root = join(import.meta.dirname, '../..');
let actionlint: string;

before(async () => {
  actionlint = await createTestToolchain().resolve('actionlint');
});

function lint(cwd: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(actionlint, ['-no-color', ...args], { cwd, encoding: 'utf8' });
  assert.ok(status === 0 || status === 1, stderr);
  return stdout;
}

test('the house’s own workflows are sound', () => {
  const workflows = globSync('.github/workflows/*.yml', { cwd: root });
  assert.ok(workflows.length >= 2);
  assert.equal(lint(root, ...workflows), '');
});

test('the reference platform’s workflow is sound', () => {
  const platform = join(root, 'examples/platform');
  const workflows = globSync('.github/workflows/*.y*ml', { cwd: platform });
  assert.ok(workflows.length >= 1);
  assert.equal(lint(platform, '-config-file', '.github/actionlint.yaml', ...workflows), '');
});

test('every action’s metadata is sound, and takes all of its inputs', async (t) => {
  const { repository, actions } = await makeRepository(t, (inputs) => inputs);
  assert.ok(actions.length >= 9, actions.join(' '));
  assert.equal(lint(repository), '');
});

test('an input that an action does not have is found', async (t) => {
  const { repository } = await makeRepository(t, (inputs) => ({ ...inputs, inptu: 'x' }));
  assert.match(lint(repository), /"inptu" is not defined in action "Zakenak lint-helm"/);
});

/** A repository with the actions and one workflow that uses each of them, with a text for each input. */
async function makeRepository(
  t: TestContext,
  change: (inputs: Readonly<Record<string, string>>) => Readonly<Record<string, string>>,
) {
  const repository = await mkdtemp(join(tmpdir(), 'zakenak-workflows-'));
  t.after(() => rm(repository, { recursive: true, force: true }));
  const actions = globSync('actions/*/action.yml', { cwd: root }).map((path) => path.split('/')[1] ?? '');
  const steps = actions.map((name) => {
    const path = join('actions', name, 'action.yml');
    const main = join('actions', name, 'src/main.ts');
    for (const file of [path, main]) {
      mkdirSync(dirname(join(repository, file)), { recursive: true });
      cpSync(join(root, file), join(repository, file));
    }
    const { inputs } = parse(readFileSync(join(root, path), 'utf8')) as { inputs: Record<string, unknown> };
    const given = Object.fromEntries(Object.keys(inputs).map((input) => [input, 'text']));
    return { uses: `./actions/${name}`, with: change(given) };
  });
  const workflow = { on: 'push', permissions: {}, jobs: { all: { 'runs-on': 'ubuntu-24.04', steps } } };
  mkdirSync(join(repository, '.github/workflows'), { recursive: true });
  mkdirSync(join(repository, '.git'));
  writeFileSync(join(repository, '.github/workflows/all.yml'), JSON.stringify(workflow));
  return { repository, actions };
}
