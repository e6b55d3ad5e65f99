import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { parseAllowedSigners } from '../allowed-signers.ts';
import type { Signable } from '../commit-object.ts';
import { type Fault, isFault, type Signed } from '../verdict.ts';
import { createGitsignVerifier } from '../verify-gitsign.ts';
import { createSshVerifier } from '../verify-ssh.ts';
import { createX509Verifier } from '../verify-x509.ts';
import { certify, type Keys, pemOf, sealMessage } from './certificate.ts';
import { attribute, signMessage, stampSignature, type } from './cms-message.ts';
import { extension, oid, tlv } from './der.ts';
import { demand, type FuzzInput, type FuzzTarget } from './fuzz.ts';
import * as sigstore from './gitsign-message.ts';
import { mutateMore, pick, type Random } from './mutation.ts';
import { armorSsh, certifySsh, makeSshPair, signSsh } from './ssh-message.ts';

// Whoever attacks has keys and certificates of their own, also sound ones for their own address, and all that is public: others' certificates and signatures. With
// these alone nothing may ever be good for somebody else's address, whatever is done with the bytes.

export const email = 'signer@example.invalid';
export const evilEmail = 'evil@example.com';
/** What the victim never signed. */
export const payload = Buffer.from('tree 1\n\nnever signed\n');
export const harmless = Buffer.from('tree 1\n\nharmless\n');
const target: Signable = { payload, committer: { name: 'c', email, time: sigstore.signedAt } };
const other: Signable = { ...target, payload: harmless };
const bytesOf = (text: string) => Buffer.from(text, 'latin1');

/** A verdict that must be a fault, but for what the victim signed. `meant` is `sound` for the latter. */
export function attackTarget(
  name: string,
  verify: (signed: Signable, signature: string) => Signed | Fault | Promise<Signed | Fault>,
  generate: FuzzTarget['generate'],
): FuzzTarget {
  return {
    name,
    generate,
    async check({ text, meant }) {
      const verdict = await verify(meant === 'sound' ? other : target, text);
      if (meant === 'sound') demand(!isFault(verdict), `a sound signature is ${JSON.stringify(verdict)}`);
      else demand(isFault(verdict) && verdict.reason !== '', 'a forged signature is good');
    },
  };
}

/** The bytes in an armor changed, sealed anew; half of them left alone. */
function bend(armored: string, seal: (bytes: Buffer) => string, random: Random): FuzzInput {
  if (random(2)) return { text: armored };
  const bytes = Buffer.from(armored.replaceAll(/-----.*-----|\n/g, ''), 'base64').toString('latin1');
  return { text: seal(bytesOf(mutateMore(bytes, bytes, random))) };
}

const [victim, ca, evil] = (['ed25519', 'rsa', 'ecdsa'] as const).map(makeSshPair) as [
  ReturnType<typeof makeSshPair>,
  ReturnType<typeof makeSshPair>,
  ReturnType<typeof makeSshPair>,
];
const words = { principals: [email] };
const victimCertificate = certifySsh(victim, words, ca);
const evilCertificate = certifySsh(evil, { principals: [evilEmail] }, ca);
const signers = [
  `${email} namespaces="git" ${victim.type} ${victim.blob.toString('base64')}`,
  `* cert-authority ${ca.type} ${ca.blob.toString('base64')}`,
  `${evilEmail} ${evil.type} ${evil.blob.toString('base64')}`,
];
const ssh = createSshVerifier(parseAllowedSigners(signers.join('\n'), 'signers'));
const sshAttack = attackTarget('forged SSH signature', ssh.verify, (random) => {
  const spliced = victimCertificate
    .toString('latin1')
    .replace(victim.fields.toString('latin1'), () => evil.fields.toString('latin1'));
  const keys = [
    ...[victim.blob, evil.blob, ca.blob, victimCertificate, evilCertificate, bytesOf(spliced)],
    certifySsh(evil, words, ca, evil),
    certifySsh(evil, words, evil),
    certifySsh(evil, words, victim, evil),
    certifySsh(evil, { ...words, kind: random(3) }, ca, evil),
  ];
  const made = [
    () => signSsh(payload, pick(keys, random), evil),
    () => signSsh(harmless, pick(keys, random), evil),
    () => signSsh(harmless, pick([victim.blob, victimCertificate], random), victim),
    () => signSsh(payload, victim.blob, victim, { namespace: pick(['file', '', 'git2', 'gi'], random) }),
  ];
  if (random(8) === 0)
    return {
      text: signSsh(harmless, pick([victim.blob, victimCertificate], random), victim),
      meant: 'sound',
    };
  const namespaced = random(4) === 0;
  const text = pick(namespaced ? made.slice(3) : made.slice(0, 3), random)();
  // Bytes of a signature for another namespace may be changed only where they stay another's.
  return namespaced ? { text } : bend(text, armorSsh, random);
});

const pair = (): Keys => generateKeyPairSync('ed25519');
const span = { from: sigstore.signedAt - 90_000, to: sigstore.signedAt + 90_000 };
const san = (address: string) => extension('551d11', tlv(0x30, tlv(0x81, Buffer.from(address))));
const isAuthority = extension('551d13', tlv(0x30, tlv(1, Buffer.from([255]))));
/** Name constraints: addresses of example.com only. */
const narrow = tlv(
  0x30,
  ...[oid('551d1e'), tlv(1, Buffer.from([255]))],
  tlv(4, tlv(0x30, tlv(0xa0, tlv(0x30, tlv(0x81, Buffer.from('example.com')))))),
);
const stampOnly = tlv(
  0x30,
  ...[oid('551d25'), tlv(1, Buffer.from([255])), tlv(4, tlv(0x30, oid('2b06010505070308')))],
);
const [rootKeys, ownerKeys, evilKeys, narrowKeys, clockKeys] = Array.from({ length: 5 }, pair) as [
  Keys,
  Keys,
  Keys,
  Keys,
  Keys,
];
const issue = (
  subject: string,
  serial: number,
  extensions: Buffer,
  keys: Keys,
  issuer = 'root',
  by = rootKeys,
) => certify({ subject, issuer, serial, extensions, ...span }, keys.publicKey, by.privateKey);
const root = issue('root', 1, isAuthority, rootKeys);
const owner = issue('owner', 2, san(email), ownerKeys);
const evilLeaf = issue('evil', 3, san(evilEmail), evilKeys);
const narrowed = issue('narrow', 4, Buffer.concat([isAuthority, narrow]), narrowKeys);
const clock = issue('clock', 5, stampOnly, clockKeys);
const forged = [
  issue('owner', 2, san(email), evilKeys, 'root', evilKeys),
  issue('owner', 2, san(email), evilKeys, 'evil', evilKeys),
  issue('owner', 2, san(email), evilKeys, 'narrow', narrowKeys),
  issue('root', 1, isAuthority, evilKeys, 'root', evilKeys),
];
const certificates = [root, owner, evilLeaf, narrowed, clock, ...forged];
const x509 = createX509Verifier(
  [{ path: 'ca', text: pemOf(root) }],
  [],
  createGitsignVerifier(
    {
      path: 'root',
      text: sigstore.trustedRoot(undefined, { timestampAuthorities: sigstore.timestampAuthorities }),
    },
    [`${sigstore.provider} *`],
  ),
);
/** Chains that differ from a good one in a single thing: an issuer that is no authority, or one for other addresses; a foreign key; a purpose. */
const nearlyGood: readonly (readonly [KeyObject, string, number, readonly Buffer[]])[] = [
  [evilKeys.privateKey, 'evil', 2, [evilLeaf, forged[1] as Buffer]],
  [evilKeys.privateKey, 'narrow', 2, [narrowed, forged[2] as Buffer]],
  [evilKeys.privateKey, 'root', 2, [owner]],
  [evilKeys.privateKey, 'root', 3, [evilLeaf]],
  [evilKeys.privateKey, 'root', 2, forged],
  [clockKeys.privateKey, 'root', 5, [clock]],
];
const x509Message = (signed: Uint8Array, random: Random) => {
  const stamped = random(3) === 0;
  if (random(2) === 0) {
    const [key, issuer, serial, chain] = pick(nearlyGood, random);
    return signMessage({ key, content: signed, issuer, serial, certificates: chain });
  }
  const keys = [evilKeys, narrowKeys, clockKeys, ...(signed === harmless ? [ownerKeys] : [])];
  const key = pick(keys, random).privateKey;
  return signMessage({
    ...{ key, content: signed, serial: 1 + random(5), open: random(2) === 0 },
    issuer: pick(['root', 'root', 'evil', 'narrow'], random),
    certificates: Array.from({ length: random(5) }, () => pick(certificates, random)),
    signers: random(10) === 0 ? 2 : 1,
    unsigned(_signed, signature) {
      const by = pick(
        [
          { key: clockKeys.privateKey, certificate: clock, serial: 5 },
          { key: evilKeys.privateKey, certificate: evilLeaf, serial: 3 },
        ],
        random,
      );
      const token = stampSignature(signature, sigstore.signedAt, { ...by, issuer: 'root', attach: true });
      return stamped ? [attribute(type.stamp, token)] : [];
    },
  });
};
const signOwner = (content: Uint8Array) => {
  const by = { key: ownerKeys.privateKey, issuer: 'root', serial: 2, certificates: [owner] };
  return sealMessage(signMessage({ ...by, content }));
};
const x509Attack = attackTarget('forged X.509 signature', x509.verify, (random) => {
  if (random(8) === 0) return { text: signOwner(harmless), meant: 'sound' };
  const made = x509Message(random(3) ? payload : harmless, random);
  return bend(sealMessage(made), sealMessage, random);
});

const evilSigner = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const evilIdentity = sigstore.leafExtensions(tlv(0x81, Buffer.from(evilEmail)));
const gitsignAttack = attackTarget('forged gitsign signature', x509.verify, (random) => {
  if (random(8) === 0) return { text: sealMessage(sigstore.signGitsign({}, harmless)), meant: 'sound' };
  const leaves = [
    sigstore.certifyLeaf(),
    sigstore.certifyLeaf(evilIdentity, undefined, evilSigner),
    sigstore.certifyLeaf(undefined, evilSigner.privateKey, evilSigner),
  ];
  const { signedAt, signGitsign } = sigstore;
  const made = [
    () => signGitsign({ key: evilSigner.privateKey, certificate: pick(leaves, random) }, payload),
    () => signGitsign({ key: evilSigner.privateKey, stampedAt: signedAt }, payload),
    () => signGitsign({ logKey: evilSigner.privateKey, at: signedAt }, harmless),
    () => signGitsign({}, harmless),
    // A key that was stolen when its ten minutes were over.
    () =>
      signGitsign({ at: signedAt + 9_000, ...(random(2) ? { stampedAt: signedAt + 9_000 } : {}) }, payload),
    () =>
      signGitsign(
        { entry: pick(['none', 'no proof', 'of another'] as const, random), stampedAt: signedAt },
        payload,
      ),
  ];
  const at = random(made.length);
  const text = sealMessage((made[at] as () => Buffer)());
  return at < 4 ? bend(text, sealMessage, random) : { text };
});

/** The victim's own signatures, and who verifies them. */
export const soundSignatures: readonly ((signed: Uint8Array) => string)[] = [
  (signed) => signSsh(signed, victim.blob, victim),
  (signed) => signSsh(signed, victimCertificate, victim),
  (signed) => signOwner(signed),
  (signed) => sealMessage(sigstore.signGitsign({}, signed)),
];
export const soundVerifiers = { ssh, x509 };

/** Forgeries in the formats that need no library. */
export const attackTargets: readonly FuzzTarget[] = [sshAttack, x509Attack, gitsignAttack];
