import { historySpec, readRolloutHistory, unlockRollout, unlockSpec } from '@zakenak/rollout';
import { type Bound, bindInputs, bindVerb } from '../bind.ts';
import { describeRollout } from '../rollout-request.ts';
import { refuseForks } from '../settings.ts';
import { clusterKeys, connect, holderOf, stateOf } from './rollout.ts';

const history: Bound = async (read, settings, context) => {
  refuseForks(settings.event, 'reading a cluster');
  const inputs = bindInputs(historySpec, read, {});
  const config = settings.config ?? (await context.config()).config;
  const { rollout, environment } = describeRollout(config, inputs, settings.event);
  const kube = await connect(read, environment, context);
  const request = {
    set: rollout.set,
    releases: rollout.releases,
    ...(inputs.release ? { release: inputs.release } : {}),
    ...(inputs.max === undefined ? {} : { max: inputs.max }),
  };
  return readRolloutHistory(request, { kube }, context.signal);
};

const unlock: Bound = async (read, settings, context) => {
  refuseForks(settings.event, 'freeing a lock');
  const inputs = bindInputs(unlockSpec, read, {});
  const config = settings.config ?? (await context.config()).config;
  const { rollout, environment } = describeRollout(config, inputs, settings.event);
  const kube = await connect(read, environment, context);
  const request = {
    set: rollout.set,
    releases: rollout.releases,
    ...stateOf(inputs),
    ...holderOf(context),
    force: inputs.force,
    dryRun: inputs['dry-run'],
  };
  return unlockRollout(request, { ...context.ports, kube }, context.signal);
};

/** `zakenak history`. */
export const historyVerb = bindVerb(historySpec, clusterKeys, history);
/** `zakenak unlock`. */
export const unlockVerb = bindVerb(unlockSpec, clusterKeys, unlock);
