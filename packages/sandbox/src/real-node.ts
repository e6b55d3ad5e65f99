import { readFile } from 'node:fs/promises';
import type { ZakenakError } from '@zakenak/core';
import type { Toolchain, ToolName } from '@zakenak/toolchain';
import { unsupported } from './errors.ts';
import type { Layout } from './layout.ts';

/** Absolute paths of what the real node runs. */
export interface NodePrograms {
  /** Keeps the node's namespaces; source in go/sandbox-node. */
  readonly holder: string;
  readonly containerd: string;
  /** One of the CNI plugins: its folder holds the others. */
  readonly plugin: string;
  /** Statically linked: the only program of the busybox image. */
  readonly busybox: string;
}

/** Name of the node that runs containers. */
export const realNodeName = 'real-1';
/** The node's address. Nobody outside the node's own network sees it, so every sandbox has the same. */
export const realNodeAddress = '10.245.0.1';
/** Addresses of the node's pods; KWOK deals those of simulated pods from 10.244.0.0/16. */
export const realPodRange = '10.245.0.0/24';
/** Addresses of services, in every sandbox. */
export const serviceRange = '10.96.0.0/16';
/** Where the node sees the sandbox's folder: `inside` in go/sandbox-node. */
export const insideFolder = '/run/zakenak';
/** Images that the node has from the start. `busybox` has a shell, an HTTP server and the usual tools. */
export const nodeImages = { pause: 'zakenak.local/pause:1', busybox: 'zakenak.local/busybox:1' } as const;

/** sockaddr_un holds 107 bytes, and the node's socket lies below the folder. */
const longestFolder = 107 - '/node/node.sock'.length;

const wanted: Readonly<Record<string, ToolName>> = {
  containerd: 'containerd',
  plugin: 'cni-plugins',
  busybox: 'busybox',
  runc: 'runc',
  iptables: 'iptables',
};
const remedy =
  'Run `apt-get install containerd runc containernetworking-plugins iptables busybox-static`, or leave `--node` out.';

/**
 * Finds what a real node needs. Throws ZakenakError `sandbox/unsupported` where a program is missing, and the toolchain's errors for the part
 * that is built.
 */
export async function resolveNodePrograms(
  toolchain: Pick<Toolchain, 'resolve'>,
  signal?: AbortSignal,
): Promise<NodePrograms> {
  const found = new Map<string, string>();
  const missing: string[] = [];
  for (const [key, name] of Object.entries(wanted)) {
    try {
      found.set(key, await toolchain.resolve(name, signal));
    } catch (error) {
      if (!isMissing(error)) throw error;
      missing.push(name);
    }
  }
  if (missing.length > 0) {
    throw unsupported(`A real node needs programs that are not here: ${missing.join(', ')}.`, remedy);
  }
  const [containerd = '', plugin = '', busybox = ''] = ['containerd', 'plugin', 'busybox'].map((key) =>
    found.get(key),
  );
  if (!isStatic(await readFile(busybox))) {
    throw unsupported(`${busybox} is linked dynamically and cannot run alone in an image.`, remedy);
  }
  return { holder: await toolchain.resolve('sandbox-node', signal), containerd, plugin, busybox };
}

/** Throws ZakenakError `sandbox/unsupported` where this is not Linux, not root, or the folder's path is too long for a socket. */
export function checkMachine({ folder }: Layout): void {
  if (process.platform !== 'linux') {
    throw unsupported(`A real node needs Linux, and this is ${process.platform}.`, 'Leave `--node` out.');
  }
  if (process.getuid?.() !== 0) {
    throw unsupported('A real node needs root.', 'Run the command as root, or leave `--node` out.');
  }
  if (Buffer.byteLength(folder) > longestFolder) {
    throw unsupported(
      `${folder} is too long for a real node's sockets.`,
      `Name a folder whose path has at most ${longestFolder} bytes.`,
    );
  }
}

function isMissing(error: unknown): boolean {
  const code = (error as Partial<ZakenakError>).code;
  return code === 'tool/missing' || code === 'tool/wrong-version';
}

/** True for a 64-bit little-endian ELF file that asks for no interpreter (PT_INTERP, elf(5)). */
export function isStatic(program: Buffer): boolean {
  if (program.length < 64 || program.readUInt32BE(0) !== 0x7f454c46) return false;
  const [start, size, count] = [
    Number(program.readBigUInt64LE(32)),
    program.readUInt16LE(54),
    program.readUInt16LE(56),
  ];
  return Array.from({ length: count }, (_, index) => program.readUInt32LE(start + index * size)).every(
    (type) => type !== 3,
  );
}
