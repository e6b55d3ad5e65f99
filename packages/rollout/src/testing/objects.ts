import assert from 'node:assert/strict';
import type { KubeApi, KubeMetadata, KubeObject, KubeSelector } from '@zakenak/core';

/** An object of a kind with the fields given. */
export function objectOf(
  apiVersion: string,
  kind: string,
  fields: { readonly metadata?: Partial<KubeMetadata>; readonly [field: string]: unknown } = {},
): KubeObject {
  const { metadata, ...rest } = fields;
  return { apiVersion, kind, ...rest, metadata: { name: 'web', namespace: 'shop', ...metadata } };
}

/** A condition of a status. */
export function condition(type: string, status: string, reason = '', message = ''): object {
  return { type, status, reason, message };
}

/** The calls that a test expects of the cluster; any other fails it. */
export function fakeKube(calls: Partial<KubeApi>): KubeApi {
  const unexpected = (name: string) => (): never => assert.fail(`unexpected call: ${name}`);
  const names = ['version', 'resources', 'refreshDiscovery', 'get', 'list', 'create', 'replace', 'apply'];
  const all = [...names, 'patch', 'delete', 'watch', 'logs', 'fenced'].map((name) => [
    name,
    unexpected(name),
  ]);
  const target = { context: 'fake', server: 'https://10.0.0.1:6443', namespace: 'default' };
  return {
    target,
    ...Object.fromEntries(all),
    warnings: () => [],
    aheadMs: () => 0,
    heldUp: () => undefined,
    unavailableApis: async () => [],
    ...calls,
  } as KubeApi;
}

/** Answers LISTs from objects by kind; kinds that are not given fail the test. */
export function listsOf(
  kinds: Readonly<Record<string, readonly KubeObject[]>>,
): KubeApi['list'] & { readonly asked: readonly KubeSelector[] } {
  const asked: KubeSelector[] = [];
  const list: KubeApi['list'] = async (selector) => {
    asked.push(selector);
    const items = kinds[selector.kind];
    assert.ok(items, `unexpected list of ${selector.kind}`);
    return { items, resourceVersion: '1' };
  };
  return Object.assign(list, { asked });
}

/** The value, once it is written down. */
export function noted<T>(list: T[], value: T): T {
  list.push(value);
  return value;
}

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
