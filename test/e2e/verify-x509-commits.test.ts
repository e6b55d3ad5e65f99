import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifyCommits } from '@zakenak/commits';
import { address, makeRepository } from './commits-fixture.ts';
import { authority, derOf, makeX509, seal, signerExtensions, stamper } from './x509-fixture.ts';

const day = 86_400;
const now = Math.floor(Date.now() / 1000);
type Report = Awaited<ReturnType<typeof verifyCommits>>;
const mapOf = (report: Report, name: string) => report.outputs[name] as Readonly<Record<string, string>>;
const ruleOf = (report: Report, id: string) =>
  (mapOf(report, 'unverified')[id] ?? (mapOf(report, 'signer-map')[id] ? 'verified' : 'not judged')).replace(
    'commit/',
    '',
  );

test('X.509 signatures of gpgsm and openssl get git’s verdict, in every state that git knows', async (t) => {
  const repository = await makeRepository(t);
  const { write, writeCommit, readCommit, commit, gitSaysGood, ports, request } = repository;
  const x509 = makeX509(repository);
  const root = x509.certificate('Root', { extensions: authority, from: now - 900 * day });
  const inner = x509.certificate('Inner', { issuer: root, extensions: authority, from: now - 900 * day });
  const elsewhere = x509.certificate('Elsewhere', { extensions: authority });
  const issuer = inner;
  const chain = ['-certfile', inner.certificate];
  const rsa = x509.certificate('RSA', { issuer: root, algorithm: 'rsa:2048' });
  const deep = x509.certificate('Deep', { issuer });
  await x509.teachGpgsm([root], [rsa]);
  await write('.zakenak/ca_certificates', await x509.readPem([root]));
  const gpgsm = (time?: number) => {
    repository.git('config', 'gpg.format', 'x509');
    const id = commit({ gpg: address, ...(time ? { time } : {}) });
    repository.git('config', '--unset', 'gpg.format');
    return id;
  };
  const tampered = writeCommit(readCommit(gpgsm()).replace(/\nchange/, '\nChange'));
  const cases: Record<string, string> = {
    gpgsm: gpgsm(),
    openssl: x509.commitBy(rsa),
    chain: x509.commitBy(deep, chain),
    pss: x509.commitBy(rsa, ['-keyopt', 'rsa_padding_mode:pss']),
    sha384: x509.commitBy(rsa, ['-md', 'sha384']),
    byKeyId: x509.commitBy(rsa, ['-keyid']),
    tampered,
    unknown: x509.commitBy(x509.certificate('U', { issuer: elsewhere })),
    expired: x509.commitBy(x509.certificate('E', { issuer: root, from: now - 90 * day, to: now - day })),
    noUsage: x509.commitBy(
      x509.certificate('N', {
        issuer: root,
        extensions: signerExtensions(address).replace('digitalSignature', 'keyEncipherment'),
      }),
    ),
  };
  const report = await verifyCommits(request(), ports);
  const verdicts = Object.entries(cases).map(([name, id]) => [name, ruleOf(report, id), gitSaysGood(id)]);
  // RSASSA-PSS as openssl pads it, and a certificate named by its key, gpgsm cannot check.
  assert.deepEqual(verdicts, [
    ['gpgsm', 'verified', true],
    ['openssl', 'verified', true],
    ['chain', 'verified', true],
    ['pss', 'verified', false],
    ['sha384', 'verified', true],
    ['byKeyId', 'verified', false],
    ['tampered', 'bad-signature', false],
    ['unknown', 'unknown-signer', false],
    ['expired', 'expired-key', false],
    // Here we are stricter than gpgsm on purpose.
    ['noUsage', 'unusable-key', true],
  ]);
});

test('what an X.509 signature lacks is told by its own verdict, and a time stamp counts for more than the committer’s clock', async (t) => {
  const repository = await makeRepository(t);
  const { write, ports, request } = repository;
  const x509 = makeX509(repository);
  const root = x509.certificate('Root', { extensions: authority, from: now - 900 * day });
  const other = x509.certificate('Other', { extensions: authority });
  const tsa = x509.certificate('TSA', { issuer: root, extensions: stamper });
  const strangeTsa = x509.certificate('TSA', { issuer: other, extensions: stamper });
  const signer = x509.certificate('Signer', { issuer: root });
  const narrow = x509.certificate('Narrow', {
    issuer: root,
    extensions: `${authority}\nnameConstraints=critical,permitted;email:example.com`,
  });
  const short = x509.certificate('Short', {
    issuer: root,
    extensions: authority.replace('TRUE', 'TRUE,pathlen:0'),
  });
  const below = x509.certificate('Below', { issuer: short, extensions: authority });
  const both = x509.write('both.pem', await x509.readPem([below, short]));
  const lists: [ReturnType<typeof x509.certificate>, string, number][] = [];
  const revoked = (reason: string, time = now - 10 * day) => {
    const made = x509.certificate('Revoked', { issuer: root });
    lists.push([made, reason, time]);
    return x509.commitBy(made);
  };
  const issued = (extensions: string, by = root) => x509.certificate('Odd', { issuer: by, extensions });
  const ordinary = signerExtensions(address);
  const by = (extensions: string) => x509.commitBy(issued(extensions));
  const stampedBy = (authorityOfTime: typeof tsa, made = signer, time?: number) =>
    x509.commitSigned((payload) => x509.stamp(x509.signText(payload, made), authorityOfTime), time);
  const firstStamp = x509.signText('another text', signer);
  const cases: readonly (readonly [string, string, string])[] = [
    ['good', 'verified', x509.commitBy(signer)],
    ['code signing', 'verified', by(signerExtensions(address, 'extendedKeyUsage=codeSigning'))],
    ['no usage stated', 'verified', by(`subjectAltName=email:${address.toUpperCase()}`)],
    ['client certificate', 'unusable-key', by(signerExtensions(address, 'extendedKeyUsage=clientAuth'))],
    ['unknown critical extension', 'unusable-key', by(`${ordinary}\n1.2.3.4=critical,DER:0500`)],
    [
      'authority narrowed to others',
      'unusable-key',
      x509.commitBy(issued(ordinary, narrow), ['-certfile', narrow.certificate]),
    ],
    ['authority too deep', 'unusable-key', x509.commitBy(issued(ordinary, below), ['-certfile', both])],
    [
      'issued by a signer',
      'unusable-key',
      x509.commitBy(issued(ordinary, signer), ['-certfile', signer.certificate]),
    ],
    ['other address', 'wrong-principal', x509.commitBy(signer, [], now, 'other@example.invalid')],
    ['URI only', 'wrong-principal', by(ordinary.replace('email:', 'URI:https://'))],
    [
      'not yet valid',
      'not-yet-valid',
      x509.commitBy(x509.certificate('Early', { issuer: root, from: now + day })),
    ],
    ['older than its certificate', 'not-yet-valid', x509.commitBy(signer, [], now - 2 * day)],
    ['SHA-1', 'weak-signature', x509.commitBy(signer, ['-md', 'sha1'])],
    [
      'certificate with SHA-1',
      'weak-signature',
      x509.commitBy(x509.certificate('Sha', { issuer: root, digest: 'sha1' })),
    ],
    ['RSA 1024', 'weak-key', x509.commitBy(x509.certificate('Rsa', { issuer: root, algorithm: 'rsa:1024' }))],
    [
      'small curve',
      'weak-key',
      x509.commitBy(x509.certificate('Curve', { issuer: root, algorithm: 'ec:P-224' })),
    ],
    ['stolen', 'revoked-key', revoked('keyCompromise')],
    ['revoked without a reason', 'revoked-key', revoked('none')],
    ['superseded', 'revoked-key', revoked('superseded')],
    ['superseded later', 'verified', revoked('superseded', now + day)],
    ['stolen later', 'revoked-key', revoked('keyCompromise', now + day)],
    ['stamped', 'verified', stampedBy(tsa)],
    ['stamped, old clock', 'verified', stampedBy(tsa, signer, now - 2 * day)],
    [
      'stamped after expiry',
      'expired-key',
      stampedBy(
        tsa,
        x509.certificate('E', { issuer: root, from: now - 9 * day, to: now - day }),
        now - 5 * day,
      ),
    ],
    ['stamped by a stranger', 'untrusted-timestamp', stampedBy(strangeTsa)],
    [
      'stamp of another signature',
      'untrusted-timestamp',
      x509.commitSigned((payload) => x509.stamp(x509.signText(payload, signer), tsa, firstStamp)),
    ],
    [
      'two signers',
      'duplicate-signature',
      x509.commitBy(signer, ['-signer', tsa.certificate, '-inkey', tsa.key]),
    ],
    ['content of its own', 'bad-signature', x509.commitBy(signer, ['-nodetach'])],
    ['no signed attributes', 'bad-signature', x509.commitBy(signer, ['-noattr'])],
    ['content of another type', 'bad-signature', x509.commitBy(signer, ['-econtent_type', '1.2.3.4'])],
    ['of another text', 'bad-signature', x509.commitSigned(() => firstStamp)],
    [
      'bytes after it',
      'bad-signature',
      x509.commitSigned((payload) =>
        seal(Buffer.concat([derOf(x509.signText(payload, signer)), Buffer.from([5, 0])])),
      ),
    ],
    ['no certificate', 'unknown-signer', x509.commitBy(signer, ['-nocerts'])],
  ];
  await write('.zakenak/ca_certificates/root.pem', await x509.readPem([root]));
  await write('.zakenak/revocation_lists/root.crl', x509.revocationList(root, lists));
  const report = await verifyCommits(request(), ports);
  assert.deepEqual(
    cases.map(([name, , id]) => [name, ruleOf(report, id)]),
    cases.map(([name, wanted]) => [name, wanted]),
  );
  assert.ok(report.findings.every(({ remedy }) => remedy));
});

test('CA certificates and revocation lists are the base commit’s, and one that cannot be gone by ends the run', async (t) => {
  const repository = await makeRepository(t);
  const { git, run, write, ports, request } = repository;
  const x509 = makeX509(repository);
  const root = x509.certificate('Root', { extensions: authority });
  const own = x509.certificate('Own', { extensions: authority });
  const signer = x509.certificate('Signer', { issuer: root });
  await write('.zakenak/ca_certificates', await x509.readPem([root]));
  git('add', '.');
  run('git', ['-c', 'user.name=x', '-c', 'user.email=x@x', 'commit', '-q', '-m', 'base']);
  const base = git('rev-parse', 'HEAD');
  await write('.zakenak/ca_certificates', await x509.readPem([own]));
  git('add', '.');
  run('git', ['-c', 'user.name=x', '-c', 'user.email=x@x', 'commit', '-q', '-m', 'change']);
  const mine = x509.commitBy(x509.certificate('Mine', { issuer: own }));
  const good = x509.commitBy(signer);
  const onBase = await verifyCommits(request({ base }, { policyRevision: base }), ports);
  assert.deepEqual([ruleOf(onBase, mine), ruleOf(onBase, good)], ['unknown-signer', 'verified']);
  assert.ok(onBase.caveats?.some((caveat) => caveat.includes('.zakenak/ca_certificates')));

  await write('.zakenak/ca_certificates', await x509.readPem([root]));
  const later = Math.floor(Date.now() / 1000) + 40 * day;
  const outdated = x509.commitBy(x509.certificate('Signer', { issuer: root }), [], later);
  await write('.zakenak/revocation_lists', x509.revocationList(root, []));
  const stale = await verifyCommits(request(), ports);
  assert.deepEqual([ruleOf(stale, outdated), ruleOf(stale, good)], ['stale-revocations', 'verified']);
  for (const text of ['', 'x', x509.revocationList(own, [])]) {
    await write('.zakenak/revocation_lists', text);
    await assert.rejects(verifyCommits(request(), ports), { code: 'commits/bad-revocation-lists' });
  }
  await write('.zakenak/revocation_lists', x509.revocationList(root, []));
  await write('.zakenak/ca_certificates', 'x');
  await assert.rejects(verifyCommits(request(), ports), { code: 'commits/bad-ca-certificates' });
});

test('a tag signed by gpgsm gets git’s verdict', async (t) => {
  const repository = await makeRepository(t);
  const { git, run, write, commit, root: folder, env, ports, request } = repository;
  const x509 = makeX509(repository);
  const root = x509.certificate('Root', { extensions: authority });
  const signer = x509.certificate('Signer', { issuer: root, algorithm: 'rsa:2048' });
  await x509.teachGpgsm([root], [signer]);
  await write('.zakenak/ca_certificates', await x509.readPem([root]));
  commit();
  const settings = ['-c', 'gpg.format=x509', '-c', `user.email=${address}`, '-c', 'user.name=x'];
  run('git', [...settings, 'tag', '-s', '-u', address, '-m', 'release', 'v1']);
  run('git', ['verify-tag', 'v1'], env as Record<string, string>);
  assert.ok(folder && git('cat-file', '-t', 'v1') === 'tag');
  const report = await verifyCommits(request({ tags: 'v*' }), ports);
  assert.match(mapOf(report, 'signer-map')['refs/tags/v1'] ?? '', /^signer@example.invalid [0-9A-F]{64}$/);
});

test('a Fulcio certificate is judged by the trusted root of the workspace, and one without the log’s proof is never good', async (t) => {
  const repository = await makeRepository(t);
  const { run, write, ports, request } = repository;
  const x509 = makeX509(repository);
  const root = x509.certificate('Fulcio', { extensions: authority });
  const issuer = '1.3.6.1.4.1.57264.1.8=ASN1:UTF8String:https://accounts.example.invalid';
  const extensions = signerExtensions(address, `extendedKeyUsage=codeSigning\n${issuer}`);
  const signed = x509.commitBy(x509.certificate('sigstore', { issuer: root, extensions }));
  await write('.zakenak/ca_certificates', await x509.readPem([root]));
  assert.equal(ruleOf(await verifyCommits(request(), ports), signed), 'unknown-signer');
  const bytesOf = (pem: string) => pem.replace(/-----.*?-----|\n/g, '');
  const key = bytesOf(run('openssl', ['pkey', '-in', root.key, '-pubout']));
  const log = {
    baseUrl: 'https://rekor.example.invalid',
    publicKey: { rawBytes: key, keyDetails: 'PKIX_ECDSA_P256_SHA_256' },
    logId: { keyId: key },
  };
  const chain = { certificates: [{ rawBytes: bytesOf(await x509.readPem([root])) }] };
  const trusted = {
    tlogs: [log],
    certificateAuthorities: [{ certChain: chain, validFor: {} }],
    ctlogs: [],
    timestampAuthorities: [],
  };
  await write('.zakenak/trusted_root.json', JSON.stringify(trusted));
  const inputs = { identities: 'https://accounts.example.invalid *' };
  assert.equal(ruleOf(await verifyCommits(request(inputs), ports), signed), 'no-inclusion-proof');
  await write('.zakenak/trusted_root.json', '{}');
  await assert.rejects(verifyCommits(request(), ports), { code: 'commits/bad-trusted-root' });
});
