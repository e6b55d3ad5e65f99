import assert from 'node:assert/strict';
import { test } from 'node:test';
import { objectOf } from '../testing/objects.ts';
import { backersOf } from './served-by.ts';

const named = (name: string, namespace = 'shop') => ({ name, namespace });
const service = objectOf('v1', 'Service', { metadata: named('hooks'), spec: { selector: { app: 'hooks' } } });
const workload = (name: string, labels: object, namespace = 'shop') =>
  objectOf('apps/v1', 'Deployment', {
    metadata: named(name, namespace),
    spec: { template: { metadata: { labels } } },
  });
const server = workload('server', { app: 'hooks', tier: 'x' });
const objects = [
  service,
  server,
  workload('other', { app: 'web' }),
  workload('far', { app: 'hooks' }, 'far'),
];
const config = (kind: string, name: string) =>
  objectOf('admissionregistration.k8s.io/v1', kind, {
    webhooks: [
      { name: 'a', clientConfig: { url: 'https://elsewhere.invalid' } },
      { name: 'b', clientConfig: { service: { name, namespace: 'shop' } } },
    ],
  });

test('the workload behind a webhook or an APIService is found through its Service’s selector', () => {
  for (const kind of ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'])
    assert.deepEqual(backersOf(config(kind, 'hooks'), objects), [server]);
  const extension = objectOf('apiregistration.k8s.io/v1', 'APIService', {
    spec: { service: { name: 'hooks', namespace: 'shop' } },
  });
  assert.deepEqual(backersOf(extension, objects), [server]);
});

test('a Service of nobody here, one without selector, and other kinds have nothing to wait for', () => {
  assert.deepEqual(backersOf(config('MutatingWebhookConfiguration', 'theirs'), objects), []);
  const bare = objectOf('v1', 'Service', { metadata: named('bare'), spec: {} });
  assert.deepEqual(backersOf(config('MutatingWebhookConfiguration', 'bare'), [bare, server]), []);
  assert.deepEqual(backersOf(service, objects), []);
});
