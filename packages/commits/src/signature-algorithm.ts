import { constants, type KeyObject, verify } from 'node:crypto';
import { type BerElement, childrenOf, integerOf, isContext } from './ber.ts';
import { type Algorithm, parseAlgorithm } from './cms.ts';
import type { Strictness } from './strictness.ts';
import { type Fault, fault } from './verdict.ts';

/** Names of node:crypto for the hashes that count as strong. */
export const strongHashes: Readonly<Record<string, string>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

/** MD2, MD4, MD5, SHA-1 and SHA-224, alone and in signature algorithms. */
const weakAlgorithms = new Set([
  '1.2.840.113549.2.2',
  '1.2.840.113549.2.4',
  '1.2.840.113549.2.5',
  '1.3.14.3.2.26',
  '1.3.14.3.2.29',
  '2.16.840.1.101.3.4.2.4',
  '1.2.840.113549.1.1.2',
  '1.2.840.113549.1.1.3',
  '1.2.840.113549.1.1.4',
  '1.2.840.113549.1.1.5',
  '1.2.840.113549.1.1.14',
  '1.2.840.10040.4.3',
  '1.2.840.10045.4.1',
  '1.2.840.10045.4.3.1',
]);

/** Curves of 256 bits or more that are in use for certificates (RFC 5480, RFC 5639). */
const strongCurves = new Set([
  'prime256v1',
  'secp384r1',
  'secp521r1',
  'brainpoolP256r1',
  'brainpoolP384r1',
  'brainpoolP512r1',
]);

const pss = '1.2.840.113549.1.1.10';
const mgf1 = '1.2.840.113549.1.1.8';

interface Scheme {
  readonly key: 'rsa' | 'ec' | 'ed25519';
  /** Undefined: the one that stands beside it. */
  readonly hash?: string;
}

/** RFC 5754, RFC 5758, RFC 8410. */
const schemes: Readonly<Record<string, Scheme>> = {
  '1.2.840.113549.1.1.1': { key: 'rsa' },
  '1.2.840.113549.1.1.11': { key: 'rsa', hash: 'sha256' },
  '1.2.840.113549.1.1.12': { key: 'rsa', hash: 'sha384' },
  '1.2.840.113549.1.1.13': { key: 'rsa', hash: 'sha512' },
  '1.2.840.10045.2.1': { key: 'ec' },
  '1.2.840.10045.4.3.2': { key: 'ec', hash: 'sha256' },
  '1.2.840.10045.4.3.3': { key: 'ec', hash: 'sha384' },
  '1.2.840.10045.4.3.4': { key: 'ec', hash: 'sha512' },
  '1.3.101.112': { key: 'ed25519' },
};

/** A fault where a key is too short, or of a kind that is not verified. */
export function refuseKey(key: KeyObject, name: string, { fewestRsaBits }: Strictness): Fault | undefined {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  const type = key.asymmetricKeyType;
  if ((type === 'rsa' || type === 'rsa-pss') && modulusLength < fewestRsaBits)
    return fault('weak-key', `the RSA key of ${name} has ${modulusLength} bits, fewer than ${fewestRsaBits}`);
  if (type === 'ec' && !strongCurves.has(namedCurve))
    return fault('weak-key', `the key of ${name} is on the curve ${namedCurve}`);
  if (type === 'rsa' || type === 'rsa-pss' || type === 'ec' || type === 'ed25519') return undefined;
  return fault('unsupported-signature', `keys of the type ${type}, as of ${name}, are not verified`);
}

/** A fault where a signature or hash algorithm is broken, or not one that is verified. */
export function refuseAlgorithm({ oid, parameters }: Algorithm, what: string): Fault | undefined {
  if (weakAlgorithms.has(oid)) return fault('weak-signature', `${what} is made with a broken hash (${oid})`);
  if (oid === pss) return refusePss(parameters, what);
  if (schemes[oid] || strongHashes[oid]) return undefined;
  return fault('unsupported-signature', `${what} is made with the unknown algorithm ${oid}`);
}

function refusePss(parameters: BerElement | undefined, what: string): Fault | undefined {
  try {
    readPss(parameters);
    return undefined;
  } catch {
    return fault('weak-signature', `${what} is RSASSA-PSS with a hash that is not SHA-2`);
  }
}

/** RFC 4055 section 3.1; what is not said there is SHA-1 and refused. Throws RangeError. */
function readPss(parameters: BerElement | undefined): { readonly hash: string; readonly saltLength: number } {
  const fields = childrenOf(parameters);
  const field = (tag: number) => fields.find((some) => isContext(some, tag))?.children[0];
  const hash = strongHashes[parseAlgorithm(field(0)).oid];
  const mask = parseAlgorithm(field(1));
  if (!hash || mask.oid !== mgf1 || strongHashes[parseAlgorithm(mask.parameters).oid] !== hash)
    throw new RangeError('its hash is not SHA-2');
  const salt = field(2);
  return { hash, saltLength: salt ? integerOf(salt) : 20 };
}

/** The hash that a signature algorithm brings itself; undefined where it stands beside it. Throws RangeError on broken parameters. */
export function hashOf({ oid, parameters }: Algorithm): string | undefined {
  if (oid === pss) return readPss(parameters).hash;
  return schemes[oid]?.key === 'ed25519' ? 'sha512' : schemes[oid]?.hash;
}

/** Whether `signature` over `data` holds. `hash` is what stands beside the algorithm; one that contradicts it never holds. */
export function holds(
  { oid, parameters }: Algorithm,
  hash: string,
  key: KeyObject,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    if (oid === pss) {
      const { hash: own, saltLength } = readPss(parameters);
      if (own !== hash || !/^rsa/.test(key.asymmetricKeyType ?? '')) return false;
      return verify(hash, data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }, signature);
    }
    const scheme = schemes[oid];
    if (!scheme || scheme.key !== key.asymmetricKeyType || (scheme.hash ?? hash) !== hash) return false;
    return verify(scheme.key === 'ed25519' ? null : hash, data, key, signature);
  } catch {
    return false;
  }
}
