import { createHash } from 'node:crypto';
import type { Files } from '@zakenak/core';
import type { PullChart, RemoteChart } from './pull-chart.ts';
import { readTarGz } from './tar.ts';
import { isExact } from './version-range.ts';

const mostKept = 500;

/**
 * The same pull, asked once for each chart and version: what a version names exactly is also kept in `folder` for later runs. For a look at charts only: a deploy asks its registry each time, which may
 * have taken the version back.
 */
export function keepPulls(pull: PullChart, folder: string | undefined, files: Files): PullChart {
  const known = new Map<string, Promise<string>>();
  return (source, target) => {
    const key = JSON.stringify([source.chart, source.version ?? '', source.repo ?? '']);
    const archive = known.get(key) ?? takeChart(source, target, key, { pull, folder, files });
    known.set(key, archive);
    return archive;
  };
}

async function takeChart(
  source: RemoteChart,
  target: string,
  key: string,
  {
    pull,
    folder,
    files,
  }: { readonly pull: PullChart; readonly folder: string | undefined; readonly files: Files },
): Promise<string> {
  if (folder === undefined || !isExact(source.version ?? '')) return pull(source, target);
  const kept = `${folder}/${createHash('sha256').update(key).digest('hex')}.tgz`;
  if (await isWhole(kept, files)) return kept;
  const archive = await pull(source, target);
  try {
    await files.write(kept, await files.readBytes(archive));
    await shrink(folder, files);
  } catch {
    // It costs time, never a chart.
  }
  return archive;
}

async function isWhole(path: string, files: Files): Promise<boolean> {
  try {
    return (await files.stat(path)) !== undefined && readTarGz(await files.readBytes(path)).size > 0;
  } catch {
    return false;
  }
}

/** Names are digests, so the first half is a random one. */
async function shrink(folder: string, files: Files): Promise<void> {
  const names = await files.glob(['*.tgz'], { cwd: folder });
  if (names.length <= mostKept) return;
  for (const name of names.slice(0, mostKept / 2)) await files.remove(`${folder}/${name}`);
}
