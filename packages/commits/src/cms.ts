import {
  type BerElement,
  childrenOf,
  decodeBer,
  integerOf,
  isContext,
  isUniversal,
  octetsOf,
  oidOf,
} from './ber.ts';

/** An algorithm and its parameters. */
export interface Algorithm {
  readonly oid: string;
  readonly parameters: BerElement | undefined;
}

/** Attributes by type; a type that comes twice is refused. */
type Attributes = ReadonlyMap<string, readonly BerElement[]>;

/** One signer of signed data (RFC 5652 section 5.3). */
export interface SignerInfo {
  /** Issuer name (DER) and serial number of the certificate, or its subject key identifier. */
  readonly certificate: { readonly issuer: Buffer; readonly serial: Buffer } | { readonly keyId: Buffer };
  readonly digestAlgorithm: string;
  readonly signedAttributes: Attributes;
  /** What the signature covers: the signed attributes as a SET (section 5.4). */
  readonly signedBytes: Buffer;
  readonly signatureAlgorithm: Algorithm;
  readonly signature: Buffer;
  readonly unsignedAttributes: Attributes;
}

/** Signed data (RFC 5652 section 5.1). */
export interface SignedData {
  readonly contentType: string;
  /** Undefined where the signature is detached. */
  readonly content: Buffer | undefined;
  /** DER. */
  readonly certificates: readonly Buffer[];
  readonly signers: readonly SignerInfo[];
}

/** Of a signature that somebody wrote into a commit. */
const bounds = { bytes: 128 * 1024, elements: 8192 };
const mostCertificates = 16;
const mostAttributes = 32;
const signedDataType = '1.2.840.113549.1.7.2';

const armor = /^-----BEGIN SIGNED MESSAGE-----\n([A-Za-z0-9+/=\n]+)\n-----END SIGNED MESSAGE-----\n*$/;

/** Reads the armored CMS of a commit or tag, as gpgsm, smimesign and gitsign write it. Throws RangeError with the reason on anything but one whole message within bounds. */
export function parseSignedMessage(text: string): SignedData {
  if (text.length > 2 * bounds.bytes) throw new RangeError('it is too large');
  const base64 = armor.exec(text.replaceAll('\r\n', '\n'))?.[1]?.replaceAll('\n', '');
  if (base64 === undefined) throw new RangeError('its armor is broken');
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.toString('base64') !== base64) throw new RangeError('its base64 is not canonical');
  return parseSignedData(decodeBer(bytes, bounds));
}

/** Reads a ContentInfo with signed data. The outer layers may be BER; what is signed has a definite length. Throws RangeError with the reason. */
export function parseSignedData(contentInfo: BerElement): SignedData {
  const [type, explicit, ...more] = childrenOf(contentInfo);
  if (oidOf(type) !== signedDataType) throw new RangeError('it is no signed data');
  if (!isContext(explicit, 0) || explicit.children.length !== 1 || more.length > 0)
    throw new RangeError('its signed data is missing');
  const fields = [...childrenOf(explicit.children[0])];
  integerOf(fields.shift());
  childrenOf(fields.shift(), 'set');
  const [contentType, content, ...rest] = childrenOf(fields.shift());
  const certificates = isContext(fields[0], 0) ? (fields.shift()?.children ?? []) : [];
  if (isContext(fields[0], 1)) fields.shift();
  const signers = childrenOf(fields.shift(), 'set');
  if (fields.length > 0 || rest.length > 0) throw new RangeError('there is more in it than belongs there');
  if (content && (!isContext(content, 0) || content.children.length !== 1))
    throw new RangeError('its content is broken');
  if (certificates.length > mostCertificates)
    throw new RangeError(`it has ${certificates.length} certificates, more than ${mostCertificates}`);
  if (signers.length === 0 || signers.length > mostCertificates)
    throw new RangeError(`it has ${signers.length} signers`);
  return {
    contentType: oidOf(contentType),
    content: content && octetsOf(content.children[0]),
    // Attribute certificates and other kinds have a tag of their own and sign nothing.
    certificates: certificates.filter((some) => isUniversal(some, 'sequence')).map(({ bytes }) => bytes),
    signers: signers.map(parseSigner),
  };
}

function parseSigner(element: BerElement): SignerInfo {
  const fields = [...childrenOf(element)];
  integerOf(fields.shift());
  const certificate = parseIdentifier(fields.shift());
  const digest = parseAlgorithm(fields.shift());
  const signed = isContext(fields[0], 0) ? fields.shift() : undefined;
  const signatureAlgorithm = parseAlgorithm(fields.shift());
  const signature = octetsOf(fields.shift());
  const unsigned = isContext(fields[0], 1) ? fields.shift() : undefined;
  if (fields.length > 0) throw new RangeError('there is more in its signer than belongs there');
  if (!signed?.constructed) throw new RangeError('it has no signed attributes');
  if (signed.indefinite) throw new RangeError('its signed attributes are not DER');
  const signedBytes = Buffer.from(signed.bytes);
  // The implicit tag is not what is signed, the SET is (section 5.4).
  signedBytes[0] = 0x31;
  return {
    certificate,
    digestAlgorithm: digest.oid,
    signedAttributes: parseAttributes(signed),
    signedBytes,
    signatureAlgorithm,
    signature,
    unsignedAttributes: unsigned ? parseAttributes(unsigned) : new Map(),
  };
}

function parseIdentifier(element: BerElement | undefined): SignerInfo['certificate'] {
  if (isContext(element, 0) && !element.constructed) return { keyId: element.content };
  const [issuer, serial, ...more] = childrenOf(element);
  childrenOf(issuer);
  if (!issuer || !isUniversal(serial, 'integer') || more.length > 0)
    throw new RangeError('its signer names no certificate');
  return { issuer: issuer.bytes, serial: serial.content };
}

/** Reads an AlgorithmIdentifier. Throws RangeError. */
export function parseAlgorithm(element: BerElement | undefined): Algorithm {
  const [oid, parameters, ...more] = childrenOf(element);
  if (more.length > 0) throw new RangeError('an algorithm in it is broken');
  return { oid: oidOf(oid), parameters };
}

function parseAttributes({ children }: BerElement): Attributes {
  if (children.length > mostAttributes) throw new RangeError(`it has ${children.length} attributes`);
  const attributes = new Map<string, readonly BerElement[]>();
  for (const attribute of children) {
    const [type, values, ...more] = childrenOf(attribute);
    const oid = oidOf(type);
    if (attributes.has(oid) || more.length > 0)
      throw new RangeError(`its attribute ${oid} is broken or there twice`);
    attributes.set(oid, childrenOf(values, 'set'));
  }
  return attributes;
}
