import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeRights, groupRights, isGranted, type Right, type RightRule, ruleOf } from './right.ts';

const right: Right = {
  verb: 'patch',
  group: 'apps',
  resource: 'deployments',
  namespace: 'shop',
  name: 'web',
};
const rule = { verbs: ['patch'], apiGroups: ['apps'], resources: ['deployments'] };
const log = { verb: 'get', group: '', resource: 'pods/log' };

const cases: readonly (readonly [string, Right, RightRule, boolean])[] = [
  ['the same', right, rule, true],
  ['any verb', right, { ...rule, verbs: ['*'] }, true],
  ['any group', right, { ...rule, apiGroups: ['*'] }, true],
  ['any resource', right, { ...rule, resources: ['*'] }, true],
  ['another verb', right, { ...rule, verbs: ['update'] }, false],
  ['another group', right, { ...rule, apiGroups: [''] }, false],
  ['another resource', right, { ...rule, resources: ['deployments/scale'] }, false],
  ['its name', right, { ...rule, resourceNames: ['db', 'web'] }, true],
  ['another name', right, { ...rule, resourceNames: ['db'] }, false],
  [
    'a name, where none is asked for',
    { verb: 'list', group: 'apps', resource: 'deployments' },
    { ...rule, verbs: ['*'], resourceNames: ['web'] },
    false,
  ],
  ['the subresource', log, { verbs: ['get'], apiGroups: [''], resources: ['pods/log'] }, true],
  ['the subresource of any resource', log, { verbs: ['get'], apiGroups: [''], resources: ['*/log'] }, true],
  ['only the resource', log, { verbs: ['get'], apiGroups: [''], resources: ['pods'] }, false],
  ['nothing', right, {}, false],
];

for (const [name, wanted, given, granted] of cases)
  test(`a rule for ${name} ${granted ? 'grants' : 'does not grant'} a right`, () => {
    assert.equal(isGranted(wanted, [{}, given]), granted);
  });

test('rights are told by resource and place, verbs and names joined, with the rule that grants them', () => {
  const groups = groupRights([
    right,
    { ...right, verb: 'create' },
    { verb: 'create', group: '', resource: 'namespaces' },
    { ...right, verb: 'delete', name: 'web' },
    { ...right, verb: 'delete', name: 'api' },
    { ...log, namespace: 'shop' },
  ]);
  assert.deepEqual(groups.map(describeRights), [
    'create namespaces in the whole cluster',
    'get pods/log in namespace shop',
    'delete deployments.apps api, web in namespace shop',
    'create, patch deployments.apps web in namespace shop',
  ]);
  assert.equal(
    ruleOf(groups[2] ?? assert.fail()),
    '- { apiGroups: ["apps"], resources: ["deployments"], resourceNames: ["api", "web"], verbs: ["delete"] }',
  );
});
