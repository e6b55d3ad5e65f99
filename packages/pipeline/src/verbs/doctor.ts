import { defineSpec, type KubeApi, ZakenakError } from '@zakenak/core';
import { doctorSpec, examineHost, readExamination } from '@zakenak/gpu';
import { type Bound, bindInputs, bindVerb, given } from '../bind.ts';
import type { RunContext } from '../context.ts';
import { pickEnvironment } from '../settings.ts';

const spec = defineSpec({
  ...doctorSpec,
  inputs: {
    environment: {
      type: 'string',
      description:
        'Environment of zakenak.yaml whose cluster is looked at; the only one where nothing is said.',
    },
    ...doctorSpec.inputs,
  },
});

/** Examines this machine and, where one can be reached, the cluster. */
const examine: Bound = async (read, settings, context) => {
  const environment = pickEnvironment(settings.config, given(read, 'environment'))?.environment;
  const inputs = bindInputs(doctorSpec, read, {
    'min-kubernetes': environment?.cluster.minVersion?.replace(/^v/, ''),
    kubeconfig: environment?.cluster.kubeconfig,
    context: environment?.cluster.context,
  });
  const { kube, caveat } = await tryConnect(inputs, context);
  const report = await examineHost(
    readExamination(inputs),
    { ...context.ports, ...(kube ? { kube } : {}) },
    context.signal,
  );
  return caveat ? { ...report, caveats: [...report.caveats, caveat] } : report;
};

/** `zakenak doctor`. */
export const doctorVerb = bindVerb(
  spec,
  {
    'min-kubernetes': 'environments.*.cluster.minVersion',
    kubeconfig: 'environments.*.cluster.kubeconfig',
    context: 'environments.*.cluster.context',
  },
  examine,
);

/** The doctor looks at what is there: no kubeconfig is a finding of the examination, not an error. */
async function tryConnect(
  inputs: { readonly kubeconfig?: string | undefined; readonly context?: string | undefined },
  context: RunContext,
): Promise<{ readonly kube?: KubeApi; readonly caveat?: string }> {
  const { kubeconfig, context: name } = inputs;
  try {
    const kube = await context.connect({
      ...(kubeconfig ? { kubeconfig } : {}),
      ...(name ? { context: name } : {}),
    });
    return { kube };
  } catch (thrown) {
    if (!(thrown instanceof ZakenakError) || !thrown.code.startsWith('kube/')) throw thrown;
    return { caveat: `The cluster was not looked at: ${thrown.message}` };
  }
}
