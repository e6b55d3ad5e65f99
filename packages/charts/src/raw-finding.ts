import { createFinding, type Finding, isAtLeast, type Location, type Severity } from '@zakenak/core';

/** What was found in one combination of values file and Kubernetes version. */
export interface RawFinding {
  readonly ruleId: string;
  readonly severity: Severity;
  /** The object that it is about, which another values file may give another name: `Deployment web`. */
  readonly subject?: string;
  readonly message: string;
  readonly location: Location;
  readonly tool: string;
  readonly combination: string;
  readonly remedy?: string;
}

const remedies: Readonly<Record<string, string>> = {
  'charts/missing-dependencies': 'Run `helm dependency build` in the chart’s folder before linting.',
  'charts/invalid-values-schema': 'Make values.schema.json a valid JSON schema.',
  'charts/refused-values':
    'Give the value a default in values.yaml, or put values with which the chart renders into ci/NAME-values.yaml.',
  'charts/no-schema':
    'Add the CustomResourceDefinition below a crds/ folder of the repository to have this kind checked.',
};

/** The same thing in several combinations is one finding that names them, as severe as it is in the worst. */
export function mergeRaw(raw: readonly RawFinding[]): readonly Finding[] {
  const groups = new Map<string, RawFinding[]>();
  // A line may make several objects: the second of one combination is the second of another.
  const made = new Map<string, Map<string, number>>();
  for (const { subject = '', ...item } of raw) {
    const { path, startLine } = item.location;
    const what = JSON.stringify([item.ruleId, path, startLine, item.message]);
    const where = `${item.combination}\0${what}`;
    const subjects = made.get(where) ?? new Map<string, number>();
    made.set(where, subjects);
    const place = subjects.get(subject) ?? subjects.size;
    subjects.set(subject, place);
    const key = `${place}\0${what}`;
    const message = subject ? `${subject}: ${item.message}` : item.message;
    const group = groups.get(key);
    if (group) group.push({ ...item, message });
    else groups.set(key, [{ ...item, message }]);
  }
  return [...groups.values()].flatMap(([first, ...others]) => {
    if (!first) return [];
    const { combination, message, ...rest } = first;
    const where = [...new Set([combination, ...others.map((item) => item.combination)])].join(', ');
    const remedy = first.remedy ?? remedies[first.ruleId];
    const severity = others.reduce(
      (worst, item) => (isAtLeast(item.severity, worst) ? item.severity : worst),
      first.severity,
    );
    return [
      createFinding({
        ...rest,
        severity,
        message: `${message} (${where})`,
        identity: message,
        ...(remedy ? { remedy } : {}),
      }),
    ];
  });
}
