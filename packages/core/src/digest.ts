import { createHash } from 'node:crypto';

/** SHA-256 over files by name, hex: names, lengths and bytes, in the order of the names' UTF-16 units. */
export function digestFiles(files: ReadonlyMap<string, Uint8Array>): string {
  const hash = createHash('sha256');
  for (const [name, bytes] of [...files].sort(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(`${name}\0${bytes.length}\0`).update(bytes);
  return hash.digest('hex');
}
