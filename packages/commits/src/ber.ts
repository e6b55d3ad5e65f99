import { type BaseBlock, fromBER, GeneralizedTime, ObjectIdentifier, UTCTime } from 'asn1js';

/** Tags of the universal class (X.680 section 8.4). */
export const universal = {
  boolean: 1,
  integer: 2,
  bitString: 3,
  octetString: 4,
  oid: 6,
  sequence: 16,
  set: 17,
} as const;

/** One element of BER or DER (X.690). */
export interface BerElement {
  readonly tagClass: 'universal' | 'application' | 'context' | 'private';
  readonly tag: number;
  readonly constructed: boolean;
  /** Its length is not written but ended by a marker: BER only, as GnuPG writes its outer layers. */
  readonly indefinite: boolean;
  /** The whole element with its header. */
  readonly bytes: Buffer;
  /** What follows the header; of an element of indefinite length with its end marker. */
  readonly content: Buffer;
  /** Empty for a primitive one. */
  readonly children: readonly BerElement[];
  /** What the library made of it. */
  readonly block: BaseBlock;
}

/** How much is decoded: of what a signer wrote little, of what the base branch says whatever it takes. */
export interface BerBounds {
  readonly bytes: number;
  readonly elements: number;
}

const deepest = 32;
const classes = { 1: 'universal', 2: 'application', 3: 'context', 4: 'private' } as const;

/** Decodes exactly one element. Throws RangeError with the reason where it is broken, more than the bounds, nested deeper than 32, or followed by bytes. */
export function decodeBer(bytes: Uint8Array, bounds: BerBounds): BerElement {
  if (bytes.length > bounds.bytes)
    throw new RangeError(`it has ${bytes.length} bytes, more than ${bounds.bytes}`);
  const plain = new Uint8Array(bytes);
  let decoded: ReturnType<typeof fromBER>;
  try {
    decoded = fromBER(plain, {
      maxDepth: deepest,
      maxNodes: bounds.elements,
      maxContentLength: bounds.bytes,
      parseEmbedded: false,
    });
  } catch (thrown) {
    throw new RangeError(`it is no BER: ${(thrown as Error).message}`);
  }
  const { offset, result } = decoded;
  if (offset < 0 || result.error) throw new RangeError(`it is no BER: ${result.error || 'it ends early'}`);
  if (offset !== plain.length) throw new RangeError('bytes follow it');
  return toElement(result);
}

function toElement(block: BaseBlock): BerElement {
  const view = block.valueBeforeDecodeView;
  const bytes = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
  const { tagClass, tagNumber, isConstructed } = block.idBlock;
  const inner: unknown = (block.valueBlock as { value?: unknown }).value;
  return {
    tagClass: classes[tagClass as keyof typeof classes],
    tag: tagNumber,
    constructed: isConstructed,
    indefinite: block.lenBlock.isIndefiniteForm,
    bytes,
    content: bytes.subarray(block.idBlock.blockLength + block.lenBlock.blockLength),
    children: isConstructed && Array.isArray(inner) ? (inner as BaseBlock[]).map(toElement) : [],
    block,
  };
}

/** Whether an element has that universal tag. */
export function isUniversal(
  element: BerElement | undefined,
  name: keyof typeof universal,
): element is BerElement {
  return element?.tagClass === 'universal' && element.tag === universal[name];
}

/** Whether an element has that context-specific tag. */
export function isContext(element: BerElement | undefined, tag: number): element is BerElement {
  return element?.tagClass === 'context' && element.tag === tag;
}

/** The children of a SEQUENCE or SET. Throws RangeError on anything else. */
export function childrenOf(
  element: BerElement | undefined,
  name: 'sequence' | 'set' = 'sequence',
): readonly BerElement[] {
  if (!isUniversal(element, name) || !element.constructed) throw new RangeError(`a ${name} is missing in it`);
  return element.children;
}

/** A dotted object identifier. Throws RangeError on anything else. */
export function oidOf(element: BerElement | undefined): string {
  if (!isUniversal(element, 'oid') || !(element.block instanceof ObjectIdentifier))
    throw new RangeError('an object identifier is missing in it');
  return element.block.getValue();
}

/** The bytes of an OCTET STRING, of BER's parts put together. Throws RangeError on anything else. */
export function octetsOf(element: BerElement | undefined): Buffer {
  if (!isUniversal(element, 'octetString')) throw new RangeError('an octet string is missing in it');
  return element.constructed ? Buffer.concat(element.children.map(octetsOf)) : element.content;
}

/** A small number; -1 for one of more than six bytes. Throws RangeError on anything else. */
export function integerOf(element: BerElement | undefined): number {
  if (!isUniversal(element, 'integer') || element.content.length === 0)
    throw new RangeError('a number is missing in it');
  return element.content.length > 6 ? -1 : element.content.readIntBE(0, element.content.length);
}

/** Milliseconds since 1970 of a UTCTime or GeneralizedTime. Throws RangeError on anything else. */
export function timeOf(element: BerElement | undefined): number {
  const { block } = element ?? {};
  const time =
    block instanceof UTCTime || block instanceof GeneralizedTime ? block.toDate().getTime() : Number.NaN;
  if (!Number.isFinite(time)) throw new RangeError('a time is missing in it');
  return time;
}
