import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitRendered } from './manifests.ts';
import { checkPolicies } from './policies.ts';

const checks = new Set(['privileged']);
const container = '{name: a, image: "b:1", securityContext: {privileged: yes}}';
const pod = (more = ''): string =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers: [${container}]\n${more}`;

/** The checks that find something in a rendered text, with what is written at their places. */
function judge(text: string): readonly string[] {
  return splitRendered(text).flatMap((rendered) =>
    checkPolicies(rendered, '1.34.4', checks).map(
      ({ check, offset }) => `${check} ${rendered.text.slice(offset).split('}')[0]}`,
    ),
  );
}

for (const [name, text] of [
  ['plain', pod()],
  ['under a key that is repeated', `kind: ConfigMap\n${pod()}`],
  ['whose kind is written with escapes', pod().replace('kind: Pod', '"k\\u0069nd": "P\\u006fd"')],
  ['whose kind is binary', pod().replace('Pod', '!!binary UG9k')],
  ['whose kind is an alias', `x: &k Pod\n${pod().replace('kind: Pod', 'kind: *k')}`],
  ['in a List', `apiVersion: v1\nkind: List\nitems:\n- ${pod().trim().replaceAll('\n', '\n  ')}\n`],
  [
    'in a list of its kind',
    `apiVersion: v1\nkind: PodList\nitems:\n- {metadata: {name: p}, spec: {containers: [${container}]}}\n`,
  ],
  ['beside brackets that begin where they like', pod('  args: [\n"a",\n]\n')],
  ['beside a quoted text that begins where it likes', pod('  x: "a\nb"\n')],
] as const)
  test(`a privileged container is found in a pod ${name}`, () => {
    assert.deepEqual(judge(text), ['privileged yes']);
  });

test('what cannot be read is told, not passed over', () => {
  const [rendered] = splitRendered(`${pod()}: {\n`);
  assert.ok(rendered);
  assert.deepEqual(
    checkPolicies(rendered, '1.34.4', new Set()).map(({ check, severity }) => [check, severity]),
    [['unreadable', 'high']],
  );
});
