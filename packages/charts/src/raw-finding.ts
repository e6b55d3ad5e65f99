import { createFinding, type Finding, type Location, type Severity } from '@zakenak/core';

/** What was found in one combination of values file and Kubernetes version. */
export interface RawFinding {
  readonly ruleId: string;
  readonly severity: Severity;
  readonly message: string;
  readonly location: Location;
  readonly tool: string;
  readonly combination: string;
  readonly remedy?: string;
}

const remedies: Readonly<Record<string, string>> = {
  'charts/missing-dependencies': 'Run `helm dependency build` in the chart’s folder before linting.',
  'charts/invalid-values-schema': 'Make values.schema.json a valid JSON schema.',
  'charts/no-schema':
    'Add the CustomResourceDefinition below a crds/ folder of the repository to have this kind checked.',
};

/** The same thing in several combinations is one finding that names them. */
export function mergeRaw(raw: readonly RawFinding[]): readonly Finding[] {
  const groups = new Map<string, RawFinding[]>();
  for (const item of raw) {
    const key = JSON.stringify([item.ruleId, item.location.path, item.location.startLine, item.message]);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return [...groups.values()].flatMap(([first, ...others]) => {
    if (!first) return [];
    const { combination, message, ...rest } = first;
    const where = [...new Set([combination, ...others.map((item) => item.combination)])].join(', ');
    const remedy = first.remedy ?? remedies[first.ruleId];
    return [
      createFinding({
        ...rest,
        message: `${message} (${where})`,
        identity: message,
        ...(remedy ? { remedy } : {}),
      }),
    ];
  });
}
