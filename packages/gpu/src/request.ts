import { type InputsOf, parseQuantity } from '@zakenak/core';
import { badInput } from './errors.ts';
import type { spec } from './spec.ts';
import { compareVersions } from './versions.ts';

/** Every level, shallowest first. */
export const levels = ['driver', 'toolkit', 'container', 'kubernetes', 'compute', 'inference'] as const;
/** One of the levels above. */
export type Level = (typeof levels)[number];

/** What has to hold. */
export interface SmokeRequest {
  readonly level: Level;
  readonly expectedCount: number;
  readonly minMemoryBytes?: number;
  readonly minDriver: string;
  readonly minComputeCapability: string;
  readonly cuda: string;
  readonly image?: string;
  readonly timeoutMs: number;
  readonly namespace: string;
  readonly resourceName: string;
  /** A RuntimeClass, `auto` or `none`. */
  readonly runtimeClass: string;
  readonly model?: string;
  readonly inferenceService: { readonly namespace: string; readonly name: string };
  readonly inferenceUrl?: string;
  readonly onMissing: 'fail' | 'skip';
  readonly requireReal: boolean;
}

/** True from level kubernetes on. */
export function needsCluster(level: Level): boolean {
  return isAtLeastLevel(level, 'kubernetes');
}

/** True when `level` is as deep as `other`, or deeper. */
export function isAtLeastLevel(level: Level, other: Level): boolean {
  return levels.indexOf(level) >= levels.indexOf(other);
}

/** Reads parsed inputs. Throws `gpu/bad-input`. */
export function readSmokeRequest(inputs: InputsOf<typeof spec>): SmokeRequest {
  for (const name of ['min-driver', 'min-compute-capability', 'cuda'] as const) {
    if (compareVersions(inputs[name], '0') === undefined)
      throw badInput(name, inputs[name], 'a version such as 12.8');
  }
  const minMemory = inputs['min-memory'];
  const service = /^([^/\s]+)\/([^/\s]+)$/.exec(inputs['inference-service']);
  if (!service) throw badInput('inference-service', inputs['inference-service'], 'NAMESPACE/NAME');
  const url = inputs['inference-url'];
  if (url && !/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
    throw badInput('inference-url', url, 'an http address');
  if (inputs.level === 'inference' && !inputs.model)
    throw badInput('model', '', 'the name of a model, because level inference asks one');
  return {
    level: inputs.level,
    expectedCount: inputs['expected-count'],
    ...(minMemory ? { minMemoryBytes: readQuantity('min-memory', minMemory) } : {}),
    minDriver: inputs['min-driver'],
    minComputeCapability: inputs['min-compute-capability'],
    cuda: inputs.cuda,
    ...(inputs.image ? { image: inputs.image } : {}),
    timeoutMs: inputs.timeout,
    namespace: inputs.namespace,
    resourceName: inputs['resource-name'],
    runtimeClass: inputs['runtime-class'],
    ...(inputs.model ? { model: inputs.model } : {}),
    inferenceService: { namespace: service[1] ?? '', name: service[2] ?? '' },
    ...(url ? { inferenceUrl: url.replace(/\/+$/, '') } : {}),
    onMissing: inputs['on-missing'],
    requireReal: inputs['require-real'],
  };
}

/** Bytes of a Kubernetes quantity: 12Gi, 24564Mi, 8G. Throws `gpu/bad-input`. */
export function readQuantity(input: string, text: string): number {
  const bytes = parseQuantity(text);
  if (bytes === undefined) throw badInput(input, text, 'an amount of memory such as 12Gi');
  return bytes;
}
