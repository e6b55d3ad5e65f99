import { defineSpec } from '@zakenak/core';

/** Inputs and outputs of the `gpu-smoke-test` action and the `smoke` verb. */
export const spec = defineSpec({
  name: 'gpu-smoke-test',
  verb: 'smoke',
  summary:
    'Prove step by step that the GPU can be used: driver, toolkit, container, Kubernetes, CUDA, inference.',
  details:
    'Each level names the cause when it fails. From `kubernetes` on a pod with one GPU runs on the cluster and is always deleted again; the ' +
    'host’s own driver is looked at only where it has one. A simulated node runs no container: the verdict is then `simulated`, and the ' +
    'report says what was not seen.',
  example: 'zakenak smoke --level driver --on-missing skip',
  inputs: {
    level: {
      type: 'choice',
      choices: ['driver', 'toolkit', 'container', 'kubernetes', 'compute', 'inference'],
      description: 'How deep the GPU is proven.',
      default: 'compute',
    },
    'expected-count': { type: 'integer', description: 'GPUs that have to be there.', default: 1 },
    'min-memory': { type: 'string', description: 'Memory that each of them has at least: 12Gi, 24564Mi.' },
    'min-driver': { type: 'string', description: 'Oldest NVIDIA driver.', default: '535.104.05' },
    'min-compute-capability': { type: 'string', description: 'Lowest compute capability.', default: '7.0' },
    cuda: {
      type: 'string',
      description: 'CUDA version of the workloads; the driver has to support its major version.',
      default: '12.8',
    },
    image: {
      type: 'string',
      description:
        'Image of the probe, by digest where it matters. Below compute it runs nvidia-smi -L; at compute its own entry point, which has to print "Test PASSED". NVIDIA’s images where not given.',
    },
    timeout: { type: 'duration', description: 'Longest that one level may take.', default: '5m' },
    kubeconfig: { type: 'string', description: 'Kubeconfig file; KUBECONFIG and ~/.kube/config otherwise.' },
    context: { type: 'string', description: 'Its context; the current one otherwise.' },
    namespace: { type: 'string', description: 'Namespace of the probe pod.', default: 'default' },
    'resource-name': {
      type: 'string',
      description: 'Resource that the device plugin offers.',
      default: 'nvidia.com/gpu',
    },
    'runtime-class': {
      type: 'string',
      description:
        'RuntimeClass of the probe pod; auto takes `nvidia` where the cluster has it, none takes none.',
      default: 'auto',
    },
    model: { type: 'string', description: 'Model that has to answer at level inference.' },
    'inference-service': {
      type: 'string',
      description: 'NAMESPACE/NAME of Ollama’s service.',
      default: 'ollama/ollama',
    },
    'inference-url': {
      type: 'string',
      description: 'Address of Ollama, where the service’s own cannot be reached from here.',
    },
    'on-missing': {
      type: 'choice',
      choices: ['fail', 'skip'],
      description: 'What no GPU at all means.',
      default: 'fail',
    },
    'require-real': { type: 'boolean', description: 'Fail where the GPU is only simulated.', default: false },
  },
  outputs: {
    'gpu-count': { description: 'GPUs found.' },
    'gpu-json': { description: 'What is known of them, a JSON list.' },
    driver: { description: 'Version of the NVIDIA driver, empty where it was not seen.' },
    cuda: { description: 'Newest CUDA version that the driver supports, empty where it was not seen.' },
    'tokens-per-second': { description: 'Speed of the model’s answer at level inference.' },
    'level-reached': { description: 'The deepest level that held; empty where none did.' },
    cause: { description: 'Why it went no deeper, empty when it went as deep as asked.' },
  },
});
