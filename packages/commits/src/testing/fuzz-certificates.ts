import { generateKeyPairSync } from 'node:crypto';
import { type BerElement, decodeBer } from '../ber.ts';
import { parseCertificate } from '../certificate.ts';
import { parseSignedMessage } from '../cms.ts';
import { parseRevocationLists } from '../revocation-list.ts';
import { createGitsignVerifier } from '../verify-gitsign.ts';
import { createX509Verifier } from '../verify-x509.ts';
import { algorithmOf, certify, pemOf, sealMessage, signWith } from './certificate.ts';
import { extension, integer, named, tlv, utc } from './der.ts';
import { demand, type FuzzInput, type FuzzTarget, mayRefuse } from './fuzz.ts';
import { authority, certifyLeaf, makeClock, signedAt, signGitsign, trustedRoot } from './gitsign-message.ts';
import { mutateMore, noise, pick, type Random } from './mutation.ts';

const bytesOf = (text: string) => Buffer.from(text, 'latin1');
const bounds = { bytes: 100_000, elements: 4_000 };

/** A random tree of elements, and its outline: tags, nested. */
function makeTree(random: Random, depth: number): { readonly der: Buffer; readonly outline: string } {
  const tagClass = pick([0, 0, 0x40, 0x80, 0xc0], random);
  const number = random(10) === 0 ? 31 + random(5_000) : random(31);
  const isNested = depth > 0 && random(2) === 1;
  // Of the universal class only a sequence and a set hold others.
  const tag = tagClass === 0 ? (isNested ? 16 + random(2) : 4) : number;
  const below = isNested ? Array.from({ length: random(4) }, () => makeTree(random, depth - 1)) : [];
  const content = isNested
    ? Buffer.concat(below.map(({ der }) => der))
    : bytesOf(noise(pick([4, 200, 300], random), random));
  const first = tagClass | (isNested ? 0x20 : 0);
  const head =
    tag < 31 ? [first | tag] : [first | 31, ...(tag < 128 ? [tag] : [0x80 | (tag >> 7), tag & 127])];
  const der = Buffer.concat([Buffer.from(head), tlv(0, content).subarray(1)]);
  const outline = `${tagClass >> 6}.${tag}(${isNested ? below.map((some) => some.outline).join(',') : content.toString('hex')})`;
  return { der, outline };
}

const classes = { universal: 0, application: 1, context: 2, private: 3 };
const outlineOf = ({ tagClass, tag, constructed, children, content }: BerElement): string =>
  `${classes[tagClass]}.${tag}(${constructed ? children.map(outlineOf).join(',') : content.toString('hex')})`;

const ber: FuzzTarget = {
  name: 'BER',
  generate(random) {
    const { der, outline } = makeTree(random, 5);
    const text = der.toString('latin1');
    return random(3)
      ? { text: mutateMore(text, makeTree(random, 3).der.toString('latin1'), random) }
      : { text, meant: outline };
  },
  check({ text, meant }) {
    const bytes = bytesOf(text);
    const element = mayRefuse(() => decodeBer(bytes, bounds));
    if (element) demand(element.bytes.equals(bytes), 'bytes are lost');
    if (meant !== undefined && bytes.length <= bounds.bytes)
      demand(element !== undefined && outlineOf(element) === meant, `it is read as something else`);
  },
};

const clock = makeClock();
const leaf = certifyLeaf();
const messages = [{}, { stampedAt: signedAt, clock }, { entry: 'none' as const }].map((variant) =>
  signGitsign(variant).toString('latin1'),
);
const certificates = [authority, leaf, clock.certificate].map((der) => der.toString('latin1'));

const broken = (sound: readonly string[], random: Random): FuzzInput => ({
  text: mutateMore(pick(sound, random), pick([...sound, noise(40, random)], random), random),
});

const cms: FuzzTarget = {
  name: 'CMS',
  generate(random) {
    const { text } = broken(messages, random);
    return {
      text: random(5) ? sealMessage(bytesOf(text)) : mutateMore(sealMessage(bytesOf(text)), text, random),
    };
  },
  check({ text }) {
    const read = mayRefuse(() => parseSignedMessage(text));
    if (!read) return;
    demand(read.signers.length > 0, 'there is no signer');
    const bytes = Buffer.from(text.replaceAll(/-----.*-----|\n|\r/g, ''), 'base64');
    for (const { signedBytes, signature } of read.signers) {
      demand(signedBytes[0] === 0x31 && bytes.includes(signedBytes.subarray(1)), 'other bytes are signed');
      demand(signature.length === 0 || bytes.length > signature.length, 'a signature from nowhere');
    }
  },
};

const certificate: FuzzTarget = {
  name: 'certificate',
  generate: (random) => broken(certificates, random),
  check({ text }) {
    const read = mayRefuse(() => parseCertificate(bytesOf(text)));
    if (read)
      demand(read.validFrom <= read.validTo || read.validTo < read.validFrom, 'its times are no times');
  },
};

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const issuer = parseCertificate(
  certify(
    {
      ...{ subject: 'ca', issuer: 'ca', serial: 1, from: signedAt - 9_000, to: signedAt + 9_000_000 },
      extensions: extension('551d13', tlv(0x30, tlv(1, Buffer.from([255])))),
    },
    publicKey,
    privateKey,
  ),
);
const victim = parseCertificate(
  certify(
    { subject: 'victim', issuer: 'ca', serial: 7, from: signedAt - 9_000, to: signedAt + 9_000_000 },
    publicKey,
    privateKey,
  ),
);
/** A list (RFC 5280 section 5.1) by the authority, its fields in order or not: signed all the same. */
function makeRevocationList(random: Random): FuzzInput {
  const serials = Array.from({ length: random(4) }, () => 1 + random(9));
  const entries = serials.map((serial) => tlv(0x30, integer(serial), utc(signedAt - 60)));
  const until = random(2) ? [utc(signedAt + 900_000)] : [];
  const list = entries.length > 0 ? [tlv(0x30, ...entries)] : [];
  const fields = [integer(1), algorithmOf(privateKey), named('ca'), utc(signedAt), ...until, ...list];
  const sound = tlv(0x30, ...fields);
  const odd = random(3) === 0;
  const body = odd ? bytesOf(mutateMore(sound.toString('latin1'), noise(30, random), random)) : sound;
  const signature = tlv(3, Buffer.from([0]), signWith(privateKey, body));
  const text = tlv(0x30, body, algorithmOf(privateKey), signature).toString('latin1');
  if (odd) return { text };
  return random(2)
    ? { text, meant: String(serials.includes(7)) }
    : { text: mutateMore(text, noise(20, random), random) };
}

const revocationList: FuzzTarget = {
  name: 'certificate revocation list',
  generate: makeRevocationList,
  check({ text, meant }) {
    const files = [{ path: 'list', bytes: bytesOf(text) }];
    const lists = mayRefuse(() => parseRevocationLists(files, [issuer]), 'commits/bad-revocation-lists');
    const refused = lists?.refuse(victim, signedAt * 1000);
    if (meant)
      demand(lists !== undefined && String(refused?.fault === 'revoked-key') === meant, 'it revokes others');
  },
};

const roots = [trustedRoot(), trustedRoot(undefined, { timestampAuthorities: [clock.trusted] })];
const trust: FuzzTarget = {
  name: 'trusted root and CA certificates',
  generate(random) {
    const pem = pemOf(authority) + pemOf(leaf);
    return broken([...roots, pem], random);
  },
  check({ text }) {
    mayRefuse(() => createGitsignVerifier({ path: 'root', text }, []), 'commits/bad-trusted-root');
    mayRefuse(() => createX509Verifier([{ path: 'ca', text }]), 'commits/bad-ca-certificates');
  },
};

/** ASN.1 and what is made of it. */
export const certificateTargets: readonly FuzzTarget[] = [ber, cms, certificate, revocationList, trust];
