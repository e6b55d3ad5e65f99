import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderSchemas } from './convert.ts';
import { prepareSchemas } from './prepare.ts';

const api = {
  definitions: {
    Port: {
      properties: { port: { $ref: '#/definitions/io.k8s.apimachinery.pkg.util.intstr.IntOrString' } },
      type: 'object',
    },
    'io.k8s.apimachinery.pkg.util.intstr.IntOrString': { type: 'string', format: 'int-or-string' },
    Ingress: {
      type: 'object',
      required: ['class'],
      properties: {
        apiVersion: { type: 'string' },
        kind: { type: 'string' },
        class: { type: 'string' },
        note: { type: 'string' },
      },
      'x-kubernetes-group-version-kind': [{ group: 'networking.k8s.io', version: 'v1', kind: 'Ingress' }],
    },
  },
};

test('a kind becomes a closed schema under the name that kubeconform asks for', () => {
  const schema = renderSchemas(api).get('ingress-networking-v1.json');
  assert.equal(schema?.additionalProperties, false);
  assert.deepEqual(schema?.properties, {
    apiVersion: { type: 'string', enum: ['networking.k8s.io/v1'] },
    kind: { type: 'string', enum: ['Ingress'] },
    class: { type: 'string' },
    note: { type: ['string', 'null'] },
  });
});

test('what is an integer or a string takes both', () => {
  const { definitions } = renderSchemas(api).get('_definitions.json') as {
    definitions: Record<string, unknown>;
  };
  assert.deepEqual(definitions['io.k8s.apimachinery.pkg.util.intstr.IntOrString'], {
    type: ['string', 'integer', 'null'],
  });
});

test('what is no version is refused before anything is downloaded', async () => {
  const process = { run: () => assert.fail('nothing may run') };
  await assert.rejects(
    prepareSchemas('1.34', { process, progress: { emit() {} }, cacheFolder: '/nowhere' }),
    { code: 'schemas/unavailable' },
  );
});
