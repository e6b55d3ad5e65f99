/** Reads SSH's wire encoding (RFC 4251 section 5). Every method throws RangeError past the end. */
export interface WireReader {
  uint8(): number;
  uint32(): number;
  uint64(): bigint;
  /** A length-prefixed byte string. */
  bytes(): Buffer;
  text(): string;
  readonly done: boolean;
  /** Bytes read so far. */
  readonly offset: number;
}

/** A reader from the start of `buffer`. */
export function createWireReader(buffer: Buffer): WireReader {
  let offset = 0;
  const uint8 = () => buffer.readUInt8(offset++);
  const uint64 = () => {
    const value = buffer.readBigUInt64BE(offset);
    offset += 8;
    return value;
  };
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
    uint8,
    uint32,
    uint64,
    bytes,
    text: () => bytes().toString('latin1'),
    get done() {
      return offset === buffer.length;
    },
    get offset() {
      return offset;
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
