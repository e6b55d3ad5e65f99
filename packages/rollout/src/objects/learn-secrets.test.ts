import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@zakenak/core';
import { learnFromObjects, learnFromValues, learnSuspects } from './learn-secrets.ts';
import { isSecretName } from './secret-names.ts';

const encode = (text: string): string => Buffer.from(text).toString('base64');

function learn(by: (redactor: { add(secret: string): void }) => void): readonly string[] {
  const learned = new Set<string>();
  by({ add: (secret) => void learned.add(secret) });
  return [...learned].sort();
}

const secret = (data: object, stringData: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'long-object-name' },
  data,
  stringData,
});

test('names of secrets are known in every spelling, and what only begins like one is none', () => {
  for (const name of [
    'password',
    'DB_PASSWORD',
    'clientSecret',
    'api-key',
    'apiKey',
    'AWS_SECRET_ACCESS_KEY',
    'mail.pass',
    'JWTToken',
  ])
    assert.ok(isSecretName(name), name);
  for (const name of [
    'secretName',
    'existingSecret',
    'imagePullSecret',
    'tokenTTL',
    'passwordPolicy',
    'key',
    'monkey',
    'compass',
    'text',
  ])
    assert.ok(!isSecretName(name), name);
});

test('every value of a Secret is learned, but for short words, certificates and names of objects', () => {
  const learned = learn((redactor) =>
    learnFromObjects(
      [
        secret(
          {
            long: encode('correct horse'),
            short: encode('admin'),
            mixed: encode('h4nter'),
            'tls.crt': encode('-----BEGIN'),
          },
          { named: 'long-object-name', number: 12_345_678, password: 'p4ss', user: 'p4ss' },
        ),
      ],
      redactor,
    ),
  );
  for (const one of ['correct horse', 'h4nter', '12345678', 'p4ss']) assert.ok(learned.includes(one), one);
  for (const one of ['admin', '-----BEGIN', 'long-object-name']) assert.ok(!learned.includes(one), one);
});

test('the passwords inside of a Secret’s files are learned', () => {
  const config = 'database:\n  password: "in-the-file"\n  host: database.example.com\n';
  const docker = JSON.stringify({ auths: { 'r.example.com': { password: 'of-the-registry' } } });
  const learned = learn((redactor) =>
    learnFromObjects([secret({ 'app.yaml': encode(config), '.dockerconfigjson': encode(docker) })], redactor),
  );
  for (const one of ['in-the-file', 'of-the-registry']) assert.ok(learned.includes(one), one);
  assert.ok(!learned.includes('database.example.com'));
});

test('variables, arguments, keys and addresses of other objects and of values tell of secrets by their names', () => {
  const pod = {
    containers: [
      {
        name: 'web',
        image: 'example/web:1.2.3-alpine',
        args: ['--api-token', 'next-argument', '--password=same-argument', '--port', '8080'],
        env: [
          { name: 'DB_PASSWORD', value: 'in-a-variable' },
          { name: 'GREETING', value: 'hello-there' },
          { name: 'TOKEN', value: '$(OTHER_VARIABLE)' },
        ],
      },
    ],
    url: 'postgres://web:in%2Fan%2Faddress@db:5432/web',
    auth: { clientSecret: 's3cret', enabled: true, tokenTTL: '3600-seconds', pin: 1 },
    text: 'mail.password=in-a-property\nmail.host=mail.example.com',
  };
  assert.deepEqual(
    learn((redactor) => learnFromValues(pod, redactor)),
    [
      'in%2Fan%2Faddress',
      'in-a-property',
      'in-a-variable',
      'in/an/address',
      'next-argument',
      's3cret',
      'same-argument',
    ].sort(),
  );
});

test('suspects are values that look made by a machine', () => {
  const values = {
    a: 'f7a2b8Q490e3',
    b: ['registry.example.com/web:1.2.3', '1.2.3-alpine', 'hello', 'only-words here'],
  };
  assert.deepEqual(
    learn((redactor) => learnSuspects(values, redactor)),
    ['f7a2b8Q490e3', 'only-words here'],
  );
});
