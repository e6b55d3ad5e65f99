import {
  auditRollouts,
  auditSpec,
  historySpec,
  readRolloutHistory,
  unlockRollout,
  unlockSpec,
} from '@zakenak/rollout';
import { type Bound, bindInputs, bindVerb } from '../bind.ts';
import { badTime } from '../errors.ts';
import { describeRollout } from '../rollout-request.ts';
import { refuseForks } from '../settings.ts';
import { clusterKeys, connect, holderOf, portsOf, stateOf } from './rollout.ts';

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
  return readRolloutHistory(request, portsOf(rollout.set, kube, context), context.signal);
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
    ...(rollout.helmTimeoutMs === undefined ? {} : { helmTimeoutMs: rollout.helmTimeoutMs }),
    ...stateOf(inputs),
    ...holderOf(context),
    force: inputs.force,
    dryRun: inputs['dry-run'],
  };
  return unlockRollout(request, portsOf(rollout.set, kube, context), context.signal);
};

const audit: Bound = async (read, settings, context) => {
  refuseForks(settings.event, 'reading a cluster');
  const inputs = bindInputs(auditSpec, read, {});
  const since = inputs.since === undefined ? undefined : parseTime(inputs.since);
  const config = settings.config ?? (await context.config()).config;
  const { rollout, environment } = describeRollout(config, inputs, settings.event);
  const kube = await connect(read, environment, context);
  const { git } = context.ports;
  const request = {
    set: rollout.set,
    releases: rollout.releases,
    ...stateOf(inputs),
    ...(since ? { since } : {}),
    timeOf: async (commit: string) => {
      if (!/^[0-9a-f]{40,64}$/.test(commit)) return undefined;
      const args = ['show', '--no-patch', '--format=%ct', commit];
      const { exitCode, stdout } = await git.run(args, { allowFailure: true });
      return exitCode === 0 ? new Date(Number(stdout.trim()) * 1_000) : undefined;
    },
  };
  return auditRollouts(request, portsOf(rollout.set, kube, context), context.signal);
};

function parseTime(text: string): Date {
  const at = Date.parse(text);
  if (!/^\d{4}-\d{2}-\d{2}/.test(text) || Number.isNaN(at)) throw badTime(text);
  return new Date(at);
}

/** `zakenak audit`. */
export const auditVerb = bindVerb(auditSpec, clusterKeys, audit);
/** `zakenak history`. */
export const historyVerb = bindVerb(historySpec, clusterKeys, history);
/** `zakenak unlock`. */
export const unlockVerb = bindVerb(unlockSpec, clusterKeys, unlock);
