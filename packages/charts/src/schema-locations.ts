import { digestFiles, type Ports } from '@zakenak/core';
import { missingSchemas, remoteSchemas } from './errors.ts';

/** Where kubeconform finds more schemas. */
export interface SchemaLocation {
  /** As kubeconform takes it: an absolute folder or path template. */
  readonly template: string;
  /** SHA-256 over the schemas that it can lead to, hex. */
  readonly digest: string;
}

/**
 * Resolves `schema-locations` as kubeconform reads them (`-schema-location`): folders, or path templates with `{{.ResourceKind}}` and its like; `default` is always there. Only files of the workspace: what a
 * network answers is neither pinned nor always there. Throws `charts/remote-schemas`, `charts/missing-schemas` and `files/outside-workspace`.
 */
export async function resolveSchemaLocations(
  locations: readonly string[],
  { files }: Pick<Ports, 'files'>,
): Promise<readonly SchemaLocation[]> {
  return Promise.all(
    locations.filter((location) => location !== 'default').map((location) => resolveOne(location, files)),
  );
}

async function resolveOne(location: string, files: Ports['files']): Promise<SchemaLocation> {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(location)) throw remoteSchemas(location);
  const fixed = location.includes('{{')
    ? location.slice(0, location.lastIndexOf('/', location.indexOf('{{')) + 1)
    : location;
  const rest = location.slice(fixed.length);
  const folder = await files.resolve(fixed || '.');
  // The template's own part must not lead out of what was resolved.
  if (/(^|\/)\.\.(\/|$)/.test(rest) || (await files.stat(folder))?.kind !== 'folder')
    throw missingSchemas(location);
  const names = await files.glob(['**/*.json'], { cwd: folder });
  if (names.length === 0) throw missingSchemas(location);
  const schemas = new Map<string, Uint8Array>();
  for (const name of names) schemas.set(name, await files.readBytes(`${folder}/${name}`));
  return { template: rest ? `${folder}/${rest}` : folder, digest: digestFiles(schemas) };
}
