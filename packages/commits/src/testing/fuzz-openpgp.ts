import { createMessage, generateKey, type PrivateKey, type PublicKey, sign } from 'openpgp';
import { createOpenPgpVerifier, type OpenPgpVerifier } from '../verify-openpgp.ts';
import { demand, type FuzzTarget } from './fuzz.ts';
import { attackTarget, email, evilEmail, harmless, payload } from './fuzz-attacks.ts';
import { signedAt } from './gitsign-message.ts';
import { mutateMore, noise, pick, type Random } from './mutation.ts';

const bytesOf = (text: string) => Buffer.from(text, 'latin1');
const armorOf = (kind: string, bytes: Uint8Array) =>
  `-----BEGIN PGP ${kind}-----\n\n${Buffer.from(bytes)
    .toString('base64')
    .replace(/.{64}(?=.)/g, '$&\n')}\n-----END PGP ${kind}-----\n`;
const sealSignature = (bytes: Uint8Array) => armorOf('SIGNATURE', bytes);
const signedOn = new Date(signedAt * 1000);

interface Person {
  readonly privateKey: PrivateKey;
  readonly publicKey: PublicKey;
  /** Packets of the public key: user ID and self-signatures among them. */
  readonly packets: string;
}

async function makePerson(address: string): Promise<Person> {
  const userIDs = [{ name: 'x', email: address }];
  const made = await generateKey({ userIDs, date: new Date(signedOn.getTime() - 60_000), format: 'object' });
  return { ...made, packets: Buffer.from(made.publicKey.write()).toString('latin1') };
}

interface People {
  readonly owner: Person;
  readonly mallory: Person;
  /** In no keyring, with the owner's address. */
  readonly stranger: Person;
  readonly verifier: OpenPgpVerifier;
}
let making: Promise<People> | undefined;
function people(): Promise<People> {
  making ??= (async () => {
    const [owner, mallory, stranger] = [
      await makePerson(email),
      await makePerson(evilEmail),
      await makePerson(email),
    ];
    const keyring = [owner, mallory].map(({ publicKey }, index) => ({
      path: `${index}.asc`,
      text: publicKey.armor(),
    }));
    return { owner, mallory, stranger, verifier: await createOpenPgpVerifier(keyring) };
  })();
  return making;
}

async function signBy({ privateKey }: Person, binary: Uint8Array): Promise<string> {
  const message = await createMessage({ binary });
  const signature = await sign({
    message,
    signingKeys: privateKey,
    detached: true,
    format: 'object',
    date: signedOn,
  });
  return Buffer.from(signature.write() as Uint8Array).toString('latin1');
}

/** A packet of a random type and length encoding (RFC 9580 section 4.2), partial and unfinished ones among them. */
function makePacket(random: Random): string {
  const tag = pick([2, 2, 4, 6, 8, 11, 13, 18, random(64)], random);
  const body = noise(pick([4, 60, 250], random), random);
  const { length } = body;
  const size = pick(
    [
      [length < 192 ? length : 191],
      [255, 0, 0, 0, length & 255],
      [0xe0 | random(31)],
      [255, 127, 255, 255, 255],
    ],
    random,
  );
  return String.fromCharCode(0xc0 | tag, ...size) + body;
}

const forgery: FuzzTarget = attackTarget(
  'forged OpenPGP signature',
  async (signed, text) => (await people()).verifier.verify(signed, text),
  async (random) => {
    const { owner, mallory, stranger } = await people();
    if (random(8) === 0)
      return { text: sealSignature(bytesOf(await signBy(owner, harmless))), meant: 'sound' };
    const attacker = pick([mallory, stranger], random);
    const made = await signBy(attacker, pick([payload, harmless], random));
    const idOf = ({ publicKey }: Person) =>
      bytesOf(Buffer.from(publicKey.getFingerprint(), 'hex').toString('latin1')).toString('latin1');
    const renamed = made
      .replaceAll(idOf(attacker), () => idOf(owner))
      .replaceAll(idOf(attacker).slice(-8), () => idOf(owner).slice(-8));
    const honest = await signBy(owner, harmless);
    const one = pick([made, renamed, honest, owner.packets, honest + made, makePacket(random)], random);
    const changed = random(3)
      ? one
      : mutateMore(one, pick([honest, made, makePacket(random)], random), random);
    const armored = sealSignature(bytesOf(changed));
    return { text: random(4) ? armored : mutateMore(armored, sealSignature(bytesOf(honest)), random) };
  },
);

const keyring: FuzzTarget = {
  name: 'OpenPGP keyring',
  async generate(random) {
    const { owner, mallory } = await people();
    const bytes = bytesOf(
      mutateMore(owner.packets, pick([mallory.packets, makePacket(random)], random), random),
    );
    const armored = armorOf('PUBLIC KEY BLOCK', bytes);
    return { text: random(3) ? armored : mutateMore(armored, owner.packets, random) };
  },
  async check({ text }) {
    const { stranger } = await people();
    try {
      const verifier = await createOpenPgpVerifier([{ path: 'keys.asc', text }]);
      const signature = sealSignature(bytesOf(await signBy(stranger, payload)));
      const committer = { name: 'c', email, time: signedAt };
      demand('fault' in (await verifier.verify({ payload, committer }, signature)), 'a stranger is trusted');
    } catch (thrown) {
      if ((thrown as { readonly code?: string }).code !== 'commits/bad-keyring') throw thrown;
    }
  },
};

/** The owner's own signature, armored, and who verifies it. */
export const signOpenPgp = async (signed: Uint8Array): Promise<string> =>
  sealSignature(bytesOf(await signBy((await people()).owner, signed)));
export const openPgpVerifier = async (): Promise<OpenPgpVerifier> => (await people()).verifier;

/** OpenPGP as far as what goes around the library is ours. */
export const openPgpTargets: readonly FuzzTarget[] = [forgery, keyring];
