import { type KubeRef, type Ports, ZakenakError } from '@zakenak/core';

/** Why nothing is known of a kind, in words: the cluster has none such, or the server that it comes from does not answer. */
export async function whyUnserved(
  { apiVersion, kind }: Pick<KubeRef, 'apiVersion' | 'kind'>,
  { kube }: Pick<Ports, 'kube'>,
): Promise<string> {
  const isSilent = (await kube.unavailableApis()).includes(apiVersion);
  return isSilent
    ? `the server behind ${apiVersion}, from which the cluster has its kinds, does not answer`
    : `the cluster serves no ${apiVersion} ${kind}`;
}

/** The cluster has no such kind: nothing of it is there. */
export function isUnserved(error: unknown): error is ZakenakError {
  return error instanceof ZakenakError && error.code === 'kube/unknown-kind';
}

/** The server that the kind comes from does not answer: what is there of it is there when that does again. */
export function isSilentApi(error: unknown): error is ZakenakError {
  return error instanceof ZakenakError && error.code === 'kube/unavailable-api';
}
