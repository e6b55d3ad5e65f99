import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { digestFiles, type Finding, type Ports } from '@zakenak/core';
import type { ReadChart } from '@zakenak/helm';
import type { Chart } from './chart.ts';
import type { ValuesSet } from './values-set.ts';

/** All that a chart's findings follow from, besides its files. */
export interface Circumstances {
  readonly schemas: readonly { readonly version: string; readonly folder: string }[];
  readonly crds: ReadonlyMap<string, string>;
  /** Digests of the project's own schemas. */
  readonly locations: readonly string[];
  readonly strict: boolean;
  readonly checks: ReadonlySet<string>;
  /** What the programs say of their versions, this one too. */
  readonly tools: readonly string[];
}

/** Findings of earlier runs, by digest of everything that they follow from. */
export interface ResultCache {
  /** Undefined where the findings have to be found anew. */
  read(key: string | undefined): Promise<readonly Finding[] | undefined>;
  write(key: string | undefined, findings: readonly Finding[]): Promise<void>;
}

type CachePorts = Pick<Ports, 'files' | 'log'>;

/** Changes whenever the same version of this program may judge the same chart differently. */
const format = 3;
const mostEntries = 4_000;
/** What Helm said and we did not understand, and what it had no time or memory for, may be the machine's fault. */
const machineBound: ReadonlySet<string> = new Set(['charts/render-failed', 'charts/over-limit']);

/** The key of a chart's findings. */
export function keyChart(
  chart: Chart,
  read: Pick<ReadChart, 'contents' | 'origins'>,
  values: readonly ValuesSet[],
  around: Circumstances,
): string {
  const { schemas, strict, tools, locations } = around;
  const shared = {
    schemas,
    strict,
    tools,
    locations,
    crds: [...around.crds],
    checks: [...around.checks].sort(),
  };
  const own = { folder: chart.folder, files: digestFiles(read.contents), origins: [...read.origins] };
  const sets = values.map(({ label, places, release, bytes }) => [
    label,
    places,
    release ?? '',
    digest(bytes),
  ]);
  return digest(JSON.stringify({ format, own, sets, shared }));
}

/** The cache in a folder; one that keeps nothing where there is no folder. An unreadable or unwritable cache costs time, never a verdict. */
export function openResultCache(folder: string | undefined, ports: CachePorts): ResultCache {
  if (folder === undefined) return { read: async () => undefined, write: async () => {} };
  const pathOf = (key: string) => posix.join(folder, `${key}.json`);
  return {
    async read(key) {
      if (key === undefined) return undefined;
      const path = pathOf(key);
      try {
        if (!(await ports.files.stat(path))) return undefined;
        const entry = JSON.parse(await ports.files.readText(path)) as Entry;
        return entry.digest === digest(JSON.stringify(entry.findings)) ? entry.findings : undefined;
      } catch {
        return undefined;
      }
    },
    async write(key, findings) {
      if (key === undefined || findings.some(({ ruleId }) => machineBound.has(ruleId))) return;
      const entry: Entry = { digest: digest(JSON.stringify(findings)), findings };
      try {
        await ports.files.write(pathOf(key), JSON.stringify(entry));
        await shrink(folder, ports);
      } catch (thrown) {
        ports.log.debug(`The findings could not be kept in ${folder}: ${String(thrown)}`);
      }
    },
  };
}

interface Entry {
  readonly digest: string;
  readonly findings: readonly Finding[];
}

/** Names are digests, so the first half is a random one. */
async function shrink(folder: string, ports: CachePorts): Promise<void> {
  const entries = await ports.files.glob(['*.json'], { cwd: folder });
  if (entries.length <= mostEntries) return;
  for (const name of entries.slice(0, mostEntries / 2)) await ports.files.remove(posix.join(folder, name));
}

function digest(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
