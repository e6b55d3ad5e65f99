/** Reads SSH's wire encoding (RFC 4251 section 5). Every method throws RangeError past the end. */
export interface WireReader {
  uint32(): number;
  /** A length-prefixed byte string. */
  bytes(): Buffer;
  text(): string;
  readonly done: boolean;
}

/** A reader from the start of `buffer`. */
export function createWireReader(buffer: Buffer): WireReader {
  let offset = 0;
  const uint32 = () => {
    const value = buffer.readUInt32BE(offset);
    offset += 4;
    return value;
  };
  const bytes = () => {
    const length = uint32();
    if (length > buffer.length - offset) throw new RangeError('a string is longer than what is left');
    const value = buffer.subarray(offset, offset + length);
    offset += length;
    return value;
  };
  return {
    uint32,
    bytes,
    text: () => bytes().toString('latin1'),
    get done() {
      return offset === buffer.length;
    },
  };
}

/** A length-prefixed byte string. */
export function wireString(value: Uint8Array | string): Buffer {
  const bytes = Buffer.from(value as Uint8Array);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
