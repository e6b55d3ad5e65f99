import type { PublicKey, SignaturePacket, Subkey } from 'openpgp';
import { foldCase } from './address.ts';
import type { Signable } from './commit-object.ts';
import { badKeyring } from './errors.ts';
import { leastStrict, type Strictness } from './strictness.ts';
import { type Fault, fault, type Signed } from './verdict.ts';

/** Verifies OpenPGP signatures against the keys of a keyring. */
export interface OpenPgpVerifier {
  verify(commit: Signable, signature: string): Promise<Signed | Fault>;
}

/** A file of the keyring. */
export interface KeyringFile {
  readonly path: string;
  readonly text: string;
}

// SHA-2 and SHA-3 of RFC 9580 section 9.5.
const acceptedHashes = new Set([8, 9, 10, 11, 12, 14]);
// RFC 9580 section 5.2.1: binary and text documents.
const documentTypes = new Set([0, 1]);

/**
 * A verifier that trusts every key of the files. Unlike gpg it judges expiry and revocation at the time of the signature, not at the time of
 * looking; a key revoked as compromised, or without a reason, is never good. Throws `commits/bad-keyring`.
 */
export async function createOpenPgpVerifier(
  files: readonly KeyringFile[],
  strictness: Strictness = leastStrict,
): Promise<OpenPgpVerifier> {
  // Loaded only where a commit has such a signature: the library is large.
  const openpgp = await import('openpgp');
  const keys: PublicKey[] = [];
  for (const { path, text } of files) {
    const blocks = text.match(
      /-----BEGIN PGP PUBLIC KEY BLOCK-----[\s\S]*?-----END PGP PUBLIC KEY BLOCK-----/g,
    );
    if (!blocks) throw badKeyring(path, 'it has no PGP PUBLIC KEY BLOCK');
    for (const armoredKeys of blocks) {
      try {
        keys.push(...((await openpgp.readKeys({ armoredKeys })) as PublicKey[]));
      } catch (thrown) {
        throw badKeyring(path, (thrown as Error).message);
      }
    }
  }
  return {
    async verify(commit, armoredSignature) {
      // The library reads the first block and leaves the rest, whatever stands there.
      const blocks = armoredSignature.split('-----BEGIN ').length - 1;
      if (blocks !== 1) return fault('duplicate-signature', `it carries ${blocks} signatures`);
      if (!/-----END PGP (SIGNATURE|MESSAGE)-----\s*$/.test(armoredSignature))
        return fault('bad-signature', 'the signature does not end with its armor');
      let packet: SignaturePacket | undefined;
      try {
        const { packets } = await openpgp.readSignature({ armoredSignature });
        if (packets.length !== 1)
          return fault('duplicate-signature', `it carries ${packets.length} signatures`);
        packet = packets[0];
      } catch (thrown) {
        return fault('bad-signature', `the signature cannot be read: ${(thrown as Error).message}`);
      }
      if (!packet) return fault('bad-signature', 'the signature is empty');
      const message = await openpgp.createMessage({ binary: commit.payload });
      const literal = message.packets[0];
      if (!literal) return fault('bad-signature', 'there is nothing to verify');
      try {
        return await judge(commit, packet, literal, { keys, strictness });
      } catch (thrown) {
        // The library trips over packets that it read but that lack what every signature has.
        return fault('bad-signature', `the signature cannot be judged: ${(thrown as Error).message}`);
      }
    },
  };
}

async function judge(
  commit: Signable,
  packet: SignaturePacket,
  literal: object,
  { keys, strictness }: { readonly keys: readonly PublicKey[]; readonly strictness: Strictness },
): Promise<Signed | Fault> {
  // The library's types promise an id; a signature without one has none.
  const id = packet.issuerKeyID as SignaturePacket['issuerKeyID'] | undefined;
  if (!id) return fault('bad-signature', 'the signature names no key');
  let best = fault('unknown-signer', `the keyring has no key ${id.toHex().toUpperCase()}`);
  for (const key of keys) {
    // Two keys may share a key id: the first whose mathematics hold decides.
    for (const signer of key.getKeys(id)) {
      const wrong = await checkMathematics(packet, signer, literal, strictness);
      if (!wrong) return judgeKey(commit, packet, { key, signer, strictness });
      best = wrong;
    }
  }
  return best;
}

async function checkMathematics(
  packet: SignaturePacket,
  signer: PublicKey | Subkey,
  literal: object,
  { fewestRsaBits }: Strictness,
): Promise<Fault | undefined> {
  if (!documentTypes.has(packet.signatureType ?? -1))
    return fault('bad-signature', 'it is no signature of a document');
  if (!acceptedHashes.has(packet.hashAlgorithm ?? -1))
    return fault('weak-signature', 'its hash is not SHA-2 or SHA-3');
  const { algorithm, bits } = signer.getAlgorithmInfo();
  if (algorithm.startsWith('rsa') && (bits ?? 0) < fewestRsaBits)
    return fault('weak-key', `the RSA key has ${bits} bits, fewer than ${fewestRsaBits}`);
  try {
    const at = packet.created ?? undefined;
    await packet.verify(signer.keyPacket, packet.signatureType ?? 0, literal, at, true);
    return undefined;
  } catch (thrown) {
    return fault('bad-signature', `the signature does not match the commit: ${(thrown as Error).message}`);
  }
}

async function judgeKey(
  commit: Signable,
  packet: SignaturePacket,
  by: { readonly key: PublicKey; readonly signer: PublicKey | Subkey; readonly strictness: Strictness },
): Promise<Signed | Fault> {
  const { key, signer, strictness } = by;
  const name = key.getFingerprint().toUpperCase();
  const at = packet.created;
  if (!at) return fault('bad-signature', 'the signature has no time');
  if (commit.committer.time * 1000 >= Number(packet.getExpirationTime()))
    return fault('expired-signature', 'the signature had expired when the commit was made');
  if (at < signer.getCreationTime())
    return fault('not-yet-valid', `the key ${name} is younger than its signature`);
  if (await isRevoked(key, signer, at)) return fault('revoked-key', `the key ${name} is revoked`);
  if (await isExpired(key, signer, at.getTime() - strictness.graceMs))
    return fault('expired-key', `the key ${name} had expired when the commit was signed`);
  try {
    await atOrLatest((date) => key.getSigningKey(packet.issuerKeyID, date), at);
  } catch (thrown) {
    return fault('unusable-key', `the key ${name} may not sign: ${(thrown as Error).message}`);
  }
  const addresses = await readAddresses(key, at);
  const email = foldCase(commit.committer.email);
  if (!addresses.includes(email))
    return fault(
      'wrong-principal',
      `the key ${name} has no valid user ID with ${JSON.stringify(commit.committer.email)}`,
    );
  return { kind: 'openpgp', key: name, principal: commit.committer.email };
}

/**
 * What held at that time, or what the key's latest self-signatures say: an exported key often carries only the latest ones, and gpg goes by these too.
 */
async function atOrLatest<T>(ask: (date: Date | null) => Promise<T>, at: Date): Promise<T> {
  return ask(at).catch(() => ask(null));
}

async function isRevoked(key: PublicKey, signer: PublicKey | Subkey, at: Date): Promise<boolean> {
  if (await key.isRevoked(undefined, undefined, at)) return true;
  if (!('mainKey' in signer)) return false;
  // The library's types demand the binding signature; without one it looks at every revocation.
  return (signer as unknown as PublicKey).isRevoked(undefined, undefined, at);
}

async function isExpired(key: PublicKey, signer: PublicKey | Subkey, at: number): Promise<boolean> {
  const ends: unknown[] = [await key.getExpirationTime()];
  // null asks for the latest binding signature; the library's types do not say so.
  if ('mainKey' in signer) ends.push(await signer.getExpirationTime(null as unknown as Date));
  return ends.some((end) => end === null || Number(end) <= at);
}

async function readAddresses(key: PublicKey, at: Date): Promise<readonly string[]> {
  const addresses: string[] = [];
  for (const user of key.users) {
    const email = user.userID?.email;
    if (!email) continue;
    try {
      await atOrLatest((date) => user.verify(date as Date), at);
      addresses.push(foldCase(email));
    } catch {
      // Not certified by the key, or revoked: the address does not count.
    }
  }
  return addresses;
}
