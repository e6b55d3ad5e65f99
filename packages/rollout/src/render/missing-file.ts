import { posix } from 'node:path';
import { exitCodes, nearest, type Ports, ZakenakError } from '@zakenak/core';

/** A path that is not there, and by what zakenak.yaml names it. */
export interface MissingFile {
  /** As it is named, relative to the workspace. */
  readonly file: string;
  /** Where it was looked for. */
  readonly path: string;
  /** `values of the release web`; empty where it is unknown. */
  readonly namedBy: string;
  /** A chart is a folder with this file in it; undefined for a file itself. */
  readonly holding?: 'Chart.yaml';
}

/** The error `rollout/missing-file`: which key names it, where it was looked for, and what is there that is called alike. */
export async function missingFile(
  missing: MissingFile,
  { files }: Pick<Ports, 'files'>,
): Promise<ZakenakError> {
  const { file, path, namedBy, holding } = missing;
  const near = await findAlike(posix.normalize(file), holding, files);
  const subject = namedBy === '' ? 'The set' : `\`${namedBy.replace(' ', '` ')} in zakenak.yaml`;
  return new ZakenakError({
    code: 'rollout/missing-file',
    message: `${subject} names ${file}, and there is no such file${holding ? ' or folder' : ''}: looked for ${path}.`,
    remedy: near
      ? `Write ${near} if that is what is meant, or add ${file}.`
      : `Correct the path, which counts from the folder of zakenak.yaml, or add ${file}.`,
    exitCode: exitCodes.badInput,
  });
}

/** A neighbour with almost the same name, or else one with the same name in another folder. */
async function findAlike(
  file: string,
  holding: MissingFile['holding'],
  files: Ports['files'],
): Promise<string | undefined> {
  const globs = holding ? [`**/${holding}`] : ['**/*.{yaml,yml,json}'];
  const found = (await files.glob(globs)).map((path) => (holding ? posix.dirname(path) : path));
  const [folder, name, stem] = [posix.dirname(file), posix.basename(file), stemOf(file)];
  const neighbours = found.filter((path) => posix.dirname(path) === folder);
  const near = nearest(stem, neighbours.map(stemOf));
  return (
    neighbours.find((path) => stemOf(path) === near) ?? found.find((path) => posix.basename(path) === name)
  );
}

function stemOf(path: string): string {
  return posix.basename(path).replace(/\.(ya?ml|json)$/, '');
}
