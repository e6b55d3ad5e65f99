import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cancelled, type ProcessRunner, type Progress, ZakenakError } from '@zakenak/core';
import { type OpenApi, renderSchemas } from './convert.ts';
import { schemasUnavailable } from './errors.ts';

/** What making schemas needs. */
export interface SchemaOptions {
  readonly process: ProcessRunner;
  readonly progress: Progress;
  /** Absolute path of the folder that is kept between runs on this machine. */
  readonly cacheFolder: string;
  readonly signal?: AbortSignal;
}

/** Changes whenever the conversion does, so that older files are not used any more. */
const format = 2;
const downloadTimeoutMs = 900_000;

/**
 * Absolute folder with the strict JSON schemas of a Kubernetes version (`1.34.4`), for kubeconform's location `<folder>/{{.ResourceKind}}{{.KindSuffix}}.json`.
 * Made once from the API's description in the Go module k8s.io/kubernetes, which Go verifies by its checksum database. Throws `schemas/unavailable`.
 */
export async function prepareSchemas(version: string, options: SchemaOptions): Promise<string> {
  if (!/^\d+\.\d+\.\d+$/.test(version)) throw schemasUnavailable(version, 'that is not a version X.Y.Z.');
  const parent = join(options.cacheFolder, 'schemas');
  const target = join(parent, `kubernetes-${version}-strict-${format}`);
  if (await exists(target)) return target;
  const { progress } = options;
  progress.emit({ stage: 'schemas', subject: `kubernetes ${version}`, state: 'started' });
  await mkdir(parent, { recursive: true });
  const temporary = await mkdtemp(join(parent, '.making-'));
  try {
    await writeSchemas(await download(version, temporary, options), temporary);
    await publish(temporary, target);
    progress.emit({ stage: 'schemas', subject: `kubernetes ${version}`, state: 'done' });
    return target;
  } catch (thrown) {
    progress.emit({ stage: 'schemas', subject: `kubernetes ${version}`, state: 'failed' });
    if (thrown instanceof ZakenakError) throw thrown;
    throw schemasUnavailable(version, thrown instanceof Error ? thrown.message : String(thrown), thrown);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function download(version: string, cwd: string, options: SchemaOptions): Promise<OpenApi> {
  if (options.signal?.aborted) throw cancelled();
  const result = await options.process.run(
    {
      program: 'go',
      args: ['mod', 'download', '-json', `k8s.io/kubernetes@v${version}`],
      cwd,
      env: { GOFLAGS: '-mod=mod', GOTOOLCHAIN: 'local', GOWORK: 'off' },
      timeoutMs: downloadTimeoutMs,
    },
    options.signal,
  );
  const { Dir, Error: failure } = parseDownload(result.stdout);
  if (result.exitCode !== 0 || Dir === undefined)
    throw schemasUnavailable(
      version,
      failure ?? (result.stderr.trim().slice(0, 500) || 'go gave no folder.'),
    );
  return JSON.parse(await readFile(join(Dir, 'api/openapi-spec/swagger.json'), 'utf8')) as OpenApi;
}

function parseDownload(text: string): { readonly Dir?: string; readonly Error?: string } {
  try {
    return JSON.parse(text) as { Dir?: string; Error?: string };
  } catch {
    return {};
  }
}

async function writeSchemas(api: OpenApi, folder: string): Promise<void> {
  for (const [name, schema] of renderSchemas(api))
    await writeFile(join(folder, name), JSON.stringify(schema));
}

/** Another process may have been faster: its folder is as good as ours. */
async function publish(temporary: string, target: string): Promise<void> {
  try {
    await rename(temporary, target);
  } catch (thrown) {
    if (!(await exists(target))) throw thrown;
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
