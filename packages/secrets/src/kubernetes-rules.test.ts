import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { parseRawLine } from './changes.ts';
import { findKubernetesSecrets } from './kubernetes-rules.ts';

const made = () => `Qx7${randomBytes(9).toString('hex')}`;
const encode = (text: string) => Buffer.from(text).toString('base64');
const pem = () =>
  ['-----BEGIN', 'PRIVATE KEY-----\n'].join(' ') +
  `${randomBytes(40).toString('base64')}\n${['-----END', 'PRIVATE KEY-----'].join(' ')}`;
const find = (path: string, text: string) =>
  findKubernetesSecrets(path, text).map(({ rule, line }) => `${rule}:${line}`);
const secret = (body: string) => `apiVersion: v1\nkind: Secret\nmetadata: { name: x }\n${body}`;

test('values of a plain Secret are looked through base64, and only credentials are found', () => {
  const [password, token] = [made(), made()];
  const text = secret(
    `data:\n  username: ${encode('administrator1')}\n  password: ${encode(password)}\n  ca.crt: ${encode('x'.repeat(40))}\nstringData:\n  API_TOKEN: "${token}"\n  tls.key: |\n${pem().replace(/^/gm, '    ')}\n  host: db.example.invalid\ntype: Opaque\n`,
  );
  assert.deepEqual(find('manifests/a.yaml', text), [
    'kubernetes-secret-value:6',
    'kubernetes-secret-value:9',
    'kubernetes-secret-value:11',
  ]);
  // What is found is the text of the file, to be masked where it stands.
  assert.deepEqual(
    findKubernetesSecrets('a.yaml', text).map((one) => one.secret.split('\n').length),
    [1, 1, 3],
  );
});

test('a kubeconfig’s client key and token are found, its certificates are not', () => {
  const text = `apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    certificate-authority-data: ${encode('cert')}\nusers:\n- name: a\n  user:\n    client-certificate-data: ${encode('cert')}\n    client-key-data: ${encode(pem())}\n- name: b\n  user:\n    token: ${made()}\n`;
  assert.deepEqual(find('kubeconfig', text), ['kubeconfig-credential:10', 'kubeconfig-credential:13']);
});

test('credentials are found in values files, and in no other file of that look', () => {
  const text = `db:\n  password: ${made()}\n  adminPassword: '${made()}' # set by hand\n  token: ${made()} # gitleaks:allow\n`;
  for (const path of ['values.yaml', 'charts/x/values-prod.yaml', 'values/prod.yml'])
    assert.deepEqual(find(path, text), ['values-credential:2', 'values-credential:3'], path);
  assert.deepEqual(find('charts/x/templates/a.yaml', text), []);
});

test('templates, ciphertexts, references and placeholders are no findings', () => {
  const values = [
    '{{ .Values.password }}',
    '{{- randAlphaNum 24 | quote }}',
    ['"$', '{DB_PASSWORD}"'].join(''),
    '$(TOKEN_9)',
    'changeme-123',
    '<your-password-1>',
    'ENC[AES256_GCM,data:Zm9v1,type:str]',
    'vault:secret/data/db#Pass1',
    'open-webui-secret-1',
    'openwebui.secretKey',
    'xxxxxxxx1A',
    'https://issuer.example.invalid/Path1',
    '/run/secrets/Db1',
    '""',
    'true',
    'short1',
  ];
  for (const value of values) {
    assert.deepEqual(find('values.yaml', `password: ${value}\n`), [], value);
    assert.deepEqual(find('a.yaml', secret(`stringData:\n  password: ${value}\n`)), [], value);
  }
  assert.deepEqual(find('values.yaml', `existingSecret: ${made()}\nsecretName: ${made()}\n`), []);
  const sops = `${secret(`data:\n  password: ${encode(made())}\n`)}sops:\n  mac: x\n`;
  assert.deepEqual(find('a.yaml', sops), []);
});

test('documents of a file are judged apart, at lines of the file', () => {
  const text = `kind: ConfigMap\ndata:\n  password: ${encode(made())}\n---\n${secret(`data:\n  password: ${encode(made())}\n`)}`;
  assert.deepEqual(find('a.yaml', text), ['kubernetes-secret-value:9']);
});

test('a line of a megabyte and a hundred thousand keys end within a second', () => {
  const started = performance.now();
  findKubernetesSecrets('values.yaml', `password: ${'a-'.repeat(500_000)}\n`);
  findKubernetesSecrets('values.yaml', ' - '.repeat(300_000));
  findKubernetesSecrets('values.yaml', 'password: |\n'.repeat(80_000));
  assert.ok(performance.now() - started < 1000);
});

test('changes of commits are read with names of any bytes', () => {
  const [a, b, zero] = ['a', 'b', '0'].map((digit) => digit.repeat(40));
  const read = (line: string) => parseRawLine(line, 'c');
  assert.deepEqual(read(`:000000 100644 ${zero} ${b} A\t"-odd\\n:\\303\\244\\\\\\"x.yaml"`), {
    names: ['-odd\n:\xc3\xa4\\"x.yaml'],
    change: { commit: 'c', path: '-odd\n:ä\\"x.yaml', name: '-odd\n:\xc3\xa4\\"x.yaml', blob: b },
  });
  assert.deepEqual(read(`:100644 100644 ${b} ${a} M\tc d`).change, {
    commit: 'c',
    path: 'c d',
    name: 'c d',
    blob: a,
    former: b,
  });
  assert.deepEqual(read(`:100644 100755 ${b} ${a} R090\told\t"n\\tw"`), {
    names: ['old', 'n\tw'],
    change: { commit: 'c', path: 'n\tw', name: 'n\tw', blob: a },
  });
  for (const none of [`:100644 000000 ${b} ${zero} D\tgone`, `:000000 160000 ${zero} ${a} A\tmodule`])
    assert.equal(read(none).change, undefined);
  assert.deepEqual(read(`:100644 000000 ${b} ${zero} D\tgone`).removal, { name: 'gone', blob: b });
  assert.throws(() => read('::100644 100644 100644 a b c MM\tx'));
});
