import { posix } from 'node:path';
import type { ResolvedEnvironment } from '@zakenak/config';
import { defineSpec } from '@zakenak/core';
import { spec as engineSpec, needsCluster, readSmokeRequest, smokeTestGpu } from '@zakenak/gpu';
import { type Bound, bindInputs, bindVerb, given } from '../bind.ts';
import { pickEnvironment, refuseForks } from '../settings.ts';

const spec = defineSpec({
  ...engineSpec,
  inputs: {
    environment: {
      type: 'string',
      description: 'Environment of zakenak.yaml whose cluster is tested; the only one where nothing is said.',
    },
    ...engineSpec.inputs,
  },
});

/** Proves the GPU of this host, or of the environment's cluster. Refused for forks: GPUs are on self-hosted machines. */
export const smoke: Bound = async (read, settings, context) => {
  refuseForks(settings.event, 'the GPU smoke test');
  const environment = pickEnvironment(settings.config, given(read, 'environment'));
  const wanted = { ...settings.config?.smoke, ...environment?.environment.smoke };
  const cluster = environment?.environment.cluster;
  const inputs = bindInputs(engineSpec, read, {
    level: wanted.level,
    model: wanted.model,
    image: wanted.image,
    'expected-count': wanted.expectedCount,
    'min-memory': wanted.minMemory,
    timeout: wanted.timeout,
    kubeconfig: cluster?.kubeconfig,
    context: cluster?.context,
    'inference-service': findOllama(environment),
  });
  const request = readSmokeRequest(inputs);
  const target = {
    ...(inputs.kubeconfig ? { kubeconfig: inputs.kubeconfig } : {}),
    ...(inputs.context ? { context: inputs.context } : {}),
  };
  const kube = needsCluster(request.level) ? await context.connect(target) : undefined;
  return smokeTestGpu(request, { ...context.ports, kube }, context.signal);
};

/** `zakenak smoke` and gpu-smoke-test. */
export const smokeVerb = bindVerb(
  spec,
  {
    level: 'smoke.level',
    model: 'smoke.model',
    image: 'smoke.image',
    'expected-count': 'smoke.expectedCount',
    'min-memory': 'smoke.minMemory',
    timeout: 'smoke.timeout',
    kubeconfig: 'environments.*.cluster.kubeconfig',
    context: 'environments.*.cluster.context',
    'inference-service': 'the release named ollama',
  },
  smoke,
);

function findOllama(environment: ResolvedEnvironment | undefined): string | undefined {
  const release = environment?.releases.find(
    ({ name, chart }) => name === 'ollama' || posix.basename(chart) === 'ollama',
  );
  return release && `${release.namespace}/${release.name}`;
}
