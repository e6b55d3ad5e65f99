import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkTag, isLoopback, parseImageName } from './reference.ts';

test('names are split into host and repository as docker does', () => {
  const of = (text: string) => [parseImageName(text).host, parseImageName(text).repository];
  assert.deepEqual(of('ghcr.io/acme/app'), ['ghcr.io', 'acme/app']);
  assert.deepEqual(of('localhost:5000/app'), ['localhost:5000', 'app']);
  assert.deepEqual(of('localhost/app'), ['localhost', 'app']);
  assert.deepEqual(of('acme/app'), ['registry-1.docker.io', 'acme/app']);
  assert.deepEqual(of('docker.io/acme/app'), ['registry-1.docker.io', 'acme/app']);
  assert.deepEqual(of('app'), ['registry-1.docker.io', 'library/app']);
});

test('upper case is lowered', () => {
  assert.equal(parseImageName('ghcr.io/Acme/App').name, 'ghcr.io/acme/app');
});

test('what is no image name is a coded error', () => {
  for (const text of [
    '',
    'a b',
    'ghcr.io/acme/app:1',
    'a@sha256:1',
    '-x',
    '../x',
    'a//b',
    'x/',
    'ghcr.io/a,push=true',
  ])
    assert.throws(() => parseImageName(text), { code: 'image/bad-input', exitCode: 2 }, text);
  for (const text of ['', '.x', '-x', 'a/b', 'a'.repeat(129), 'a,b'])
    assert.throws(() => checkTag(text), { code: 'image/bad-input' });
});

test('only this machine is loopback', () => {
  for (const host of ['localhost', 'localhost:5000', '127.0.0.1:5000', '127.9.9.9', '[::1]:5000'])
    assert.ok(isLoopback(host), host);
  for (const host of ['localhost.example.com', '127.0.0.1.nip.io', 'ghcr.io', '10.0.0.1', '[::2]:5000'])
    assert.equal(isLoopback(host), false, host);
});
