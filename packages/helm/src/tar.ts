import { gunzipSync } from 'node:zlib';

const block = 512;
const largest = 64 * 1024 * 1024;

/**
 * The regular files of a gzipped tar by path: ustar with pax records, as Go's archive/tar writes them, or GNU's long names. Links and devices are left out.
 * Throws an Error for a broken archive, one over 64 MiB, one with a path twice, or one with a path that leaves its root.
 */
export function readTarGz(bytes: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const tar = unpack(bytes);
  const files = new Map<string, Uint8Array>();
  let longPath: string | undefined;
  for (let at = 0; at < tar.length; ) {
    const header = tar.subarray(at, at + block);
    if (header.every((byte) => byte === 0)) break;
    const size = sizeOf(header);
    const next = at + block + Math.ceil(size / block) * block;
    if (next > tar.length) throw new Error('the archive is cut short');
    const body = tar.subarray(at + block, at + block + size);
    const type = String.fromCharCode(header[156] ?? 0);
    if (type === 'x') longPath = paxPath(body) ?? longPath;
    else if (type === 'L') longPath = text(body, 0, body.length);
    // A long link name and records for the whole archive may stand between a path and its file.
    else if (type !== 'K' && type !== 'g') {
      const path = longPath ?? shortPath(header);
      if ((type === '0' || type === '\0') && !path.endsWith('/')) {
        // Which of two helm would render is not ours to guess.
        if (files.has(safePath(path))) throw new Error(`it holds ${path} twice`);
        files.set(safePath(path), body);
      }
      longPath = undefined;
    }
    at = next;
  }
  return files;
}

function unpack(bytes: Uint8Array): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: largest });
  } catch (thrown) {
    if (thrown instanceof RangeError) throw new Error('the archive is over 64 MiB when unpacked');
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new Error(`the archive is no whole gzip file: ${reason}`);
  }
}

/** The size of what follows a header, once its checksum holds: the sum of its bytes with the checksum's own as spaces. */
function sizeOf(header: Uint8Array): number {
  if (header.length < block) throw new Error('the archive is cut short');
  const sum = header.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0);
  if (octal(header, 148, 8) !== sum) throw new Error('the archive is no tar, or it is broken');
  return octal(header, 124, 12);
}

function octal(header: Uint8Array, start: number, length: number): number {
  const digits = text(header, start, length).trim();
  if (!/^[0-7]*$/.test(digits))
    throw new Error('the archive is no tar, or it is broken: a number is not octal');
  return Number.parseInt(digits || '0', 8);
}

function text(bytes: Uint8Array, start: number, length: number): string {
  const raw = bytes.subarray(start, start + length);
  const end = raw.indexOf(0);
  return Buffer.from(end < 0 ? raw : raw.subarray(0, end)).toString('utf8');
}

function shortPath(header: Uint8Array): string {
  // GNU's own format keeps times where ustar keeps the front of a path.
  const prefix = text(header, 257, 6) === 'ustar' ? text(header, 345, 155) : '';
  return prefix ? `${prefix}/${text(header, 0, 100)}` : text(header, 0, 100);
}

/** The path among pax records, each `LENGTH KEY=VALUE\n` with its own length in bytes: a value may hold anything. */
function paxPath(body: Uint8Array): string | undefined {
  let path: string | undefined;
  for (let at = 0; at < body.length; ) {
    const length = Number.parseInt(text(body, at, 20), 10);
    if (!(length > 0 && at + length <= body.length)) throw new Error('the archive has a broken pax record');
    const record = Buffer.from(body.subarray(at, at + length - 1)).toString('utf8');
    path = /^\d+ path=([\s\S]+)$/.exec(record)?.[1] ?? path;
    at += length;
  }
  return path;
}

function safePath(path: string): string {
  if (/^(?:[/\\]|[A-Za-z]:)/.test(path) || path.split(/[/\\]/).includes('..'))
    throw new Error(`the path ${path} leaves the archive`);
  return path.replace(/^(?:\.\/+)+/, '');
}
