import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type InputSpec, namesOf } from '@zakenak/core';
import { actionSpecs } from '@zakenak/devkit';
import { parse, parseAllDocuments } from 'yaml';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const specs = await actionSpecs(root);
const words = (text: string) => text.trim().split(/\s+/);

/** The names that users of the review actions write, by whichever tool they know them from: none may go. */
const promised: Readonly<Record<string, { readonly inputs: string; readonly outputs: string }>> = {
  'lint-helm': {
    inputs: `charts chart-dirs changed-only base-ref values kubernetes-versions schema-locations crd-dirs strict version-bump
      checks ignore-file baseline update-baseline severity-threshold fail-on format output-dir helm-path annotations-max`,
    outputs: 'changed-charts findings-count new-count errors warnings sarif-file report-file result',
  },
  'scan-secrets': {
    inputs: `scope base head config gitleaks-config baseline update-baseline redact max-file-size decode-depth exclude fail-on
      comment format output-dir`,
    outputs: 'leaks-count new-count sarif-file report-file commits-scanned range result',
  },
  'sign-verify-commits': {
    inputs: `base head policy-file policy-ref allowed-signers keyring web-flow bots require-dco tags mode min-strength
      grace-expired fail-on format output-dir`,
    outputs: 'verified unverified total signer-map report-file sarif-file result',
  },
};

/** What a choice takes, and what holds where nothing is said. */
const choices: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'lint-helm': {
    'version-bump': 'off warn error',
    'severity-threshold': 'critical high medium low info none',
    format: 'json markdown sarif junit code-quality',
  },
  'scan-secrets': {
    scope: 'range tree history',
    'fail-on': 'new any none',
    format: 'json markdown sarif junit code-quality gl-secret-detection',
  },
  'sign-verify-commits': {
    'web-flow': 'allow merge-only deny',
    mode: 'local api both',
    'fail-on': 'unverified none',
    format: 'json markdown sarif junit code-quality',
  },
};

for (const [action, { inputs, outputs }] of Object.entries(promised))
  test(`${action} has every input and output that its users know, wherever it is written down`, () => {
    const spec = specs.find(({ name }) => name === action);
    assert.ok(spec, action);
    const metadata = parse(read(`actions/${action}/action.yml`));
    const [header] = parseAllDocuments(read(`gitlab-templates/${action}/template.yml`));
    const component = header?.toJS().spec.inputs;
    const readme = read(`actions/${action}/README.md`);
    for (const name of words(inputs)) {
      assert.ok(name in namesOf(spec.inputs), `the command line: ${name}`);
      assert.ok(name in metadata.inputs, `action.yml: ${name}`);
      assert.match(readme, new RegExp(`^\\|.*\`${name}\`.*\\|`, 'm'), `README: ${name}`);
      // Where the reports go is the GitLab job's own, and only GitHub shows annotations.
      const isJobs = name === 'output-dir' || name === 'annotations-max';
      assert.equal(name in component, !isJobs, `GitLab: ${name}`);
    }
    for (const name of words(outputs)) {
      assert.ok(name in metadata.outputs, `action.yml: ${name}`);
      assert.match(readme, new RegExp(`^\\| \`${name}\` `, 'm'), `README: ${name}`);
    }
    for (const [name, wanted] of Object.entries(choices[action] ?? {})) {
      const input: InputSpec | undefined = namesOf(spec.inputs)[name];
      const taken: readonly string[] = (input && 'choices' in input && input.choices) || [];
      assert.deepEqual([...taken].sort(), words(wanted).sort(), name);
    }
  });

test('an input with several names has no default of its own: the runner would give it beside the other name', () => {
  const named = specs.flatMap(({ name: action, inputs }) =>
    Object.entries(inputs)
      .filter(([, { aliases }]) => aliases)
      .map(([name, input]) => ({ action, name, input })),
  );
  assert.ok(named.length >= 3, 'there are some');
  for (const { action, name, input } of named) {
    const { inputs } = parse(read(`actions/${action}/action.yml`));
    for (const called of [name, ...(input.aliases ?? [])])
      assert.equal(inputs[called].default, undefined, `${action}: ${called}`);
  }
});

test('no name stands for two inputs', () => {
  for (const { name: action, inputs } of specs) {
    const names = Object.entries(inputs).flatMap(([name, { aliases = [] }]) => [name, ...aliases]);
    assert.equal(new Set(names).size, names.length, `${action}: ${names}`);
  }
});
