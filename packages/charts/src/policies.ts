import type { Severity } from '@zakenak/core';
import { openList } from '@zakenak/helm';
import { apiLifecycles } from './api-lifecycles.ts';
import { asText, type Rendered, readYaml } from './manifests.ts';

/** Checks of our own that can be switched, by the last part of their rule's name. */
export const checkNames: readonly string[] = [
  'unpinned-image',
  'gpu-resources',
  'privileged',
  'host-path',
  'no-probes',
  'deprecated-api',
  'removed-api',
];

/** What a check found on one object. */
export interface PolicyProblem {
  readonly check: string;
  readonly severity: Severity;
  /** `Deployment web`; '' where no object was read. */
  readonly subject: string;
  readonly message: string;
  readonly remedy: string;
  /** The field, from the document's top; what it is best shown at, and where its value begins in the rendered text. */
  readonly path: Path;
  readonly key: string;
  readonly offset: number;
}

type Value = { readonly [key: string]: unknown };
type Path = readonly (string | number)[];
/** Tells a problem of the object that is looked at. */
type Tell = (
  check: string,
  severity: Severity,
  message: string,
  remedy: string,
  key: string,
  path: Path,
) => void;

const gpu = 'nvidia.com/gpu';
const templates: Readonly<Record<string, Path>> = {
  Pod: ['spec'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template', 'spec'],
  ...Object.fromEntries(
    ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'ReplicationController', 'Job'].map((kind) => [
      kind,
      ['spec', 'template', 'spec'],
    ]),
  ),
};
const serving: readonly string[] = ['Deployment', 'StatefulSet', 'DaemonSet'];
/** WSL's libraries and device, which every GPU pod there needs, and the socket folder without which there is no device plugin. */
const usualHostPaths: readonly string[] = ['/usr/lib/wsl', '/dev/dxg', '/var/lib/kubelet/device-plugins'];

/** One object of a document: the document itself, or an item of a List. */
interface Part {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly value: Value;
  readonly at: Path;
}

/** The checks named in `enabled`, over one rendered document for one Kubernetes version. */
export function checkPolicies(
  rendered: Rendered,
  version: string,
  enabled: ReadonlySet<string>,
): readonly PolicyProblem[] {
  const read = readYaml(rendered.text);
  if (!read) return [unreadable];
  const problems: PolicyProblem[] = [];
  for (const part of partsOf(read.documents[0])) {
    const tell: Tell = (check, severity, message, remedy, key, path) => {
      if (!enabled.has(check)) return;
      const subject = `${part.kind} ${part.name}`;
      const place = [...part.at, ...path];
      const offset = read.offsetOf(place);
      problems.push({ check, severity, subject, message, remedy, key, path: place, offset });
    };
    checkLifecycle(part, version, tell);
    checkPod(part, tell);
  }
  return problems;
}

/** What cannot be read is not passed over. */
const unreadable: PolicyProblem = {
  check: 'unreadable',
  severity: 'high',
  subject: '',
  message: 'A document cannot be read as Kubernetes reads it: none of its objects was checked.',
  remedy: 'Render it with helm template, and mend what is rendered.',
  path: [],
  key: '',
  offset: 0,
};

function partsOf(document: unknown): readonly Part[] {
  return openList(document).map(({ value: item, path: at }) => {
    const value = asValue(item);
    const { apiVersion, kind, metadata } = value;
    return {
      apiVersion: asText(apiVersion),
      kind: asText(kind),
      name: asText(asValue(metadata).name),
      value,
      at,
    };
  });
}

function checkLifecycle({ apiVersion, kind }: Part, version: string, tell: Tell): void {
  const found = apiLifecycles.find((row) => row.apiVersion === apiVersion && row.kinds.includes(kind));
  if (!found) return;
  const { deprecatedIn, removedIn, replacement } = found;
  const removed = removedIn !== undefined && isReached(version, removedIn);
  if (!removed && !isReached(version, deprecatedIn)) return;
  const until = removedIn ? ` and removed in ${removedIn}` : '';
  tell(
    removed ? 'removed-api' : 'deprecated-api',
    removed ? 'high' : 'low',
    `${apiVersion} ${kind} is deprecated since Kubernetes ${deprecatedIn}${until}.`,
    replacement
      ? `Write the object as ${replacement}.`
      : 'Remove the object: nothing takes its place under this name.',
    'apiVersion',
    ['apiVersion'],
  );
}

function isReached(version: string, since: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [sinceMajor = 0, sinceMinor = 0] = since.split('.').map(Number);
  return major > sinceMajor || (major === sinceMajor && minor >= sinceMinor);
}

function checkPod({ kind, value }: Part, tell: Tell): void {
  const at = Object.hasOwn(templates, kind) ? templates[kind] : undefined;
  if (!at) return;
  const pod = asValue(at.reduce<unknown>((found, key) => asValue(found)[key], value));
  listOf(pod.volumes).forEach((volume, index) => {
    checkHostPath(volume, [...at, 'volumes', index], tell);
  });
  for (const field of ['initContainers', 'containers'])
    listOf(pod[field]).forEach((container, index) => {
      const probed = serving.includes(kind) && field === 'containers';
      checkContainer(container, [...at, field, index], probed, tell);
    });
}

function checkHostPath(volume: Value, path: Path, tell: Tell): void {
  const host = asValue(volume.hostPath).path;
  if (typeof host !== 'string') return;
  if (usualHostPaths.some((usual) => host === usual || host.startsWith(`${usual}/`))) return;
  tell(
    'host-path',
    'medium',
    `the volume '${volume.name}' mounts ${host} of the node.`,
    'Use a volume claim or an emptyDir.',
    'hostPath',
    [...path, 'hostPath'],
  );
}

function checkContainer(container: Value, path: Path, probed: boolean, tell: Tell): void {
  const who = `the container '${container.name}'`;
  const image = String(container.image ?? '');
  if (image !== '' && !isPinned(image))
    tell(
      'unpinned-image',
      'medium',
      `${who} runs ${image}, which is another image tomorrow.`,
      'Name a version or a digest.',
      'image',
      [...path, 'image'],
    );
  if (asValue(container.securityContext).privileged === true)
    tell(
      'privileged',
      'high',
      `${who} is privileged: it is root on the node.`,
      'Grant the capabilities or devices that it needs instead.',
      'privileged',
      [...path, 'securityContext', 'privileged'],
    );
  if (probed && !container.readinessProbe && !container.livenessProbe && !container.startupProbe)
    tell(
      'no-probes',
      'low',
      `${who} has no probe: it counts as ready as soon as it is started.`,
      'Give it a readinessProbe.',
      'name',
      [...path, 'name'],
    );
  checkGpu(who, asValue(container.resources), path, tell);
}

function checkGpu(who: string, resources: Value, path: Path, tell: Tell): void {
  const limits = asValue(resources.limits);
  const requests = asValue(resources.requests);
  if (limits[gpu] === undefined && requests[gpu] === undefined) return;
  const lacks = [
    ...(limits[gpu] === undefined ? [`limits.${gpu}`] : []),
    ...(requests.cpu === undefined && limits.cpu === undefined ? ['requests.cpu'] : []),
    ...(requests.memory === undefined && limits.memory === undefined ? ['requests.memory'] : []),
    ...(limits.memory === undefined ? ['limits.memory'] : []),
  ];
  if (lacks.length > 0)
    tell(
      'gpu-resources',
      'medium',
      `${who} takes a GPU without ${lacks.join(', ')}.`,
      'Say what the container needs beside the GPU, or another pod starves it while it holds the GPU.',
      'resources',
      [...path, 'resources'],
    );
}

function isPinned(image: string): boolean {
  if (image.includes('@')) return true;
  const tag = /:([^:/]+)$/.exec(image)?.[1];
  return tag !== undefined && tag !== 'latest';
}

function listOf(value: unknown): readonly Value[] {
  return Array.isArray(value) ? value.map(asValue) : [];
}

function asValue(value: unknown): Value {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Value) : {};
}
