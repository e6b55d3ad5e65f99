import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { createReport, defineSpec, type InputsOf, type Report } from '@zakenak/core';
import { createProcessRunner } from '@zakenak/machine';
import { defineVerb, type RunContext } from '@zakenak/pipeline';
import {
  inspectSandbox,
  type Sandbox,
  type SandboxOptions,
  simulateGpuNodes,
  startSandbox,
  stopSandbox,
} from '@zakenak/sandbox';
import { createToolchain } from '@zakenak/toolchain';
import { reportStatus } from './sandbox-status.ts';

const spec = defineSpec({
  name: 'sandbox',
  verb: 'sandbox',
  summary: 'Start, look at or end a throwaway cluster and registry on this machine',
  details:
    'up starts a real control plane (etcd, API server, controllers, scheduler) and a registry on loopback, without root, with simulated GPU nodes; it returns the one that runs already. --node adds a node that runs containers, in namespaces of its own: pods are kept from or sent to it by the label zakenak.dev/simulated, it reaches no network but the sandbox’s registry, and it has the image zakenak.local/busybox:1. status exits with 3 where none runs and with 4 where one is broken. down ends every process and removes the folder; nothing there is no error. The folder is $XDG_STATE_HOME/zakenak/sandbox (~/.local/state/zakenak/sandbox) where nothing is said: outside every checkout, since it holds keys.',
  example: 'zakenak sandbox up',
  inputs: {
    action: {
      type: 'choice',
      choices: ['up', 'status', 'down'],
      required: true,
      description: 'What to do; given as a word: `zakenak sandbox up`',
    },
    folder: { type: 'string', description: 'Folder of the sandbox, new or left by a former one' },
    nodes: {
      type: 'integer',
      description: 'Simulated nodes; one where nothing is said, 0 with --node for none',
    },
    gpus: { type: 'integer', description: 'GPUs of each simulated node; two where nothing is said' },
    'owner-pid': {
      type: 'integer',
      description: 'Process with which the sandbox ends and disappears; none: it lives until `down`',
    },
    'admission-webhooks': {
      type: 'boolean',
      description:
        'Call admission webhooks; simulated pods answer none, so they are off where nothing is said',
    },
    node: {
      type: 'boolean',
      description:
        'Add a real node (containerd, kubelet) beside the simulated ones; needs root on Debian with containerd, runc, containernetworking-plugins, iptables and busybox-static',
    },
  },
  outputs: {
    state: { description: 'ready, starting, failed, stopping, stale or absent' },
    folder: { description: 'Absolute path of the sandbox’s folder' },
    kubeconfig: { description: 'Absolute path of the kubeconfig' },
    context: { description: 'Context of the kubeconfig' },
    'api-server': { description: 'Address of the API server' },
    registry: { description: 'host:port of the registry: plain HTTP, no authentication' },
    'simulated-nodes': { description: 'Names of the simulated nodes, as JSON' },
    'real-nodes': { description: 'Names of the nodes that run containers, as JSON' },
    images: { description: 'Images that the real nodes have from the start, as JSON' },
    processes: { description: 'Name, process id, state and log of each process, as JSON' },
  },
});

type Inputs = InputsOf<typeof spec>;

/** `zakenak sandbox up|status|down`. */
export const sandboxVerb = defineVerb({
  spec,
  async run(inputs, context) {
    const folder = resolve(context.ports.files.root, inputs.folder ?? defaultFolder(context.env));
    if (inputs.action === 'up') return up(folder, inputs, context);
    if (inputs.action === 'down') return down(folder);
    return reportStatus(folder, await inspectSandbox(folder));
  },
});

/** One sandbox for each user: found from any folder, and no key lies in a checkout. After the XDG base directory specification. */
function defaultFolder(env: RunContext['env']): string {
  const state = env.XDG_STATE_HOME || join(env.HOME || homedir(), '.local', 'state');
  return join(state, 'zakenak', 'sandbox');
}

async function up(folder: string, inputs: Inputs, { env, ports, signal }: RunContext): Promise<Report> {
  const toolchain = createToolchain({ ...ports, process: createProcessRunner(env), env });
  const sandbox = await startSandbox(
    optionsOf(folder, inputs),
    { toolchain, progress: ports.progress, process: toolchain },
    signal,
  );
  for (const line of describe(sandbox)) ports.log.info(line);
  return createReport({
    tool: spec.name,
    verdict: 'passed',
    summary: `The sandbox is ready. Use it with: export KUBECONFIG=${sandbox.kubeconfig}`,
    outputs: { state: 'ready', ...outputsOf(sandbox) },
    caveats: caveatsOf(sandbox),
  });
}

function optionsOf(folder: string, inputs: Inputs): SandboxOptions {
  const isSized = inputs.nodes !== undefined || inputs.gpus !== undefined;
  const owner = inputs['owner-pid'];
  return {
    folder,
    ...(owner === undefined ? {} : { owner }),
    ...(isSized ? { nodes: simulateGpuNodes(inputs.nodes ?? 1, inputs.gpus ?? 2) } : {}),
    ...(inputs['admission-webhooks'] ? { admissionWebhooks: true } : {}),
    ...(inputs.node ? { realNode: true } : {}),
  };
}

/** What a report says of a sandbox that runs. */
function outputsOf(sandbox: Sandbox): Report['outputs'] {
  return {
    folder: sandbox.folder,
    kubeconfig: sandbox.kubeconfig,
    context: sandbox.context,
    'api-server': sandbox.apiServer,
    registry: sandbox.registry,
    'simulated-nodes': sandbox.nodes,
    'real-nodes': sandbox.realNodes,
    images: sandbox.images,
    processes: sandbox.processes.map(({ name, pid, log }) => ({ name, pid, log })),
  };
}

function describe(sandbox: Sandbox): readonly string[] {
  return [
    `kubeconfig  ${sandbox.kubeconfig} (context ${sandbox.context})`,
    `API server  ${sandbox.apiServer}`,
    `registry    ${sandbox.registry} (plain HTTP, no authentication)`,
    ...(sandbox.nodes.length ? [`nodes       ${sandbox.nodes.join(', ')} (simulated)`] : []),
    ...(sandbox.realNodes.length
      ? [`nodes       ${sandbox.realNodes.join(', ')} (real, with ${sandbox.images.join(', ')})`]
      : []),
    'Ends with   zakenak sandbox down',
  ];
}

function caveatsOf({ nodes, realNodes, admissionWebhooks }: Sandbox): readonly string[] {
  return [
    ...(nodes.length
      ? [
          `${nodes.join(', ')}: simulated. Their pods run no container, their GPUs do not exist, and their volumes and load balancers are objects only.`,
        ]
      : []),
    ...(realNodes.length
      ? [
          `${realNodes.join(', ')}: real. It pulls images from the sandbox’s registry only, and its pods reach nothing outside the sandbox.`,
        ]
      : []),
    ...(admissionWebhooks ? [] : ['Admission webhooks are not called (--admission-webhooks calls them).']),
  ];
}

async function down(folder: string): Promise<Report> {
  const wasThere = await stopSandbox(folder);
  return createReport({
    tool: spec.name,
    verdict: 'passed',
    summary: wasThere ? `The sandbox in ${folder} is gone.` : `There is no sandbox in ${folder}.`,
    outputs: { state: 'absent', folder },
  });
}
