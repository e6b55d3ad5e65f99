/** Permission for one request, as the API server asks its authorizer for it. */
export interface Right {
  readonly verb: string;
  /** API group; empty for the core group. */
  readonly group: string;
  /** Plural, with its subresource: `deployments`, `pods/log`. */
  readonly resource: string;
  /** Absent: in the whole cluster. */
  readonly namespace?: string;
  /** Absent where the request names no object: LIST, WATCH, a POST. */
  readonly name?: string;
}

/** A rule as roles and SelfSubjectRulesReviews state it. */
export interface RightRule {
  readonly verbs?: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** True when one of the rules grants the right (kubernetes: pkg/apis/rbac/v1/evaluation_helpers.go). */
export function isGranted({ verb, group, resource, name }: Right, rules: readonly RightRule[]): boolean {
  const subresource = resource.split('/')[1];
  const resources = ['*', resource, ...(subresource === undefined ? [] : [`*/${subresource}`])];
  return rules.some(
    ({ verbs = [], apiGroups = [], resources: ruled = [], resourceNames = [] }) =>
      (verbs.includes('*') || verbs.includes(verb)) &&
      (apiGroups.includes('*') || apiGroups.includes(group)) &&
      ruled.some((one) => resources.includes(one)) &&
      (resourceNames.length === 0 || resourceNames.includes(name ?? '')),
  );
}

/** Rights to one resource in one place, told together. */
export interface RightGroup extends Omit<Right, 'verb' | 'name'> {
  readonly verbs: readonly string[];
  /** Empty: any object. */
  readonly names: readonly string[];
}

/** Verbs and names of the same resource and place, joined, in an order that is always the same. */
export function groupRights(rights: readonly Right[]): readonly RightGroup[] {
  const byVerb = Map.groupBy(rights, ({ namespace = '', group, resource, verb }) =>
    JSON.stringify([namespace, group, resource, verb]),
  );
  const joined = [...byVerb.values()].flatMap(([first, ...rest]) => {
    if (!first) return [];
    const all = [first, ...rest].map(({ name }) => name);
    const names = all.includes(undefined)
      ? []
      : [...new Set(all.filter((name) => name !== undefined))].sort();
    return [{ first, names }];
  });
  const byResource = Map.groupBy(joined, ({ first: { namespace = '', group, resource }, names }) =>
    JSON.stringify([namespace, group, resource, names]),
  );
  const keys = [...byResource.keys()].sort();
  return keys.flatMap((key) => {
    const same = byResource.get(key) ?? [];
    const verbs = same.map(({ first }) => first.verb).sort();
    return same
      .slice(0, 1)
      .map(({ first: { verb: _verb, name: _name, ...place }, names }) => ({ ...place, verbs, names }));
  });
}

/** `create, patch deployments.apps web in namespace shop`. */
export function describeRights({ verbs, group, resource, names, namespace }: RightGroup): string {
  const [plural, subresource] = resource.split('/');
  const kind = `${plural}${group ? `.${group}` : ''}${subresource ? `/${subresource}` : ''}`;
  const what = [verbs.join(', '), kind, names.join(', ')].filter(Boolean).join(' ');
  return `${what} ${namespace === undefined ? 'in the whole cluster' : `in namespace ${namespace}`}`;
}

/** The line of a Role that grants the rights. */
export function ruleOf({ verbs, group, resource, names }: RightGroup): string {
  const text = (values: readonly string[]): string => JSON.stringify(values).replaceAll(',', ', ');
  const limited = names.length > 0 ? `, resourceNames: ${text(names)}` : '';
  return `- { apiGroups: ${text([group])}, resources: ${text([resource])}${limited}, verbs: ${text(verbs)} }`;
}
