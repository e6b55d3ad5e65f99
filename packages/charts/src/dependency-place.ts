import { posix } from 'node:path';
import type { Location, Ports } from '@zakenak/core';

/**
 * Where a chart lists the dependency that a text names; only the file where it names none of them. Charts of apiVersion v1 list them in requirements.yaml, which helm then reads
 * instead of Chart.yaml.
 */
export async function placeDependency(
  folder: string,
  text: string,
  { files }: Pick<Ports, 'files'>,
): Promise<Location> {
  const older = posix.join(folder, 'requirements.yaml');
  const path = (await files.stat(older))?.kind === 'file' ? older : posix.join(folder, 'Chart.yaml');
  const lines = (await files.readText(path)).split('\n');
  const from = lines.findIndex((line) => /^["']?dependencies["']?:/.test(line));
  const at = from < 0 ? -1 : lines.findIndex((line, index) => index >= from && isNamed(line, text));
  return { path, ...(at < 0 ? {} : { startLine: at + 1 }) };
}

function isNamed(line: string, text: string): boolean {
  const name = /(?:^|[\s{,])name:\s*["']?([\w.-]+)/.exec(line)?.[1];
  return name !== undefined && text.split(/[^\w.-]+/).includes(name);
}
