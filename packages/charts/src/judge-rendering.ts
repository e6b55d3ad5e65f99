import type { Ports } from '@zakenak/core';
import type { ChartSources } from './chart-sources.ts';
import type { Verdict } from './kubeconform.ts';
import { mostObjectText, type Rendered } from './manifests.ts';
import { createPlacer, type PlaceObject } from './place-object.ts';
import { checkPolicies } from './policies.ts';
import type { RawFinding } from './raw-finding.ts';
import type { Rendering } from './render-chart.ts';

type JudgePorts = Pick<Ports, 'files'>;

/** What is wrong with the objects of one chart over all of its renderings. */
export async function judgeRenderings(
  sources: ChartSources,
  renderings: readonly Rendering[],
  verdictsOf: (version: string, text: string) => readonly Verdict[],
  checks: ReadonlySet<string>,
  ports: JudgePorts,
): Promise<readonly RawFinding[]> {
  const place = createPlacer(sources, ports);
  // Most objects are the same in most combinations: each one is judged and placed once.
  const known = new Map<string, Promise<readonly RawFinding[]>>();
  const raw: RawFinding[] = [];
  for (const { version, combination, values, objects } of renderings)
    for (const object of objects) {
      const key = `${version}\0${object.source}\0${object.text}`;
      const found = known.get(key) ?? judgeObject(object, { version, values }, verdictsOf, checks, place);
      known.set(key, found);
      for (const item of await found) raw.push({ ...item, combination });
    }
  return raw;
}

async function judgeObject(
  object: Rendered,
  { version, values }: Pick<Rendering, 'version' | 'values'>,
  verdictsOf: (version: string, text: string) => readonly Verdict[],
  checks: ReadonlySet<string>,
  place: PlaceObject,
): Promise<readonly RawFinding[]> {
  const common = { tool: 'zakenak', combination: '' };
  if (object.text.length > mostObjectText) {
    const message = `${describe(object)}: it has ${(object.text.length / 1024 / 1024).toFixed(1)} MiB, and an API server takes ${mostObjectText / 1024 / 1024}.`;
    const location = await place(object, values);
    return [{ ...common, ruleId: 'charts/too-large', severity: 'high', message, location }];
  }
  const policies = checkPolicies(object, version, checks);
  const removed = policies.some(({ check }) => check === 'removed-api');
  const placed = policies.map(async ({ check, severity, subject, message, remedy, ...field }) => ({
    ...common,
    ruleId: `charts/${check}`,
    severity,
    subject,
    message,
    remedy,
    location: await place(object, values, field),
  }));
  const judged = verdictsOf(version, object.text)
    // An API that is gone has no schema any more: the better word on it is ours.
    .filter(({ status }) => !(removed && status === 'skipped'))
    .map((verdict) => placeVerdict(verdict, object, values, place));
  return [...(await Promise.all(placed)), ...(await Promise.all(judged)).flat()];
}

async function placeVerdict(
  verdict: Verdict,
  object: Rendered,
  values: Rendering['values'],
  place: PlaceObject,
): Promise<readonly RawFinding[]> {
  if (verdict.status === 'valid') return [];
  const common = { tool: 'kubeconform', combination: '' };
  if (verdict.status === 'skipped') {
    const message = `No schema of ${verdict.version} ${verdict.kind}: it was not checked.`;
    const location = await place(object, values);
    return [{ ...common, ruleId: 'charts/no-schema', severity: 'info', message, location }];
  }
  const subject = describe(verdict.kind ? verdict : object);
  return Promise.all(
    verdict.problems.map(async ({ path: field, message, key }) => ({
      ...common,
      ruleId: 'charts/invalid-manifest',
      severity: 'high' as const,
      subject,
      message: `${field ? `${field}: ` : ''}${message}`,
      location: await place(object, values, key ? { key, path: pathOf(field, key) } : undefined),
    })),
  );
}

/** A field that should not be there is named in the message alone. */
function pathOf(field: string, key: string): readonly string[] {
  const path = field.split('/').filter((part) => part !== '');
  return path.at(-1) === key ? path : [...path, key];
}

function describe({ kind, name }: { readonly kind: string; readonly name: string }): string {
  return `${kind} ${name}`.trim() || 'A document';
}
