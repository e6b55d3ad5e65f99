import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusalOf, unreachable } from './errors.ts';

const broken = (code: string, message: string, more: object = {}): Error =>
  Object.assign(new Error(message), { code, ...more });
const remedyOf = (cause: Error): string => unreachable('https://a', 'c', cause).remedy;

test('a certificate of the server that is out of date is mended on the server, one that nobody vouches for in the kubeconfig', () => {
  for (const code of ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'])
    assert.match(
      remedyOf(broken(code, 'certificate has expired')),
      /^Renew the certificate of the API server/,
    );
  for (const code of ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'ERR_TLS_CERT_ALTNAME_INVALID'])
    assert.match(remedyOf(broken(code, 'x')), /certificate authority/);
  assert.match(remedyOf(broken('ECONNREFUSED', 'x')), /^Check that the cluster runs/);
});

test('a connection that the server broke off for our certificate is a matter of credentials', () => {
  const alert = (reason: string): Error =>
    broken('ERR_SSL', `407D:error:SSL routines:${reason}:../deps`, { library: 'SSL routines', reason });
  assert.equal(
    refusalOf(alert('tlsv13 alert certificate required'), undefined),
    'TLS: tlsv13 alert certificate required',
  );
  const expired = 'the client certificate expired 2026-01-01T00:00:00.000Z';
  assert.equal(refusalOf(alert('sslv3 alert certificate expired'), expired), expired);
  assert.equal(refusalOf(broken('ECONNRESET', 'socket hang up'), expired), expired);
  assert.equal(refusalOf(broken('ECONNRESET', 'socket hang up'), undefined), undefined);
  assert.equal(refusalOf(broken('ECONNREFUSED', 'x'), expired), undefined);
  assert.equal(refusalOf(alert('wrong version number'), expired), undefined);
});
