import { gunzipSync } from 'node:zlib';

const block = 512;
const largest = 64 * 1024 * 1024;

/**
 * The regular files of a gzipped tar (ustar with pax paths, as Go's archive/tar writes them), by path. Throws an Error for a broken archive, one over
 * 64 MiB, or one with a path that leaves its root.
 */
export function readTarGz(bytes: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const tar = gunzipSync(bytes, { maxOutputLength: largest });
  const files = new Map<string, Uint8Array>();
  let longPath: string | undefined;
  for (let at = 0; at + block <= tar.length; ) {
    const header = tar.subarray(at, at + block);
    if (header.every((byte) => byte === 0)) break;
    const size = Number.parseInt(text(header, 124, 12).trim() || '0', 8);
    if (!Number.isFinite(size) || at + block + size > tar.length) throw new Error('the archive is cut short');
    const body = tar.subarray(at + block, at + block + size);
    const type = String.fromCharCode(header[156] ?? 0);
    if (type === 'x') longPath = paxPath(body);
    else {
      if (type === '0' || type === '\0') files.set(safePath(longPath ?? shortPath(header)), body);
      longPath = undefined;
    }
    at += block + Math.ceil(size / block) * block;
  }
  return files;
}

function text(header: Uint8Array, start: number, length: number): string {
  const raw = Buffer.from(header.subarray(start, start + length)).toString('utf8');
  const end = raw.indexOf('\0');
  return end < 0 ? raw : raw.slice(0, end);
}

function shortPath(header: Uint8Array): string {
  const prefix = text(header, 345, 155);
  return prefix ? `${prefix}/${text(header, 0, 100)}` : text(header, 0, 100);
}

function paxPath(body: Uint8Array): string | undefined {
  return /^\d+ path=(.+)$/m.exec(Buffer.from(body).toString('utf8'))?.[1];
}

function safePath(path: string): string {
  if (path.startsWith('/') || path.split('/').includes('..'))
    throw new Error(`the path ${path} leaves the archive`);
  return path.replace(/^\.\//, '');
}
