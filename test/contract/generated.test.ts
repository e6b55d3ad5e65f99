import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { generate } from '@zakenak/devkit';
import { parse, parseAllDocuments, parseDocument } from 'yaml';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const actions = globSync('actions/*/package.json', { cwd: root }).map((path) => path.split('/')[1] ?? '');

interface Metadata {
  readonly name: string;
  readonly inputs: Readonly<Record<string, { readonly description: string; readonly required: boolean }>>;
  readonly outputs: Readonly<Record<string, { readonly description: string }>>;
  readonly runs: { readonly using: string; readonly main: string };
}

test('what comes from the specs is what the specs say', async () => {
  assert.deepEqual(await generate(root, true), [], 'run `npm run generate` and commit what it writes');
});

test('every action has metadata that a runner takes, a README, and a main that exists', () => {
  assert.ok(actions.length >= 9, actions.join(' '));
  for (const action of actions) {
    const document = parseDocument(read(`actions/${action}/action.yml`));
    assert.deepEqual(document.errors, [], action);
    const { inputs, outputs, runs } = document.toJS() as Metadata;
    assert.equal(runs.using, 'node24', action);
    assert.ok(existsSync(join(root, 'actions', action, runs.main)), action);
    for (const [name, { description }] of [...Object.entries(inputs), ...Object.entries(outputs)]) {
      assert.match(name, /^[a-z][a-z0-9-]*$/, action);
      assert.ok(description, `${action}: ${name}`);
    }
    assert.match(read(`actions/${action}/README.md`), new RegExp(`^# ${action}\n`));
  }
});

test('every action has a GitLab component whose inputs are unique, optional and all reach the job', () => {
  for (const action of actions) {
    const documents = [...parseAllDocuments(read(`gitlab-templates/${action}/template.yml`))];
    assert.deepEqual(
      documents.flatMap(({ errors }) => errors),
      [],
      action,
    );
    const [header, body, ...more] = documents.map((document) => document.toJS());
    assert.equal(more.length, 0, action);
    const { inputs } = (header as GitlabHeader).spec;
    const text = JSON.stringify(body);
    for (const [name, input] of Object.entries(inputs)) {
      assert.equal(typeof input.default, 'string', `${action}: ${name}`);
      assert.ok(
        input.options?.includes(input.default) ?? true,
        `${action}: ${name}: the default is an option`,
      );
      assert.ok(text.includes(`$[[ inputs.${name} ]]`), `${action}: ${name} is used`);
    }
    for (const [, name = ''] of text.matchAll(/\$\[\[ inputs\.([\w-]+) \]\]/g))
      assert.ok(name in inputs, `${action}: ${name} is declared`);
    const [job] = Object.values(body as Readonly<Record<string, { script: readonly string[] }>>);
    assert.equal(job?.script.join('\n').includes('$[['), false, `${action}: no input inside a script`);
  }
});

interface GitlabHeader {
  readonly spec: { readonly inputs: Readonly<Record<string, GitlabInput>> };
}

interface GitlabInput {
  readonly default: string;
  readonly options?: readonly string[];
}

const workflows = globSync(['.github/workflows/*.y*ml', 'examples/*/.github/workflows/*.y*ml'], {
  cwd: root,
});

interface Step {
  readonly id?: string;
  readonly uses?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly if?: string;
  readonly permissions?: unknown;
  readonly steps: readonly Step[];
}

const jobsOf = (path: string) =>
  Object.entries((parse(read(path)) as { jobs: Readonly<Record<string, Job>> }).jobs);

test('workflows may nothing by default, and name foreign actions by commit with their version beside it', () => {
  assert.ok(workflows.length >= 3, workflows.join(' '));
  for (const path of workflows) {
    const text = read(path);
    assert.deepEqual((parse(text) as { permissions: unknown }).permissions, {}, path);
    for (const [name, { permissions }] of jobsOf(path)) assert.ok(permissions, `${path}: ${name}`);
    const pins = [...text.matchAll(/uses:\s*(\S+)(.*)/g)].filter(
      ([, uses = '']) => !uses.startsWith('zakenak/'),
    );
    for (const [line, uses = '', rest = ''] of pins) {
      assert.match(uses, /^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/, `${path}: ${line}`);
      assert.match(rest, /^ # v\d+\.\d+\.\d+/, `${path}: ${line}`);
    }
  }
});

test('the workflow that `zakenak init` writes names foreign actions by the commits that our own do', () => {
  const pinsOf = (text: string) =>
    [...text.matchAll(/uses: ((?!zakenak\/)\S+ #.*|(?!zakenak\/)\S+)/g)].map(([, pin = '']) => pin.trim());
  const own = new Set(workflows.flatMap((path) => pinsOf(read(path))));
  const written = pinsOf(read('packages/pipeline/src/verbs/init.ts'));
  assert.ok(written.length >= 2);
  for (const pin of written) assert.ok(own.has(pin), pin);
});

test('a workflow gives at most one job an identity of the forge: one that no pull request starts, and that has no other secret', () => {
  for (const path of workflows) {
    const on = Object.keys((parse(read(path)) as { on: object }).on);
    const identified = jobsOf(path).filter(([, { permissions }]) => 'id-token' in (permissions as object));
    assert.ok(identified.length <= 1, `${path}: ${identified.map(([name]) => name)}`);
    for (const [name, job] of identified) {
      const isPushed =
        on.every((event) => event === 'push') || /github\.event_name == 'push'/.test(job.if ?? '');
      assert.ok(isPushed, `${path}: ${name}`);
      assert.doesNotMatch(JSON.stringify(job), /secrets\./, `${path}: ${name}`);
    }
  }
});

test('the reference platform’s GitLab pipeline uses components and inputs that exist', () => {
  const { include } = parse(read('examples/platform/.gitlab-ci.yml')) as {
    include: readonly { component: string; inputs: Readonly<Record<string, string>> }[];
  };
  assert.ok(include.length >= 5);
  for (const { component, inputs: given } of include) {
    const action = component.split('@')[0]?.split('/').at(-1) ?? '';
    const [header] = parseAllDocuments(read(`gitlab-templates/${action}/template.yml`));
    const { inputs } = (header?.toJS() as GitlabHeader | undefined)?.spec ?? { inputs: {} };
    for (const [name, value] of Object.entries(given)) {
      assert.ok(name in inputs, `${component}: ${name}`);
      assert.equal(typeof value, 'string', `${component}: ${name}`);
    }
  }
});

test('a release reaches the repository of every action', () => {
  const { jobs } = parse(read('.github/workflows/release.yml')) as {
    jobs: { actions: { strategy: { matrix: { action: readonly string[] } } } };
  };
  assert.deepEqual(jobs.actions.strategy.matrix.action, actions.toSorted());
});

test('no expression is put into a script', () => {
  for (const path of workflows)
    for (const [, line = ''] of read(path).matchAll(/^\s*(?:- )?run:(.*)$/gm))
      assert.equal(line.includes('${{'), false, `${path}: ${line}`);
});

test('workflows use inputs and outputs of our actions that exist', () => {
  for (const path of workflows)
    for (const [name, { steps }] of jobsOf(path))
      for (const { id, uses = '', with: given = {} } of steps.filter(({ uses }) =>
        uses?.startsWith('zakenak/'),
      )) {
        const action = uses.slice('zakenak/'.length).split('@')[0] ?? '';
        const { inputs, outputs } = parse(read(`actions/${action}/action.yml`)) as Metadata;
        for (const input of Object.keys(given))
          assert.ok(input in inputs, `${path}: ${name}: ${action} has no input ${input}`);
        const used = id ? read(path).matchAll(new RegExp(`steps\\.${id}\\.outputs\\.([\\w-]+)`, 'g')) : [];
        for (const [, output = ''] of used)
          assert.ok(output in outputs, `${path}: ${name}: ${action} has no output ${output}`);
      }
});
