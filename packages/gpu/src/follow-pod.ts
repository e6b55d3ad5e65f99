import { cancelled, type KubeApi, type KubeObject, type Ports, ZakenakError } from '@zakenak/core';
import { type PodView, podRef, viewPod } from './probe-pod.ts';

/** How long the scheduler may find no place: a device plugin that just started needs a moment. */
const placingMs = 30_000;
/** Reasons for which a container waits and that time does not heal. */
const hopeless =
  /^(ImagePullBackOff|InvalidImageName|ErrImageNeverPull|Create(Container|PodSandbox)(Config)?Error|RunContainerError|StartError|CrashLoopBackOff)$/;

/** How following the pod ended. */
export interface PodEnd {
  readonly view: PodView;
  readonly how: 'ended' | 'running' | 'unschedulable' | 'stuck' | 'timed-out' | 'vanished';
}

/** Watches the pod until it ended, is stuck, or time is up. A pod on a node that `isSimulated` counts as arrived once it is running. */
export async function followPod(
  created: KubeObject,
  ports: { readonly kube: KubeApi } & Pick<Ports, 'clock' | 'progress'>,
  options: { readonly timeoutMs: number; readonly isSimulated: (node: string) => boolean },
  signal?: AbortSignal,
): Promise<PodEnd> {
  const stop = new AbortController();
  const watching = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  const { namespace, name } = podRef(created);
  const { resourceVersion } = created.metadata;
  let view = viewPod(created);
  let how: PodEnd['how'] = 'vanished';
  const end = (reason: PodEnd['how']) => {
    if (stop.signal.aborted) return;
    how = reason;
    stop.abort();
  };
  const after = (ms: number, act: () => void) => void ports.clock.sleep(ms, watching).then(act, () => {});
  after(options.timeoutMs, () => end(view.unschedulable === undefined ? 'timed-out' : 'unschedulable'));
  let placing = false;
  const selector = { apiVersion: 'v1', kind: 'Pod', namespace, fieldSelector: `metadata.name=${name}` };
  const from = resourceVersion ? { ...selector, resourceVersion } : selector;
  for await (const { type, object } of ports.kube.watch(from, watching)) {
    if (type === 'BOOKMARK') continue;
    view = viewPod(object);
    if (type === 'DELETED') end('vanished');
    else judgeView(view, options.isSimulated, end);
    if (view.unschedulable !== undefined && !placing) {
      placing = true;
      after(placingMs, () => {
        if (view.unschedulable !== undefined) end('unschedulable');
        placing = false;
      });
    }
    const message = view.unschedulable ?? view.waiting?.reason ?? view.phase;
    ports.progress.emit({ stage: 'smoke', subject: `pod ${name}`, state: 'waiting', message });
    if (stop.signal.aborted) break;
  }
  if (signal?.aborted) throw signal.reason instanceof ZakenakError ? signal.reason : cancelled();
  stop.abort();
  return { view, how };
}

function judgeView(
  view: PodView,
  isSimulated: (node: string) => boolean,
  end: (how: PodEnd['how']) => void,
): void {
  if (view.phase === 'Succeeded' || view.phase === 'Failed') end('ended');
  else if (hopeless.test(view.waiting?.reason ?? '')) end('stuck');
  else if (view.phase === 'Running' && view.node && isSimulated(view.node)) end('running');
}
