export { type DeployPorts, deployRollout } from './deploy.ts';
export type { DriftRule, DriftSettings } from './drift-rules.ts';
export { badYaml, clusterTooOld, planUnreadable } from './errors.ts';
export { isSealed, type Plan } from './plan.ts';
export type * from './request.ts';
export { type RollbackRequest, rollBackRollout } from './rollback-set.ts';
export { deploySpec, planSpec, rollbackSpec, statusSpec } from './spec.ts';
export { readRolloutStatus, type StatusRequest } from './status.ts';
