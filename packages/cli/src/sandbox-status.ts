import { createErrorReport, createReport, type Report } from '@zakenak/core';
import { type SandboxStatus, sandboxBroken, sandboxNotRunning } from '@zakenak/sandbox';

/** The report of `zakenak sandbox status`: passed where every process serves, `sandbox/not-running` and `sandbox/broken` else, always with what is known. */
export function reportStatus(folder: string, status: SandboxStatus): Report {
  const { sandbox, processes } = status;
  const known = {
    outputs: {
      state: status.phase,
      folder,
      ...(sandbox
        ? {
            kubeconfig: sandbox.kubeconfig,
            context: sandbox.context,
            'api-server': sandbox.apiServer,
            registry: sandbox.registry,
            'simulated-nodes': sandbox.nodes,
            'real-nodes': sandbox.realNodes,
            images: sandbox.images,
          }
        : {}),
      processes: processes.map(({ name, pid, state, log, ended }) => ({ name, pid, state, log, ended })),
    },
    caveats: processes.map(
      ({ name, pid, state, ended }) => `${name} (${pid}): ${state}${ended ? `, it ${ended}` : ''}`,
    ),
  };
  const trouble = findTrouble(status);
  if (status.phase === 'absent')
    return { ...createErrorReport('sandbox', sandboxNotRunning(folder)), outputs: known.outputs };
  if (trouble) return { ...createErrorReport('sandbox', sandboxBroken(folder, trouble)), ...known };
  return createReport({
    tool: 'sandbox',
    verdict: 'passed',
    summary: `The sandbox is ready: ${processes.length} processes serve. Use it with: export KUBECONFIG=${sandbox?.kubeconfig}`,
    ...known,
  });
}

function findTrouble({ phase, processes, failure }: SandboxStatus): string | undefined {
  if (phase === 'stale') return 'its supervisor is gone without having tidied up';
  if (phase === 'failed') return `${failure?.subject ?? 'a program'} ${failure?.reason ?? 'failed'}`;
  if (phase !== 'ready') return `it is ${phase}`;
  const silent = processes.filter(({ state }) => state !== 'serving').map(({ name }) => name);
  return silent.length > 0 ? `these processes do not serve: ${silent.join(', ')}` : undefined;
}
