import { defineSpec } from '@zakenak/core';

/** Inputs and outputs of the `doctor` verb. */
export const doctorSpec = defineSpec({
  name: 'doctor',
  verb: 'doctor',
  summary: 'Check this machine against what Zakenak’s stages need, and say how to mend what is missing.',
  example: 'zakenak doctor --gpu false',
  inputs: {
    gpu: { type: 'boolean', description: 'This machine has to have a usable GPU.', default: true },
    'min-driver': { type: 'string', description: 'Oldest NVIDIA driver.', default: '535.104.05' },
    'min-compute-capability': { type: 'string', description: 'Lowest compute capability.', default: '7.0' },
    cuda: { type: 'string', description: 'CUDA version of the workloads.', default: '12.8' },
    'min-kubernetes': { type: 'string', description: 'Oldest Kubernetes.', default: '1.25' },
    'min-disk': { type: 'string', description: 'Free space that images and models need.', default: '20Gi' },
    'disk-path': { type: 'string', description: 'Where they are kept.', default: '/' },
    'time-reference': {
      type: 'string',
      description:
        'Address of a server whose Date header is compared with this clock; the system’s own word otherwise.',
    },
    kubeconfig: { type: 'string', description: 'Kubeconfig file; KUBECONFIG and ~/.kube/config otherwise.' },
    context: { type: 'string', description: 'Its context; the current one otherwise.' },
  },
  outputs: {
    facts: { description: 'What was found, a JSON object.' },
    unmet: { description: 'How many requirements are not met.' },
  },
});
