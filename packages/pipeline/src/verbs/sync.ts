import { cannotWatchAndHold, syncRollout, syncSpec, watchRollout } from '@zakenak/rollout';
import { type Bound, bindInputs, bindVerb } from '../bind.ts';
import { describeRollout } from '../rollout-request.ts';
import { refuseForks } from '../settings.ts';
import { clusterKeys, connect, holderOf, portsOf, stateOf } from './rollout.ts';

/** Finds drift, and does about it what was asked for. */
const sync: Bound = async (read, settings, context) => {
  refuseForks(settings.event, 'a sync');
  const inputs = bindInputs(syncSpec, read, {});
  if (inputs.watch && inputs.mode === 'hold') throw cannotWatchAndHold();
  const config = settings.config ?? (await context.config()).config;
  const { rollout, environment } = describeRollout(config, inputs, settings.event);
  const kube = await connect(read, environment, context);
  const request = {
    ...rollout,
    ...stateOf(inputs),
    ...holderOf(context),
    mode: inputs.mode,
    unhold: inputs.unhold,
    lockTimeoutMs: inputs['lock-timeout'],
  };
  const run = inputs.watch ? watchRollout : syncRollout;
  return run(request, portsOf(rollout.set, kube, context), context.signal);
};

/** `zakenak sync`. */
export const syncVerb = bindVerb(syncSpec, clusterKeys, sync);
