import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@zakenak/core';
import { staysHeadless, strayFields } from './server-fields.ts';

const of = (
  apiVersion: string,
  kind: string,
  spec: object,
  managedFields: readonly object[] = [],
): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name: 'web', namespace: 'shop', managedFields },
  spec,
});
const deployment = (spec: object): KubeObject => of('apps/v1', 'Deployment', spec);
const rolling = { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%' } };

test('a rolling update’s settings go with its strategy, where only the server wrote them', () => {
  const stray = { 'f:spec': { 'f:strategy': { 'f:rollingUpdate': {} } } };
  const live = deployment({ strategy: rolling });
  assert.deepEqual(strayFields(deployment({ strategy: { type: 'Recreate' } }), live), stray);
  assert.equal(strayFields(deployment({}), live), undefined);
  assert.equal(strayFields(deployment({ strategy: rolling }), live), undefined);
  const done = deployment({ strategy: { type: 'Recreate' } });
  assert.equal(strayFields(done, done), undefined);
});

test('the old name of a service account goes with it, wherever a kind holds its pods', () => {
  const pods = (pod: object) => ({ template: { spec: pod } });
  const account = { serviceAccountName: 'a', serviceAccount: 'a' };
  const stray = { 'f:template': { 'f:spec': { 'f:serviceAccount': {} } } };
  assert.deepEqual(strayFields(deployment(pods({})), deployment(pods(account))), { 'f:spec': stray });
  const job = (pod: object) => of('batch/v1', 'CronJob', { jobTemplate: { spec: pods(pod) } });
  assert.deepEqual(strayFields(job({}), job(account)), {
    'f:spec': { 'f:jobTemplate': { 'f:spec': stray } },
  });
  assert.equal(
    strayFields(deployment(pods({ serviceAccountName: 'b' })), deployment(pods(account))),
    undefined,
  );
});

test('the emptyDir that a volume without a source was given goes where it gets one', () => {
  const pods = (...volumes: readonly object[]) => ({ template: { spec: { volumes } } });
  const wanted = deployment(pods({ name: 'b' }, { name: 'v', secret: {} }));
  const set = { 'k:{"name":"v"}': { 'f:emptyDir': {} } };
  const volumes = { 'f:spec': { 'f:template': { 'f:spec': { 'f:volumes': set } } } };
  const given = pods({ name: 'v', emptyDir: {} });
  assert.deepEqual(strayFields(wanted, deployment(given)), volumes);
  const owned = of('apps/v1', 'Deployment', given, [{ manager: 'helm', fieldsV1: volumes }]);
  assert.equal(strayFields(wanted, owned), undefined, 'it goes by itself');
  for (const same of [{ name: 'v' }, { name: 'v', emptyDir: {} }, { name: 'w', secret: {} }])
    assert.equal(strayFields(deployment(pods(same)), deployment(given)), undefined);
});

test('kinds of the oldest group hold their pods as others do', () => {
  const volumes = (volume: object) => ({ template: { spec: { volumes: [volume] } } });
  const [wanted, given] = [volumes({ name: 'v', secret: {} }), volumes({ name: 'v', emptyDir: {} })];
  const set = { 'k:{"name":"v"}': { 'f:emptyDir': {} } };
  const stray = { 'f:template': { 'f:spec': { 'f:volumes': set } } };
  const controller = (spec: object) => of('v1', 'ReplicationController', spec);
  assert.deepEqual(strayFields(controller(wanted), controller(given)), { 'f:spec': stray });
  const template = (own: object) => ({ ...of('v1', 'PodTemplate', {}), ...own });
  assert.deepEqual(strayFields(template(wanted), template(given)), stray);
});

test('both go at once', () => {
  const live = deployment({ strategy: rolling, template: { spec: { serviceAccount: 'a' } } });
  const found = strayFields(deployment({ strategy: { type: 'Recreate' } }), live);
  assert.deepEqual(Object.keys(found?.['f:spec'] ?? {}).sort(), ['f:strategy', 'f:template']);
});

test('a Service that a release made headless is made anew when it is to be so no more', () => {
  const service = (spec: object, owner = 'helm'): KubeObject =>
    of('v1', 'Service', spec, [{ manager: owner, fieldsV1: { 'f:spec': { 'f:clusterIP': {} } } }]);
  const headless = service({ clusterIP: 'None' });
  assert.equal(staysHeadless(service({}), headless), true);
  assert.equal(staysHeadless(service({ clusterIP: 'None' }), headless), false);
  assert.equal(staysHeadless(service({ type: 'ExternalName' }), headless), false);
  assert.equal(staysHeadless(service({}), service({ clusterIP: '10.0.0.1' })), false);
  assert.equal(staysHeadless(service({}), service({ clusterIP: 'None' }, 'mesh')), false, 'it is another’s');
});
