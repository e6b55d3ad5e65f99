// Writes DER (ITU-T X.690) for tests: certificates and messages that no tool would make.

/** One element: tag, length, content. */
export function tlv(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

/** An OBJECT IDENTIFIER from the hex of its content. */
export const oid = (hex: string): Buffer => tlv(6, Buffer.from(hex, 'hex'));
/** An INTEGER below 128. */
export const integer = (value: number): Buffer => tlv(2, Buffer.from([value]));
/** A Name of one common name. */
export const named = (value: string): Buffer =>
  tlv(0x30, tlv(0x31, tlv(0x30, oid('550403'), tlv(12, Buffer.from(value)))));
/** An extension that is not critical. */
export const extension = (hex: string, value: Buffer): Buffer => tlv(0x30, oid(hex), tlv(4, value));
/** A UTCTime, of seconds since 1970. */
export function utc(time: number): Buffer {
  const digits = new Date(time * 1000).toISOString().replace(/[-:T]|\.\d+/g, '');
  return tlv(23, Buffer.from(digits.slice(2)));
}
