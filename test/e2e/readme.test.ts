import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { exitCodes } from '@zakenak/core';
import { parse, parseAllDocuments } from 'yaml';
import { createTestToolchain } from './sandbox-fixture.ts';

const root = join(import.meta.dirname, '../..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const blocks = (language: string) =>
  [...readme.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].flatMap(([, name, text]) =>
    name === language ? [text ?? ''] : [],
  );

test('the GitHub workflow has at most twenty lines and nothing for actionlint to say', async (t) => {
  const [workflow = ''] = blocks('yaml');
  assert.match(workflow, /uses: zakenak\//);
  assert.ok(workflow.trimEnd().split('\n').length <= 20);
  const folder = await mkdtemp(join(tmpdir(), 'zakenak-readme-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, '.git'));
  write(folder, '.github/actionlint.yaml', 'self-hosted-runner:\n  labels: [wsl2, gpu]\n');
  write(folder, '.github/workflows/zakenak.yaml', workflow);
  const actionlint = await createTestToolchain().resolve('actionlint');
  const { stdout, status } = spawnSync(actionlint, ['-no-color'], { cwd: folder, encoding: 'utf8' });
  assert.equal(stdout, '');
  assert.equal(status, 0);
});

test('what the GitHub workflow gives our actions they take', () => {
  const workflow = parse(blocks('yaml')[0] ?? '') as Workflow;
  const steps = Object.values(workflow.jobs).flatMap((job) => job.steps);
  const ours = steps.filter(({ uses }) => uses.startsWith('zakenak/'));
  assert.equal(ours.length, 2);
  for (const { uses, with: given = {} } of ours) {
    const name = /^zakenak\/(.*)@v1$/.exec(uses)?.[1] ?? uses;
    const { inputs } = parse(readFileSync(join(root, 'actions', name, 'action.yml'), 'utf8')) as Inputs;
    for (const input of Object.keys(given)) assert.ok(input in inputs, `${name} has no input ${input}`);
  }
});

test('what the GitLab include gives our components they take', () => {
  const { include, stages } = parse(blocks('yaml')[1] ?? '') as Include;
  assert.equal(include.length, 2);
  for (const { component, inputs } of include) {
    const name = /\/([a-z0-9-]+)@[\d.]+$/.exec(component)?.[1] ?? component;
    const text = readFileSync(join(root, 'gitlab-templates', name, 'template.yml'), 'utf8');
    const [header = assert.fail(name)] = parseAllDocuments(text);
    const { spec } = header.toJS() as { readonly spec: Inputs };
    for (const input of Object.keys(inputs)) assert.ok(input in spec.inputs, `${name} has no input ${input}`);
    assert.ok(stages.includes(String(inputs.stage)));
  }
});

test('every zakenak command of the README has its verb, its flags and its words', () => {
  const commands = blocks('sh')
    .flatMap((text) => text.split('\n'))
    .filter((line) => line.startsWith('zakenak '))
    .map((line) =>
      line
        .replace(/\s+#.*$/, '')
        .split(' ')
        .slice(1),
    );
  assert.ok(commands.length >= 9);
  for (const [verb = '', ...rest] of commands) {
    const { stdout, status } = run(verb, '--help');
    assert.equal(status, 0, verb);
    for (const word of rest.filter((text) => text.startsWith('--')))
      assert.ok(stdout.includes(`  ${word} `), word);
    for (const word of rest.filter(
      (text, index) => !text.startsWith('--') && !rest[index - 1]?.startsWith('--'),
    ))
      assert.match(stdout, new RegExp(`\\b${word}\\b`), word);
  }
});

test('npm scripts of the README are those of package.json', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<
    'scripts',
    object
  >;
  const named = [...readme.matchAll(/^npm (?:run )?(\w+)/gm)].map(([, name]) => name ?? '');
  assert.deepEqual(named, ['demo', 'test']);
  for (const name of named) assert.ok(name in scripts, name);
});

test('every action stands in the table, with the command that runs it', () => {
  const actions = globSync('actions/*/package.json', { cwd: root }).map(
    (path) => dirname(path).split('/')[1] ?? '',
  );
  const rows = [
    ...readme.matchAll(/^\| \[([a-z0-9-]+)\]\(actions\/\1\/README\.md\) +\| `zakenak ([a-z]+)` +\|/gm),
  ];
  assert.deepEqual(rows.map(([, name]) => name).sort(), actions.sort());
  for (const [, name = '', verb = ''] of rows) {
    const { name: spec } = parse(readFileSync(join(root, 'actions', name, 'action.yml'), 'utf8')) as {
      name: string;
    };
    assert.equal(spec, `Zakenak ${name}`);
    assert.ok(
      readFileSync(join(root, 'actions', name, 'README.md'), 'utf8').includes(`zakenak ${verb}`),
      `${name}: ${verb}`,
    );
  }
});

test('every link of the README and of the documentation leads to a file', () => {
  const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...globSync('docs/**/*.md', { cwd: root })];
  for (const page of pages)
    for (const [, target = ''] of readFileSync(join(root, page), 'utf8').matchAll(
      /\]\(([^)#]+)(?:#[^)]*)?\)/g,
    ))
      if (!/^https?:/.test(target))
        assert.ok(existsSync(join(root, dirname(page), target)), `${page}: ${target}`);
});

test('every decision is listed', () => {
  const list = readFileSync(join(root, 'docs/adr/README.md'), 'utf8');
  for (const path of globSync('docs/adr/0*.md', { cwd: root }))
    assert.ok(list.includes(`(${path.split('/').at(-1)})`), path);
});

test('every code that the troubleshooting names is one of ours', () => {
  const section = readme.slice(
    readme.indexOf('## Troubleshooting'),
    readme.indexOf('## What is not there yet'),
  );
  const codes = [...section.matchAll(/`([a-z]+\/[a-z-]+)`/g)].map(([, code]) => code ?? '');
  assert.ok(codes.length >= 25);
  const sources = globSync('packages/*/src/**/*.ts', { cwd: root })
    .filter((path) => !path.endsWith('.test.ts'))
    .map((path) => readFileSync(join(root, path), 'utf8'))
    .join('\n');
  const errors = readFileSync(join(root, 'docs/errors.md'), 'utf8');
  for (const code of codes) assert.ok(errors.includes(`\`${code}\``) || sources.includes(`'${code}'`), code);
});

test('the table of exit codes is complete', () => {
  const rows = [...readme.matchAll(/^\| ([\d, ]+) \| /gm)].flatMap(
    ([, numbers]) => numbers?.split(', ') ?? [],
  );
  assert.deepEqual(rows.map(Number), Object.values(exitCodes));
});

test('the capture tells of stages that the demo has, in their order', () => {
  const capture = blocks('text')[0] ?? '';
  const headings = [...capture.matchAll(/^== (.*?)(?: {2}\d+\.\d s)?$/gm)].map(([, title]) => title ?? '');
  const demo = ['demo', 'closing']
    .map((name) => readFileSync(join(root, `examples/demo/${name}.ts`), 'utf8'))
    .join();
  assert.ok(headings.length >= 7);
  for (const title of headings) assert.ok(demo.includes(title), title);
  assert.match(capture, /ROLLED-BACK/);
  assert.doesNotMatch(capture, /ghp_/);
});

interface Workflow {
  readonly jobs: Readonly<
    Record<string, { readonly steps: readonly { readonly uses: string; readonly with?: object }[] }>
  >;
}
interface Include {
  readonly include: readonly {
    readonly component: string;
    readonly inputs: Readonly<Record<string, unknown>>;
  }[];
  readonly stages: readonly string[];
}
interface Inputs {
  readonly inputs: Readonly<Record<string, unknown>>;
}

function run(...args: readonly string[]) {
  return spawnSync(process.execPath, [join(root, 'packages/cli/src/bin.ts'), ...args], { encoding: 'utf8' });
}

function write(folder: string, name: string, text: string): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), text);
}
