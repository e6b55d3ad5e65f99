import type { KubeResource } from '@zakenak/core';

type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** The path of a collection, or of the object `name` in it; `namespace` counts for namespaced kinds only. */
export function pathOf(
  { apiVersion, resource, namespaced }: KubeResource,
  at: {
    readonly namespace?: string | undefined;
    readonly name?: string;
    readonly subresource?: string | undefined;
  },
  query: Query = {},
): string {
  const segments = [
    ...(namespaced && at.namespace ? ['namespaces', at.namespace] : []),
    resource,
    ...(at.name === undefined ? [] : [at.name]),
    ...(at.subresource ? [at.subresource] : []),
  ].map(encodeURIComponent);
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return `${root}/${segments.join('/')}${queryOf(query)}`;
}

/** `?a=b`, without what is undefined or false. */
export function queryOf(query: Query): string {
  const given = Object.entries(query).filter(
    ([, value]) => value !== undefined && value !== false && value !== '',
  );
  const text = given.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join('&');
  return text ? `?${text}` : '';
}
