import type { Ports } from '@zakenak/core';
import { noManifests } from '../errors.ts';
import { type ManifestDocument, parseManifests } from '../objects/manifest.ts';

type ManifestPorts = Pick<Ports, 'files'>;

/** Every document of plain manifests: files, and folders as kubectl reads them. Throws ZakenakError `rollout/no-manifests` and `rollout/bad-yaml`. */
export async function readPlainDocuments(
  paths: readonly string[],
  ports: ManifestPorts,
): Promise<readonly ManifestDocument[]> {
  const documents: ManifestDocument[] = [];
  for (const path of paths) {
    const absolute = await ports.files.resolve(path);
    const stat = await ports.files.stat(absolute);
    if (!stat) throw noManifests(path);
    const files =
      stat.kind === 'folder'
        ? (await findManifests(absolute, ports)).map((file) => `${path.replace(/\/$/, '')}/${file}`)
        : [path];
    for (const file of files) {
      const text = await ports.files.readText(await ports.files.resolve(file));
      documents.push(...parseManifests(text, file));
    }
  }
  return documents;
}

/** Files by their suffix, links to files among them, as kubectl reads a folder; like it, no folder is reached through a link. */
async function findManifests(cwd: string, { files }: ManifestPorts): Promise<readonly string[]> {
  const found = await files.glob(['**/*.{yaml,yml,json}'], { cwd, links: true });
  const isFile = await Promise.all(
    // The last dot is looked up in what a link leads to: only a folder has one.
    found.map(
      async (name) => !name.split('/').includes('node_modules') && !(await files.stat(`${cwd}/${name}/.`)),
    ),
  );
  return found.filter((_, index) => isFile[index]);
}
