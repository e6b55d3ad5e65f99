import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Layout } from './layout.ts';
import { type ImageEntry, packImages } from './oci-archive.ts';
import { type NodePrograms, nodeImages } from './real-node.ts';

/** Where `writeNodeImages` puts its archive, relative to the sandbox's folder. */
export const imageArchive = 'node/images.tar';

/** Writes the pause and the busybox image, made of programs of this machine: no registry is asked. */
export async function writeNodeImages(layout: Layout, programs: NodePrograms): Promise<void> {
  const [holder, busybox, applets] = await Promise.all([
    readFile(programs.holder),
    readFile(programs.busybox),
    listApplets(programs.busybox),
  ]);
  const archive = packImages(
    [
      {
        name: nodeImages.pause,
        entries: [{ path: 'sandbox-node', content: holder, mode: 0o755 }],
        command: ['/sandbox-node', 'pause'],
      },
      { name: nodeImages.busybox, entries: busyboxEntries(busybox, applets), command: ['sh'] },
    ],
    process.arch === 'x64' ? 'amd64' : process.arch,
  );
  await writeFile(join(layout.folder, imageArchive), archive, { mode: 0o600 });
}

async function listApplets(busybox: string): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)(busybox, ['--list']);
  return stdout.split('\n').filter((name) => name !== '' && name !== 'busybox');
}

function busyboxEntries(program: Buffer, applets: readonly string[]): readonly ImageEntry[] {
  const text = (path: string, content: string): ImageEntry => ({
    path,
    content: Buffer.from(content),
    mode: 0o644,
  });
  return [
    ...['bin', 'etc', 'root', 'var'].map((path): ImageEntry => ({ path, folder: true, mode: 0o755 })),
    { path: 'tmp', folder: true, mode: 0o1777 },
    text('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n'),
    text('etc/group', 'root:x:0:\nnogroup:x:65534:\n'),
    { path: 'bin/busybox', content: program, mode: 0o755 },
    ...applets.map((name): ImageEntry => ({ path: `bin/${name}`, link: 'busybox' })),
  ];
}
