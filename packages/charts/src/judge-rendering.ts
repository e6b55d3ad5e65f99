import type { Ports } from '@zakenak/core';
import type { Chart } from './chart.ts';
import type { Verdict } from './kubeconform.ts';
import type { Rendered } from './manifests.ts';
import { placeObject } from './place.ts';
import { checkPolicies } from './policies.ts';
import type { RawFinding } from './raw-finding.ts';
import type { Rendering } from './render-chart.ts';

type JudgePorts = Pick<Ports, 'files'>;

/** What is wrong with the objects of one chart over all of its renderings. */
export async function judgeRenderings(
  chart: Chart,
  renderings: readonly Rendering[],
  verdictsOf: (version: string, text: string) => readonly Verdict[],
  checks: ReadonlySet<string>,
  ports: JudgePorts,
): Promise<readonly RawFinding[]> {
  // Most objects are the same in most combinations: each one is judged and placed once.
  const known = new Map<string, Promise<readonly RawFinding[]>>();
  const raw: RawFinding[] = [];
  for (const { version, combination, objects } of renderings)
    for (const object of objects) {
      const key = `${version}\0${object.source}\0${object.text}`;
      const found = known.get(key) ?? judgeObject(object, chart, version, verdictsOf, checks, ports);
      known.set(key, found);
      raw.push(...(await found).map((item) => ({ ...item, combination })));
    }
  return raw;
}

async function judgeObject(
  object: Rendered,
  chart: Chart,
  version: string,
  verdictsOf: (version: string, text: string) => readonly Verdict[],
  checks: ReadonlySet<string>,
  ports: JudgePorts,
): Promise<readonly RawFinding[]> {
  const policies = checkPolicies(object, version, checks);
  const removed = policies.some(({ check }) => check === 'removed-api');
  const placed = policies.map(async ({ check, severity, message, remedy, key, offset }) => ({
    ruleId: `charts/${check}`,
    severity,
    message,
    remedy,
    location: await placeObject(object, chart, ports, { key, offset }),
    tool: 'zakenak',
    combination: '',
  }));
  const judged = verdictsOf(version, object.text)
    // An API that is gone has no schema any more: the better word on it is ours.
    .filter(({ status }) => !(removed && status === 'skipped'))
    .map((verdict) => placeVerdict(verdict, object, chart, ports));
  return [...(await Promise.all(placed)), ...(await Promise.all(judged)).flat()];
}

async function placeVerdict(
  verdict: Verdict,
  object: Rendered,
  chart: Chart,
  ports: JudgePorts,
): Promise<readonly RawFinding[]> {
  if (verdict.status === 'valid') return [];
  const common = { tool: 'kubeconform', combination: '' };
  if (verdict.status === 'skipped') {
    const message = `No schema of ${verdict.version} ${verdict.kind}: it was not checked.`;
    const location = await placeObject(object, chart, ports);
    return [{ ...common, ruleId: 'charts/no-schema', severity: 'info', message, location }];
  }
  return Promise.all(
    verdict.problems.map(async ({ path: field, message, key }) => ({
      ...common,
      ruleId: 'charts/invalid-manifest',
      severity: 'high' as const,
      message: `${verdict.kind} ${verdict.name}: ${field ? `${field}: ` : ''}${message}`,
      location: await placeObject(object, chart, ports, key ? { key } : undefined),
    })),
  );
}
