import type { KubeObject, KubeRef, KubeResource } from '@zakenak/core';
import { isRecord, sameJson } from './json.ts';

/** The name of an object in messages: `Deployment shop/web`. */
export function describe(ref: KubeRef): string {
  return `${ref.kind} ${ref.namespace ? `${ref.namespace}/` : ''}${ref.name}`;
}

/** The reference of an object. */
export function refOf(object: KubeObject): KubeRef {
  const { name, namespace } = object.metadata;
  return { apiVersion: object.apiVersion, kind: object.kind, name, ...(namespace ? { namespace } : {}) };
}

/** Group of an apiVersion; empty for the core group. */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? '' : apiVersion.slice(0, slash);
}

/** Identity over versions of one group: the same object in apps/v1 and apps/v1beta1 is one. */
export function keyOf(ref: KubeRef): string {
  return `${groupOf(ref.apiVersion)}/${ref.kind}/${ref.namespace ?? ''}/${ref.name}`;
}

/** The object with its namespace filled in where its kind has one, and removed where it has none. */
export function placeObject(
  object: KubeObject,
  namespace: string,
  resource: Pick<KubeResource, 'namespaced'> | undefined,
): KubeObject {
  if (!resource) return object;
  const { namespace: given, ...metadata } = object.metadata;
  return {
    ...object,
    metadata: resource.namespaced ? { ...object.metadata, namespace: given || namespace } : metadata,
  };
}

/** What a person wrote: without status and without the metadata that only the server writes. */
export function bodyOf(object: KubeObject): KubeObject {
  const { status: _status, ...rest } = object;
  const metadata = Object.fromEntries(
    Object.entries(object.metadata).filter(([key]) => !serverMetadata.has(key)),
  );
  return { ...rest, metadata: { ...metadata, name: object.metadata.name } } as KubeObject;
}

const serverMetadata = new Set([
  'managedFields',
  'resourceVersion',
  'uid',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'selfLink',
]);

/** Annotations that controllers write on objects of ours: no difference worth a change. */
const controllerAnnotations = new Set(['deployment.kubernetes.io/revision']);

/** True when spec, data, labels and annotations of two objects are the same. */
export function sameBody(a: KubeObject, b: KubeObject): boolean {
  return sameJson(comparable(a), comparable(b));
}

/** The body without what controllers keep there. */
export function comparable(object: KubeObject): KubeObject {
  const body = bodyOf(object);
  const annotations = Object.entries(body.metadata.annotations ?? {}).filter(
    ([key]) => !controllerAnnotations.has(key),
  );
  const { annotations: _annotations, ...metadata } = body.metadata;
  return {
    ...body,
    metadata:
      annotations.length > 0 ? { ...metadata, annotations: Object.fromEntries(annotations) } : metadata,
  };
}

/**
 * A Secret with its stringData in data, as the server stores it (kubernetes: pkg/apis/core/v1/conversion.go). Who applies stringData owns no field of data: a key that is left out later would stay for ever.
 * What is no map of texts is the server's to refuse.
 */
export function withPlainData(object: KubeObject): KubeObject {
  const { stringData, ...rest } = object;
  if (object.apiVersion !== 'v1' || object.kind !== 'Secret' || !isRecord(stringData)) return object;
  const data = rest['data'] ?? {};
  const texts = Object.entries(stringData);
  if (!isRecord(data) || texts.some(([, text]) => typeof text !== 'string')) return object;
  const encoded = texts.map(([key, text]) => [key, Buffer.from(text as string).toString('base64')]);
  return { ...rest, data: { ...data, ...Object.fromEntries(encoded) } } as KubeObject;
}

// Null means something in custom resources, in the schemas of definitions and in what others put into a ControllerRevision.
const plainKinds =
  /^(?:v1|(?:apps|batch|autoscaling|policy|(?:networking|discovery|rbac\.authorization|storage|coordination|scheduling|node)\.k8s\.io)\/\w+) (?!ControllerRevision$)/;

// What holds fields, down to those of a pod's containers. In maps of texts (data, labels, a nodeSelector) the server takes null for an empty text.
const withFields =
  /^(?:spec|template|jobTemplate|containers|initContainers|volumes|env|strategy|updateStrategy|behavior|lifecycle|securityContext|affinity|(?:liveness|readiness|startup)Probe)$/;

/** A built-in object without fields that are null: a server-side apply would take the null for a value, leave beside it what the server had filled in, and refuse that. */
export function withoutPlainNulls(object: KubeObject): KubeObject {
  return plainKinds.test(`${object.apiVersion} ${object.kind}`)
    ? (withoutNullFields(object) as KubeObject)
    : object;
}

function withoutNullFields(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNullFields);
  if (!isRecord(value)) return value;
  const fields = Object.entries(value).filter(([, inner]) => inner !== null);
  return Object.fromEntries(
    fields.map(([key, inner]) => [key, withFields.test(key) ? withoutNullFields(inner) : inner]),
  );
}

const absentWhenEmpty: Readonly<Record<string, readonly string[]>> = {
  'v1 ConfigMap': ['data', 'binaryData'],
  'v1 Secret': ['data'],
  'storage.k8s.io/v1 StorageClass': ['parameters'],
};

/**
 * The object without maps that the server stores as absent when they are empty. Where they may not change, it takes the empty one for a change
 * (kubernetes: pkg/apis/storage/validation and pkg/apis/core/validation, which compare by reflect.DeepEqual).
 */
export function withoutEmptyMaps(object: KubeObject): KubeObject {
  const parts = absentWhenEmpty[`${object.apiVersion} ${object.kind}`] ?? [];
  const isLeftOut = ([key, value]: readonly [string, unknown]): boolean =>
    parts.includes(key) && isRecord(value) && Object.keys(value).length === 0;
  return Object.fromEntries(Object.entries(object).filter((part) => !isLeftOut(part))) as KubeObject;
}

/** True for a value with the shape of a Kubernetes object. */
export function isKubeObject(value: unknown): value is KubeObject {
  return (
    isRecord(value) &&
    typeof value['apiVersion'] === 'string' &&
    typeof value['kind'] === 'string' &&
    isRecord(value['metadata']) &&
    typeof value['metadata']['name'] === 'string'
  );
}
