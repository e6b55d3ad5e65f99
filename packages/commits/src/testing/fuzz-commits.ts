import { isMalformed, parseCommit } from '../commit-object.ts';
import { type Verifiers, verifySignature } from '../signature.ts';
import { parseTag } from '../tag-object.ts';
import { isFault } from '../verdict.ts';
import { demand, type FuzzInput, type FuzzTarget } from './fuzz.ts';
import { email, soundSignatures, soundVerifiers } from './fuzz-attacks.ts';
import { idOf } from './fuzz-objects.ts';
import { openPgpVerifier, signOpenPgp } from './fuzz-openpgp.ts';
import { signedAt } from './gitsign-message.ts';
import { mutateMore, noise, pick, type Random } from './mutation.ts';

const verifiers: Verifiers = {
  ssh: soundVerifiers.ssh,
  openPgp: openPgpVerifier,
  x509: async () => soundVerifiers.x509,
};
const person = `a <${email}> ${signedAt} +0000`;

/** A signed object: the text before the signature, the signature, and the text behind it. */
interface SignedObject {
  readonly before: string;
  readonly signature: string;
  readonly after: string;
}

async function makeSigned(kind: 'commit' | 'tag', random: Random): Promise<SignedObject> {
  const message = `${random(1e9)} ${Buffer.from(noise(20, random), 'latin1').toString('hex')}`;
  const head =
    kind === 'tag'
      ? `object ${'1'.repeat(40)}\ntype commit\ntag v1\ntagger ${person}\n`
      : `tree ${'1'.repeat(40)}\nauthor ${person}\ncommitter ${person}\n`;
  const payload = Buffer.from(`${head}\n${message}\n`);
  const signature = await pick([...soundSignatures, signOpenPgp], random)(payload);
  return kind === 'tag'
    ? { before: payload.toString('latin1'), signature, after: '' }
    : {
        before: head,
        signature: `gpgsig ${signature.trimEnd().replaceAll('\n', '\n ')}\n`,
        after: `\n${message}\n`,
      };
}

/** Sound, with two signatures, with another's signature, or with any bytes changed. `meant` is whether it is to be good, and what was signed. */
async function attackObject(kind: 'commit' | 'tag', random: Random): Promise<FuzzInput> {
  const [one, two] = [await makeSigned(kind, random), await makeSigned(kind, random)];
  const { before, signature, after } = one;
  const whole = before + signature + after;
  const payload = Buffer.from(before + after, 'latin1').toString('base64');
  const forged = [
    before + signature + two.signature + after,
    before + two.signature + signature + after,
    before + signature + signature + after,
    before + two.signature + after,
    ...(kind === 'commit' ? [before + signature.replace('gpgsig ', 'gpgsig-sha256 ') + after] : []),
  ];
  const inputs: readonly FuzzInput[] = [
    { text: whole, meant: `good ${payload}` },
    { text: pick(forged, random), meant: `bad ${payload}` },
    { text: mutateMore(whole, two.signature, random), meant: `any ${payload}` },
  ];
  return pick(inputs, random);
}

const wholeObject = (kind: 'commit' | 'tag'): FuzzTarget => ({
  name: `signed ${kind}`,
  generate: (random) => attackObject(kind, random),
  async check({ text, meant = '' }) {
    const [wanted, signed] = meant.split(' ');
    const id = idOf(kind, text);
    const object = kind === 'commit' ? parseCommit(id, text) : parseTag(id, text);
    const verdict = isMalformed(object) ? undefined : await verifySignature(object, verifiers);
    const good = verdict !== undefined && !isFault(verdict);
    demand(wanted !== 'good' || good, `a sound ${kind} is ${JSON.stringify(verdict ?? object)}`);
    demand(wanted !== 'bad' || !good, 'what is signed twice or by another is good');
    if (!good || isMalformed(object)) return;
    demand(Buffer.from(object.payload).toString('base64') === signed, `what nobody signed is good`);
  },
});

/** Whole objects of every kind of signature, as a stranger may push them. */
export const signedTargets: readonly FuzzTarget[] = [wholeObject('commit'), wholeObject('tag')];
