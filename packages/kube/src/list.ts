import { type KubeObject, type KubeResource, type KubeSelector, KubeStatusError } from '@zakenak/core';
import { pathOf } from './paths.ts';
import type { Requester } from './requester.ts';

/** Objects asked for at a time: client-go's page. */
const pageSize = 500;

/** A whole collection at one resourceVersion. */
export interface Listing {
  readonly items: readonly KubeObject[];
  readonly resourceVersion: string;
}

interface Page {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly KubeObject[] | null;
}

/** Lists page by page. Where the continue token ran out on the way (410), the list is read again in one piece. */
export async function listObjects(
  requester: Requester,
  resource: KubeResource,
  selector: KubeSelector & { readonly metadataOnly?: boolean },
  signal?: AbortSignal,
): Promise<Listing> {
  const read = async (limit: number | undefined, token?: string): Promise<Page> => {
    const { labelSelector, fieldSelector, namespace } = selector;
    const path = pathOf(resource, { namespace }, { labelSelector, fieldSelector, limit, continue: token });
    const accept = selector.metadataOnly ? { accept: metadataAccept('PartialObjectMetadataList') } : {};
    const request = { method: 'GET', path, signal, idempotent: true, ...accept } as const;
    return (await requester.send(request)).body as Page;
  };
  const items: KubeObject[] = [];
  let page = await read(pageSize);
  for (;;) {
    for (const item of page.items ?? []) items.push(typed(item, resource));
    const token = page.metadata?.continue;
    if (!token) return { items, resourceVersion: page.metadata?.resourceVersion ?? '' };
    try {
      page = await read(pageSize, token);
    } catch (error) {
      if (!(error instanceof KubeStatusError && error.status === 410)) throw error;
      items.length = 0;
      page = await read(undefined);
    }
  }
}

/** Asks for metadata only (https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches). */
export function metadataAccept(as: 'PartialObjectMetadata' | 'PartialObjectMetadataList'): string {
  return `application/json;as=${as};g=meta.k8s.io;v=v1`;
}

/** Items of a list carry neither apiVersion nor kind, and metadata alone those of its own form. */
export function typed(item: KubeObject, { apiVersion, kind }: KubeResource): KubeObject {
  return item.kind === undefined || item.kind === 'PartialObjectMetadata'
    ? { ...item, apiVersion, kind }
    : item;
}
