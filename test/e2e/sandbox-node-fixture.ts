import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** A running program by its short name (15 bytes of the kernel’s). */
export interface RunningProcess {
  readonly pid: number;
  readonly command: string;
}

/** Every process that descends from one, in all its process namespaces. */
export function descendantsOf(ancestor: number): readonly RunningProcess[] {
  const children = new Map<number, RunningProcess[]>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const [pid, stat] = [Number(name), readStat(name)];
    const [, command = '', parent = ''] = /\((.*)\) \S (\d+)/.exec(stat) ?? [];
    const siblings = children.get(Number(parent)) ?? [];
    children.set(Number(parent), [...siblings, { pid, command }]);
  }
  const below = (pid: number): readonly RunningProcess[] =>
    (children.get(pid) ?? []).flatMap((child) => [child, ...below(child.pid)]);
  return below(ancestor);
}

function readStat(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return '';
  }
}

interface Descriptor {
  readonly digest: string;
  readonly mediaType: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Pushes an image of an OCI layout in a tar archive to a plain-HTTP registry; returns the name it was given. */
export async function pushArchivedImage(archive: string, name: string, target: string): Promise<string> {
  const read = (path: string) => execFileSync('tar', ['-xOf', archive, path], { maxBuffer: 64 * 2 ** 20 });
  const blob = (digest: string) => read(`blobs/${digest.replace(':', '/')}`);
  const [, host = '', repository = '', tag = ''] = /^([^/]+)\/(.+):(.+)$/.exec(target) ?? [];
  const index = JSON.parse(read('index.json').toString()) as { readonly manifests: readonly Descriptor[] };
  const chosen = index.manifests.find(
    ({ annotations }) => annotations?.['io.containerd.image.name'] === name,
  );
  if (!chosen) throw new Error(`${name} is not in ${archive}`);
  const manifest = JSON.parse(blob(chosen.digest).toString()) as {
    readonly config: Descriptor;
    readonly layers: readonly Descriptor[];
  };
  const base = `http://${host}/v2/${repository}`;
  for (const { digest } of [manifest.config, ...manifest.layers]) {
    const begun = await fetch(`${base}/blobs/uploads/`, { method: 'POST' });
    const place = new URL(begun.headers.get('location') ?? '', base);
    place.searchParams.set('digest', digest);
    await expectCreated(await fetch(place, { method: 'PUT', body: blob(digest) }));
  }
  const headers = { 'content-type': chosen.mediaType };
  const body = blob(chosen.digest);
  await expectCreated(await fetch(`${base}/manifests/${tag}`, { method: 'PUT', headers, body }));
  return target;
}

async function expectCreated(answer: Response): Promise<void> {
  if (answer.status !== 201)
    throw new Error(`the registry answered ${answer.status}: ${await answer.text()}`);
}
