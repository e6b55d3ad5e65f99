import { isDeepStrictEqual } from 'node:util';
import { type AllowedSigner, matchesPatterns, parseAllowedSigners } from '../allowed-signers.ts';
import { isCertificate, parseSshCertificate } from '../ssh-certificate.ts';
import { parseSshKey } from '../ssh-key.ts';
import { parseRevokedKeys } from '../ssh-revocation.ts';
import { parseSshSignature } from '../sshsig.ts';
import { demand, type FuzzTarget, mayRefuse } from './fuzz.ts';
import { mutateMore, noise, pick, type Random } from './mutation.ts';
import {
  armorSsh,
  certifySsh,
  makeSshPair,
  type RevokedWords,
  type SshPair,
  signSsh,
  writeRevocations,
} from './ssh-message.ts';

const pairs = (['ed25519', 'ecdsa', 'rsa', 'sk'] as const).map(makeSshPair);
const bytesOf = (text: string) => Buffer.from(text, 'latin1');

const makeCertificate = (random: Random) =>
  certifySsh(
    pick(pairs, random),
    {
      principals: Array.from({ length: random(4) }, () => noise(12, random)),
      serial: BigInt(random(2 ** 32)),
      keyId: noise(8, random),
      options: random(3) ? [] : ['force-command'],
    },
    pick(pairs, random),
  );

const signature: FuzzTarget = {
  name: 'SSH signature',
  generate(random) {
    const key = pick(pairs, random);
    const made = signSsh(bytesOf(noise(20, random)), key.blob, key, { namespace: noise(9, random) });
    const bytes = Buffer.from(made.split('\n').slice(1, -2).join(''), 'base64').toString('latin1');
    const other = key.blob.toString('latin1');
    const changes = [
      () => made,
      () => mutateMore(made, bytes, random),
      () => armorSsh(bytesOf(mutateMore(bytes, other, random))),
    ];
    return { text: pick(changes, random)() };
  },
  check({ text }) {
    const read = mayRefuse(() => parseSshSignature(text));
    if (!read) return;
    const base64 = text.replaceAll(/-----.*-----|[\r\n]/g, '');
    const whole = bytesOf(base64).toString('latin1');
    demand(Buffer.from(whole, 'base64').toString('base64') === whole, 'it is not canonical');
    const head = Buffer.from(base64, 'base64').subarray(0, 10).toString('latin1');
    demand(head === 'SSHSIG\0\0\0\u0001', 'it is no SSHSIG of version 1');
    demand(Buffer.from(base64, 'base64').includes(Buffer.from(read.publicKey, 'base64')), 'another key');
  },
};

const key: FuzzTarget = {
  name: 'SSH key and certificate',
  generate(random) {
    const [one, other] = [0, 0].map(() =>
      (random(2) ? pick(pairs, random).blob : makeCertificate(random)).toString('latin1'),
    ) as [string, string];
    return { text: random(4) ? mutateMore(one, other, random) : one };
  },
  check({ text }) {
    const blob = bytesOf(text);
    const parsed = mayRefuse(() => parseSshKey(blob));
    if (parsed) {
      demand(!isCertificate(blob), 'a certificate is taken for a key');
      demand(!parsed.verify(Buffer.from('x'), blob), 'a key is taken for a signature');
    }
    if (!mayRefuse(() => isCertificate(blob))) return;
    const certificate = mayRefuse(() => parseSshCertificate(blob));
    if (certificate)
      demand(blob.includes(Buffer.from(certificate.authorityKey, 'base64')), 'another authority');
  },
};

/** Lines whose meaning is known, written as loosely as ssh-keygen allows. */
function makeSigners(random: Random): { readonly text: string; readonly wanted: readonly AllowedSigner[] } {
  const lines: string[] = [];
  const wanted: AllowedSigner[] = [];
  const space = () => pick([' ', '  ', '\t'], random);
  for (let left = random(4); left > 0; left--) {
    if (random(4) === 0) lines.push(pick(['', '# a comment', ' '], random));
    const principals = Array.from({ length: 1 + random(3) }, () =>
      pick(['a@x', '*@example.invalid', '!b@x', 'c?@y'], random),
    );
    const { type, blob } = pick(pairs, random);
    const options: string[] = [];
    let signer: AllowedSigner = { principals, publicKey: blob.toString('base64'), certAuthority: false };
    if (random(2)) {
      options.push(pick(['cert-authority', 'CERT-AUTHORITY'], random));
      signer = { ...signer, certAuthority: true };
    }
    if (random(2)) {
      options.push('namespaces="git,f?le"');
      signer = { ...signer, namespaces: ['git', 'f?le'] };
    }
    if (random(2)) {
      options.push('valid-before="20300102Z"');
      signer = { ...signer, validBefore: Date.UTC(2030, 0, 2) / 1000 };
    }
    wanted.push(signer);
    const named = random(2) ? principals.join(',') : `"${principals.join(',')}"`;
    const said = options.sort(() => random(3) - 1).join(',');
    lines.push(`${named}${space()}${said}${said ? space() : ''}${type}${space()}${blob.toString('base64')}`);
  }
  return { text: lines.join('\n'), wanted };
}

const allowedSigners: FuzzTarget = {
  name: 'allowed signers',
  generate(random) {
    const { text, wanted } = makeSigners(random);
    return random(3) === 0
      ? { text, meant: JSON.stringify(wanted) }
      : { text: mutateMore(text, makeSigners(random).text, random) };
  },
  check({ text, meant }) {
    const read = mayRefuse(() => parseAllowedSigners(text, 'signers'), 'commits/bad-allowed-signers');
    if (meant !== undefined) demand(isDeepStrictEqual(read, JSON.parse(meant)), 'it means something else');
    for (const { principals, namespaces = [] } of read ?? []) {
      demand(principals.length > 0, 'a line without a principal');
      matchesPatterns('a@example.invalid', principals);
      matchesPatterns('git', namespaces);
    }
  },
};

const [authority, subject] = pairs as [SshPair, SshPair];

/** Whether a list revokes a certificate of `subject` by `authority`, by PROTOCOL.krl's words alone. */
function isRevoked(words: RevokedWords, serial: bigint, keyId: string): boolean {
  const [first, bits] = words.bits;
  const at = serial - first;
  const inBits = at >= 0n && (BigInt(`0x${bits.toString('hex') || '0'}`) >> at) % 2n === 1n;
  const bySerial = words.serials.includes(serial) || (words.range[0] <= serial && serial <= words.range[1]);
  return (
    [subject.blob, authority.blob].some((blob) => [...words.keys, ...words.hashed].includes(blob)) ||
    [inBits, bySerial, words.keyIds.includes(keyId)].includes(true)
  );
}

const revokedKeys: FuzzTarget = {
  name: 'revoked SSH keys',
  generate(random) {
    const words = {
      keys: pairs.filter(() => random(4) === 0).map(({ blob }) => blob),
      hashed: pairs.filter(() => random(4) === 0).map(({ blob }) => blob),
      authority: pick([authority.blob, Buffer.alloc(0)], random),
      serials: Array.from({ length: random(3) }, () => BigInt(random(50))),
      range: [BigInt(random(20)), BigInt(random(30))] as const,
      bits: [BigInt(random(20)), bytesOf(noise(4, random))] as const,
      keyIds: Array.from({ length: random(3) }, () => `id-${random(9)}`),
    };
    const text = writeRevocations(words, random).toString('latin1');
    if (random(3)) return { text: mutateMore(text, authority.blob.toString('latin1'), random) };
    const [serial, keyId] = [BigInt(1 + random(60)), `id-${random(9)}`];
    const certificate = certifySsh(subject, { principals: [], serial, keyId }, authority);
    const revoked = isRevoked(words, serial, keyId);
    return { text, meant: `${certificate.toString('base64')} ${revoked}` };
  },
  check({ text, meant }) {
    const read = mayRefuse(() => parseRevokedKeys(bytesOf(text), 'revoked'), 'commits/bad-revoked-keys');
    for (const { blob } of pairs) read?.revokes(blob.toString('base64'));
    if (meant === undefined) return;
    const [blob = '', wanted = ''] = meant.split(' ');
    const certificate = parseSshCertificate(Buffer.from(blob, 'base64'));
    demand(String(read?.revokes(certificate.publicKey, certificate)) === wanted, 'it revokes something else');
  },
};

/** Every format of OpenSSH that is read here. */
export const sshTargets: readonly FuzzTarget[] = [signature, key, allowedSigners, revokedKeys];
