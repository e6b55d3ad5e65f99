import type { KubeApi } from '@zakenak/core';
import type { Lock } from './lock.ts';

/** A view of the cluster whose writes are refused once the lock is not ours any more. Reads and dry runs always pass. */
export function fenceWrites(kube: KubeApi, lock: Pick<Lock, 'assertHeld'>): KubeApi {
  const guard = async <T>(write: () => Promise<T>): Promise<T> => {
    lock.assertHeld();
    return write();
  };
  return {
    target: kube.target,
    version: () => kube.version(),
    resources: () => kube.resources(),
    refreshDiscovery: () => kube.refreshDiscovery(),
    get: (...args) => kube.get(...args),
    list: (...args) => kube.list(...args),
    watch: (...args) => kube.watch(...args),
    logs: (...args) => kube.logs(...args),
    create: (...args) => guard(() => kube.create(...args)),
    replace: (...args) => guard(() => kube.replace(...args)),
    apply: (...args) => guard(() => kube.apply(...args)),
    patch: (...args) => guard(() => kube.patch(...args)),
    delete: (...args) => guard(() => kube.delete(...args)),
  };
}
