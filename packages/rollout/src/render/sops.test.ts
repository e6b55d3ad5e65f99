import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRedactor } from '@zakenak/core';
import { fakeProcess } from '@zakenak/core/testing';
import { decryptValues, lostMetadata } from './sops.ts';

const cipher = 'ENC[AES256_GCM,data:x,type:str]';

/** What the redactor leaves of a text once this value of a file was decrypted. */
async function redactAfter(value: unknown, text: string): Promise<string> {
  const redactor = createRedactor();
  const answer = { stdout: JSON.stringify({ at: [{ some: value }], plain: 'plain text' }) };
  const process = fakeProcess([{ program: 'sops', args: () => true, answer }]);
  const encrypted = { at: [{ some: cipher }], plain: 'plain text', sops: { mac: cipher } };
  await decryptValues({ file: 'values.yaml', text: '…', encrypted }, { process, redactor });
  return redactor.redact(text);
}

for (const [name, value, text, shown] of [
  ['a long word', 'correcthorse', 'is correcthorse', 'is ***'],
  ['six characters that are no word', 'x7Kp2q', 'is x7Kp2q!', 'is ***!'],
  ['a number of six digits', 482_913, 'is 482913', 'is ***'],
  ['a number in text', '482913', 'is 482913', 'is ***'],
  ['a short word', 'memory', 'the memory', 'the memory'],
  ['a port', 8080, 'on 8080', 'on 8080'],
  ['a truth value', true, 'is true', 'is true'],
  ['what was not encrypted', 'correcthorse', 'the plain text', 'the plain text'],
] as const)
  test(`what SOPS had encrypted is masked: ${name}`, async () => {
    assert.equal(await redactAfter(value, text), shown);
  });

test('what was encrypted and lost its metadata is known from what holds it, and from text about it', () => {
  for (const [values, isLost] of [
    [{ a: [{ b: `${cipher}` }] }, true],
    [{ a: cipher, sops: { mac: null } }, true],
    [{ a: cipher, sops: { mac: cipher } }, false],
    [{ nested: { a: cipher, sops: { mac: cipher } } }, false],
    [{ a: `see ${cipher}`, b: 1, c: null }, false],
  ] as const)
    assert.equal(lostMetadata(values), isLost, JSON.stringify(values));
});
