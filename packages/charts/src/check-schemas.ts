import { randomBytes } from 'node:crypto';
import type { Ports } from '@zakenak/core';
import { leanGo } from '@zakenak/helm';
import { crdSchemaPath } from './crds.ts';
import { schemaCheckFailed } from './errors.ts';
import { parseKubeconform, type Verdict } from './kubeconform.ts';

/** Where kubeconform looks for schemas. */
export interface SchemaPlaces {
  readonly version: string;
  readonly folder: string;
  readonly crdFolder: string;
  /** Folders and path templates that are asked last: they add kinds, and change no verdict about others. */
  readonly more: readonly string[];
}

/** Objects of one run of kubeconform: its output stays far below the largest that is kept. */
const batch = 2_000;
const timeoutMs = 300_000;

/**
 * kubeconform's verdicts on every object's text, for one Kubernetes version. One run judges thousands: starting it and compiling the schemas takes far
 * longer than judging. Throws `charts/schema-check-failed`.
 */
export async function checkSchemas(
  texts: readonly string[],
  places: SchemaPlaces,
  ports: Pick<Ports, 'process'>,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, readonly Verdict[]>> {
  const unique = [...new Set(texts)];
  const verdicts = new Map<string, readonly Verdict[]>();
  for (let from = 0; from < unique.length; from += batch) {
    const part = unique.slice(from, from + batch);
    const judged = await judge(part, places, ports, signal);
    part.forEach((text, index) => {
      verdicts.set(text, judged[index] ?? []);
    });
  }
  return verdicts;
}

async function judge(
  texts: readonly string[],
  { version, folder, crdFolder, more }: SchemaPlaces,
  ports: Pick<Ports, 'process'>,
  signal?: AbortSignal,
): Promise<readonly (readonly Verdict[])[]> {
  const name = '{{.ResourceKind}}{{.KindSuffix}}.json';
  // No chart can print it.
  const frame = `Zakenak${randomBytes(8).toString('hex')}`;
  // One worker judges in the order of the input, so an object of no schema before each text tells which verdicts are whose.
  const args = ['-n', '1', '-strict', '-output', 'json', '-verbose', '-ignore-missing-schemas'];
  args.push('-kubernetes-version', version, '-schema-location', `${folder}/${name}`);
  for (const location of [`${crdFolder}/${crdSchemaPath}`, ...more]) args.push('-schema-location', location);
  const input = texts
    .map((text, index) => `---\nkind: ${frame}\napiVersion: v1\nmetadata: {name: n${index}}\n---${text}\n`)
    .join('');
  const result = await ports.process.run(
    { program: 'kubeconform', args, input, env: leanGo, timeoutMs },
    signal,
  );
  return splitFrames(readVerdicts(result.stdout, result.stderr), frame, texts.length);
}

function readVerdicts(stdout: string, stderr: string): readonly Verdict[] {
  try {
    return parseKubeconform(stdout);
  } catch {
    throw schemaCheckFailed((stderr || stdout).trim().slice(0, 500) || 'it printed nothing.');
  }
}

function splitFrames(
  verdicts: readonly Verdict[],
  frame: string,
  count: number,
): readonly (readonly Verdict[])[] {
  const frames: Verdict[][] = [];
  for (const verdict of verdicts) {
    if (verdict.kind !== frame) frames.at(-1)?.push(verdict);
    else if (verdict.name === `n${frames.length}`) frames.push([]);
    else throw schemaCheckFailed('it did not judge in the order of its input.');
  }
  const judged = frames.filter((found) => found.length > 0).length;
  if (frames.length !== count || judged !== count)
    throw schemaCheckFailed(`it judged ${judged} of ${count} objects.`);
  return frames;
}
