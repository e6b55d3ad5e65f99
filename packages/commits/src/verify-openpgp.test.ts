import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { createMessage, generateKey, readPrivateKey, reformatKey, sign } from 'openpgp';
import { type Commit, isMalformed, parseCommit } from './commit-object.ts';
import { leastStrict } from './strictness.ts';
import { generator, mutate } from './testing/mutation.ts';
import { isFault } from './verdict.ts';
import { createOpenPgpVerifier } from './verify-openpgp.ts';

const email = 'signer@example.invalid';
const year = 365 * 86_400;

function makeCommit(): Commit {
  const person = `a <${email}> 1700000000 +0000`;
  const text = `tree ${'1'.repeat(40)}\nauthor ${person}\ncommitter ${person}\n\nsubject\n`;
  const id = createHash('sha1').update(`commit ${text.length}\0${text}`).digest('hex');
  const commit = parseCommit(id, text);
  assert.ok(!isMalformed(commit));
  return commit;
}

async function makeSigner(options: { readonly created?: Date; readonly expires?: number } = {}) {
  const { created = new Date(Date.now() - 1000), expires } = options;
  const key = await generateKey({
    userIDs: [{ name: 'signer', email }],
    date: created,
    format: 'armored',
    ...(expires === undefined ? {} : { keyExpirationTime: expires }),
  });
  const privateKey = await readPrivateKey({ armoredKey: key.privateKey });
  const signAt = async (commit: Commit, date = new Date()) =>
    String(
      await sign({
        message: await createMessage({ binary: commit.payload }),
        signingKeys: privateKey,
        detached: true,
        date,
      }),
    );
  return { armored: key.publicKey, privateKey, signAt };
}

test('a mutated OpenPGP signature is never good for the commit unless it decodes to the same', async () => {
  const commit = makeCommit();
  const { armored, signAt } = await makeSigner();
  const verifier = await createOpenPgpVerifier([{ path: 'k.asc', text: armored }]);
  const good = await signAt(commit);
  assert.equal(isFault(await verifier.verify(commit, good)), false);
  const other: Commit = { ...commit, payload: Buffer.from('other') };
  const random = generator(6);
  for (let round = 0; round < 400; round++) {
    const changed = mutate(good, random);
    assert.equal(isFault(await verifier.verify(other, changed)), true, `round ${round}`);
    assert.ok(await verifier.verify(commit, changed));
  }
  const twice = await verifier.verify(commit, `${good}${good}`);
  assert.equal(isFault(twice) && twice.fault, 'duplicate-signature');
  const followed = await verifier.verify(commit, `${good}text`);
  assert.equal(isFault(followed) && followed.fault, 'bad-signature');
});

test('an expired key is good for what it signed before, also when only a later self-signature is left', async () => {
  const commit = makeCommit();
  const created = new Date(Date.now() - 3 * year * 1000);
  const signer = await makeSigner({ created, expires: year });
  const inTime = await signer.signAt(commit, new Date(created.getTime() + 1000));
  const verifier = await createOpenPgpVerifier([{ path: 'k.asc', text: signer.armored }]);
  assert.equal(isFault(await verifier.verify(commit, inTime)), false);

  const renewed = await reformatKey({
    privateKey: signer.privateKey,
    userIDs: [{ name: 'signer', email }],
    format: 'armored',
  });
  const later = await createOpenPgpVerifier([{ path: 'k.asc', text: renewed.publicKey }]);
  assert.equal(isFault(await later.verify(commit, inTime)), false);
  const privateKey = await readPrivateKey({ armoredKey: renewed.privateKey });
  const late = String(
    await sign({
      message: await createMessage({ binary: commit.payload }),
      signingKeys: privateKey,
      detached: true,
    }),
  );
  assert.equal(isFault(await later.verify(commit, late)), false);
  const verdict = await verifier.verify(commit, late);
  assert.equal(isFault(verdict) && verdict.fault, 'expired-key');
  const keyring = [{ path: 'k.asc', text: signer.armored }];
  const patient = await createOpenPgpVerifier(keyring, { ...leastStrict, graceMs: 3 * year * 1000 });
  assert.equal(isFault(await patient.verify(commit, late)), false);
});

test('what is no keyring is refused', async () => {
  for (const text of [
    '',
    'hello',
    '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----',
  ])
    await assert.rejects(createOpenPgpVerifier([{ path: 'k.asc', text }]), { code: 'commits/bad-keyring' });
});
