export { sandboxBroken, sandboxNotRunning } from './errors.ts';
export { contextName } from './kubeconfig.ts';
export * from './sandbox.ts';
export {
  defaultNodes,
  type SimulatedGpus,
  type SimulatedNode,
  simulatedMark,
  simulateGpuNodes,
} from './simulated-node.ts';
export {
  type Behaviour,
  behaviours,
  completeAfterAnnotation,
  readyAfterAnnotation,
  simulateAnnotation,
  storageClassName,
} from './stages.ts';
export * from './start.ts';
export type { SandboxProcess } from './state.ts';
export { stopSandbox } from './stop.ts';
