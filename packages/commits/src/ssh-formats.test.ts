import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseAllowedSigners } from './allowed-signers.ts';
import { isCertificate, parseSshCertificate } from './ssh-certificate.ts';
import { parseRevokedKeys } from './ssh-revocation.ts';

/** A certificate and a key revocation list that OpenSSH made. */
function makeFiles() {
  const folder = mkdtempSync(join(tmpdir(), 'zk-ssh-'));
  try {
    const keygen = (...args: string[]) => execFileSync('ssh-keygen', ['-q', ...args], { cwd: folder });
    for (const name of ['ca', 'user']) keygen('-t', 'ed25519', '-N', '', '-C', '', '-f', name);
    keygen('-s', 'ca', '-I', 'id-1', '-z', '7', '-n', 'a@example.invalid,b@example.invalid', 'user.pub');
    writeFileSync(join(folder, 'specification'), 'serial: 5\nserial: 7-100\nid: id-2\n');
    keygen('-k', '-f', 'krl', '-s', 'ca.pub', 'specification');
    const [, base64 = ''] = readFileSync(join(folder, 'user-cert.pub'), 'utf8').split(' ');
    return { certificate: Buffer.from(base64, 'base64'), revoked: readFileSync(join(folder, 'krl')) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('no byte of a certificate can be changed, and no list of revoked keys crashes or hangs', () => {
  const { certificate, revoked } = makeFiles();
  assert.ok(isCertificate(certificate));
  const parsed = parseSshCertificate(certificate);
  assert.deepEqual(parsed.principals, ['a@example.invalid', 'b@example.invalid']);
  assert.equal(parseRevokedKeys(revoked, 'krl').revokes(parsed.publicKey, parsed), true);
  for (let at = 0; at < certificate.length; at++) {
    for (const bit of [1, 0x80]) {
      const changed = Buffer.from(certificate);
      changed.writeUInt8((changed[at] ?? 0) ^ bit, at);
      assert.throws(() => parseSshCertificate(changed), `byte ${at}`);
    }
    assert.throws(() => parseSshCertificate(certificate.subarray(0, at)), `cut at ${at}`);
  }
  for (let at = 0; at < revoked.length; at++) {
    const changed = Buffer.from(revoked);
    changed.writeUInt8((changed[at] ?? 0) ^ 0x81, at);
    for (const bytes of [changed, revoked.subarray(0, at)]) {
      try {
        parseRevokedKeys(bytes, 'krl').revokes(parsed.publicKey, parsed);
      } catch (thrown) {
        assert.equal((thrown as { code?: string }).code, 'commits/bad-revoked-keys', `byte ${at}`);
      }
    }
  }
});

test('a line of allowed signers that ssh-keygen refuses is refused', () => {
  const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
  for (const options of [
    'valid-after="20261301"',
    'valid-after="20260132"',
    'valid-after="202601012460"',
    'valid-after="2026"',
    'valid-after="20260101",valid-after="20250101"',
    'valid-after="20260102Z",valid-before="20260101Z"',
    'namespaces="git",namespaces="file"',
    'no-touch-required',
  ])
    assert.throws(() => parseAllowedSigners(`a@x ${options} ${key}`, 'signers'), {
      code: 'commits/bad-allowed-signers',
    });
  const [zone] = parseAllowedSigners(`a@x valid-after="20260101UTC" ${key}`, 'signers');
  assert.equal(zone?.validAfter, Date.UTC(2026, 0, 1) / 1000);
});
