import { join } from 'node:path';
import { type Ports, ZakenakError } from '@zakenak/core';
import { badInput, noContext, noDockerfile, outsideWorkspace } from './errors.ts';
import { parsePair, parsePairs } from './pairs.ts';

/** The files of a build: absolute paths, all inside the workspace. */
export interface BuildFiles {
  readonly context: string;
  readonly dockerfile: string;
  /** The Dockerfile as findings name it, relative to the workspace. */
  readonly shown: string;
}

/** Finds context and Dockerfile. Throws `image/context-outside-workspace`, `image/no-context`, `image/no-dockerfile`. */
export async function findBuildFiles(
  inputs: { readonly context: string; readonly file: string | undefined },
  files: Ports['files'],
): Promise<BuildFiles> {
  const context = await confine('context', inputs.context, files);
  if ((await files.stat(context))?.kind !== 'folder') throw noContext(inputs.context);
  const path = inputs.file ?? join(inputs.context, 'Dockerfile');
  const dockerfile = await confine('file', path, files);
  const kind = (await files.stat(dockerfile))?.kind;
  if (kind !== 'file' && kind !== 'link') throw noDockerfile(path);
  const shown = path
    .split('/')
    .filter((part) => part !== '.' && part !== '')
    .join('/');
  return { context, dockerfile, shown };
}

/** Puts secret values into files of `folder` that only we can read, and adds the files that the user named. Throws `image/bad-input`. */
export async function writeSecrets(
  inputs: { readonly secrets: string | undefined; readonly secretFiles: readonly string[] },
  folder: string,
  ports: Pick<Ports, 'files' | 'redactor'>,
): Promise<readonly { readonly id: string; readonly path: string }[]> {
  const made: { id: string; path: string }[] = [];
  for (const [index, [id, value]] of parsePairs('secrets', inputs.secrets).entries()) {
    ports.redactor.add(value);
    const path = join(folder, `secret-${index}`);
    await ports.files.write(path, value, { mode: 0o600 });
    made.push({ id, path });
  }
  for (const [index, entry] of inputs.secretFiles.entries()) {
    const [id, path] = parsePair('secret-files', entry, index + 1);
    const found = await confine('secret-files', path, ports.files);
    if ((await ports.files.stat(found)) === undefined)
      throw badInput('secret-files', entry, 'id=path of a file that exists');
    made.push({ id, path: found });
  }
  return made;
}

/** Absolute path of a user's path. Throws `image/context-outside-workspace`. */
export async function confine(input: string, path: string, files: Ports['files']): Promise<string> {
  try {
    return await files.resolve(path);
  } catch (error) {
    if (error instanceof ZakenakError && error.code === 'files/outside-workspace')
      throw outsideWorkspace(input, path, error);
    throw error;
  }
}
