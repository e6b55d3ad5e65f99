import { createHash } from 'node:crypto';

/** A file, folder or symbolic link of an image. Paths are relative to its root. */
export type ImageEntry =
  | { readonly path: string; readonly content: Buffer; readonly mode: number }
  | { readonly path: string; readonly folder: true; readonly mode: number }
  | { readonly path: string; readonly link: string };

/** An image of one layer. */
export interface ImageContent {
  /** `registry/name:tag` */
  readonly name: string;
  readonly entries: readonly ImageEntry[];
  readonly command: readonly string[];
}

/**
 * An OCI image layout of these images as a tar archive, the same bytes for the same content, as `ctr images import` reads it
 * (https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md).
 */
export function packImages(images: readonly ImageContent[], architecture: string): Buffer {
  const blobs = new Map<string, Buffer>();
  const add = (mediaType: string, content: Buffer) => {
    const hash = createHash('sha256').update(content).digest('hex');
    blobs.set(hash, content);
    return {
      mediaType: `application/vnd.oci.image.${mediaType}`,
      digest: `sha256:${hash}`,
      size: content.length,
    };
  };
  const manifests = images.map(({ name, entries, command }) => {
    const layer = add('layer.v1.tar', packTar(entries));
    const config = add(
      'config.v1+json',
      json({
        architecture,
        os: 'linux',
        config: { Env: ['PATH=/bin'], Cmd: command, WorkingDir: '/' },
        rootfs: { type: 'layers', diff_ids: [layer.digest] },
      }),
    );
    const manifest = add(
      'manifest.v1+json',
      json({
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        config,
        layers: [layer],
      }),
    );
    return { ...manifest, annotations: { 'io.containerd.image.name': name } };
  });
  return packTar([
    file('oci-layout', json({ imageLayoutVersion: '1.0.0' })),
    file('index.json', json({ schemaVersion: 2, manifests })),
    ...[...blobs].map(([hash, content]) => file(`blobs/sha256/${hash}`, content)),
  ]);
}

function file(path: string, content: Buffer): ImageEntry {
  return { path, content, mode: 0o644 };
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** A POSIX ustar archive owned by root, times zero. Throws RangeError for a path of more than 100 bytes. */
export function packTar(entries: readonly ImageEntry[]): Buffer {
  const parts = entries.flatMap((entry) => {
    const content = 'content' in entry ? entry.content : Buffer.alloc(0);
    return [header(entry, content.length), content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

function header(entry: ImageEntry, size: number): Buffer {
  const block = Buffer.alloc(512);
  if (Buffer.byteLength(entry.path) > 100)
    throw new RangeError(`${entry.path} is too long for a ustar header`);
  const octal = (value: number, at: number, length: number) =>
    block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at);
  block.write(entry.path, 0);
  octal('mode' in entry ? entry.mode : 0o777, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  block.write(' '.repeat(8), 148);
  block.write('link' in entry ? '2' : 'folder' in entry ? '5' : '0', 156);
  if ('link' in entry) block.write(entry.link, 157);
  block.write('ustar\x0000', 257);
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  return block;
}
