import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { verifyCommits } from '@zakenak/commits';
import { pemOf, sealMessage, sigstore } from '@zakenak/commits/testing';
import { makeRepository } from './commits-fixture.ts';
import { startGitsign } from './gitsign-fixture.ts';
import { createTestToolchain } from './sandbox-fixture.ts';

const { certifyLeaf, certifyLogged, email, provider, rekor, signGitsign, signedAt } = sigstore;
const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });

test('gitsign signatures get the word of gitsign verify, by the same trusted root and without a network', async (t) => {
  const program = await createTestToolchain().resolve('gitsign');
  const repository = await makeRepository(t);
  const { folder, root, git, write, writeCommit, ports, request } = repository;
  const [log, other] = [pair(), pair()];
  const trustedRoot = sigstore.trustedRoot(undefined, { ctlogs: [sigstore.logEntry(log.publicKey)] });
  const verify = await startGitsign(t, program, folder, {
    trustedRoot,
    authority: pemOf(sigstore.authority),
    log: rekor.publicKey,
    certificateLog: log.publicKey,
  });
  await write('.zakenak/trusted_root.json', trustedRoot);
  const tree = git('hash-object', '-t', 'tree', '-w', '/dev/null');
  const certificate = certifyLogged(log);
  /** A commit by gitsign; what differs from a good one is said. */
  const commit = (variant: sigstore.Variant = {}, at = signedAt, change = (object: string) => object) => {
    const person = `a <${email}> ${at} +0000`;
    const head = `tree ${tree}\nauthor ${person}\ncommitter ${person}\n`;
    const body = '\nsubject\n';
    const der = signGitsign({ certificate, ...variant }, Buffer.from(head + body));
    const lines = sealMessage(der).replace(/[A-Za-z0-9+/=]{65,}/, (base64) =>
      base64.replace(/.{64}(?=.)/g, '$&\n'),
    );
    return writeCommit(change(`${head}gpgsig ${lines.trimEnd().replaceAll('\n', '\n ')}\n \n${body}`));
  };
  const cases: Readonly<Record<string, readonly [string, string, boolean]>> = {
    good: [commit(), 'verified', true],
    'another clock of the committer': [commit({}, 1_000_000_000), 'verified', true],
    'another text': [
      commit({}, signedAt, (object) => object.replace(/subject\n$/, 'Subject\n')),
      'bad-signature',
      false,
    ],
    'no entry': [commit({ entry: 'none' }), 'no-inclusion-proof', false],
    'entry on another signature': [commit({ entry: 'of another' }), 'no-inclusion-proof', false],
    'another log': [commit({ logKey: other.privateKey }), 'no-inclusion-proof', false],
    'another tree': [commit({ root: Buffer.alloc(32) }), 'no-inclusion-proof', false],
    'another authority': [
      commit({ certificate: certifyLeaf(undefined, other.privateKey) }),
      'unknown-signer',
      false,
    ],
    'certificate not logged': [commit({ certificate: certifyLeaf() }), 'unknown-signer', false],
    'certificate logged elsewhere': [commit({ certificate: certifyLogged(other) }), 'unknown-signer', false],
    // Here we are stricter on purpose: gitsign 0.14 does not compare the log's time with the certificate's.
    'logged too late': [commit({ at: signedAt + 3_000 }), 'expired-key', true],
  };
  for (const [name, [id, wanted, good]] of Object.entries(cases)) {
    const range = async () => ({ bases: [], head: id, reason: name });
    const { outputs } = await verifyCommits(request({ identities: `${provider} *` }, { range }), ports);
    const rule = (outputs.unverified as Readonly<Record<string, string>>)[id] ?? 'verified';
    const theirs = await verify(root, id, email, provider);
    assert.deepEqual([rule.replace('commit/', ''), theirs.good], [wanted, good], `${name}: ${theirs.said}`);
  }
  // Who may sign is asked by both.
  const good = cases.good?.[0] ?? '';
  assert.equal((await verify(root, good, 'other@example.invalid', provider)).good, false);
  const range = async () => ({ bases: [], head: good, reason: 'identity' });
  const judged = await verifyCommits(request({ identities: `${provider} other@*` }, { range }), ports);
  assert.deepEqual(judged.outputs.unverified, { [good]: 'commit/wrong-principal' });
});
