import type { ResolvedEnvironment } from '@zakenak/config';
import { type KubeApi, tagProgress } from '@zakenak/core';
import {
  clusterTooOld,
  deployRollout,
  deploySpec,
  planSpec,
  readRolloutStatus,
  rollBackRollout,
  rollbackSpec,
  statusSpec,
} from '@zakenak/rollout';
import { type Bound, bindInputs, bindVerb, given, type ReadInput } from '../bind.ts';
import type { RunContext } from '../context.ts';
import { readPlan } from '../plan-file.ts';
import { describeRollout } from '../rollout-request.ts';
import { refuseForks } from '../settings.ts';
import { smoke } from './smoke.ts';

/** Inputs of a cluster that zakenak.yaml can settle. */
export const clusterKeys = {
  kubeconfig: 'environments.*.cluster.kubeconfig',
  context: 'environments.*.cluster.context',
};
/** Inputs that zakenak.yaml can settle. */
export const writingKeys = {
  ...clusterKeys,
  'on-failure': 'policy.rollback.onFailure',
  'allow-irreversible': 'policy.rollback.allowIrreversible',
};

/** Shows what a deploy would do. A fork's pull request never reaches a cluster. */
export const plan: Bound = async (read, settings, context) => {
  refuseForks(settings.event, 'planning against a cluster');
  const inputs = bindInputs(planSpec, read, await rollbackSettings(settings));
  const config = settings.config ?? (await context.config()).config;
  const { rollout, environment } = describeRollout(config, inputs, settings.event);
  const kube = await connect(read, environment, context);
  const request = {
    ...rollout,
    ...stateOf(inputs),
    dryRun: true,
    prune: inputs.prune,
    allowIrreversible: inputs['allow-irreversible'],
    ...(inputs['plan-file'] ? { planFile: inputs['plan-file'] } : {}),
  };
  return deployRollout(request, portsOf(rollout.set, kube, context), context.signal);
};

/** Deploys the set as one transaction. */
export const deploy: Bound = async (read, settings, context) => {
  refuseForks(settings.event, 'a deploy');
  const inputs = bindInputs(deploySpec, read, await rollbackSettings(settings));
  const config = settings.config ?? (await context.config()).config;
  const { rollout, environment } = describeRollout(config, inputs, settings.event);
  const approved = inputs.plan ? await readPlan(inputs.plan, context.ports.files) : undefined;
  const kube = await connect(read, environment, context);
  const request = {
    ...rollout,
    ...stateOf(inputs),
    ...writingOf(inputs, context),
    prune: inputs.prune,
    ...(await orderOf(rollout.commit, context)),
    ...(approved ? { approved } : {}),
    ...(inputs['plan-file'] ? { planFile: inputs['plan-file'] } : {}),
    ...(inputs.smoke
      ? {
          verify: () =>
            smoke((name) => (smokeInputs.includes(name) ? read(name) : undefined), settings, context),
        }
      : {}),
  };
  return deployRollout(request, portsOf(rollout.set, kube, context), context.signal);
};

const smokeInputs: readonly string[] = ['environment', 'kubeconfig', 'context'];

/** Goes back. */
export const rollback: Bound = async (read, settings, context) => {
  refuseForks(settings.event, 'a rollback');
  const inputs = bindInputs(rollbackSpec, read, await rollbackSettings(settings));
  const config = settings.config ?? (await context.config()).config;
  const { rollout, environment } = describeRollout(config, inputs, settings.event);
  const kube = await connect(read, environment, context);
  const request = {
    ...rollout,
    ...stateOf(inputs),
    ...writingOf(inputs, context),
    ...(inputs.release ? { release: inputs.release } : {}),
    ...(inputs.revision === undefined ? {} : { revision: inputs.revision }),
  };
  return rollBackRollout(request, portsOf(rollout.set, kube, context), context.signal);
};

/** Shows what is deployed. */
export const status: Bound = async (read, settings, context) => {
  refuseForks(settings.event, 'reading a cluster');
  const inputs = bindInputs(statusSpec, read, {});
  const config = settings.config ?? (await context.config()).config;
  const { rollout, environment } = describeRollout(config, inputs, settings.event);
  const kube = await connect(read, environment, context);
  const request = {
    ...rollout,
    ...stateOf(inputs),
    isGone: context.identity.isGone,
  };
  return readRolloutStatus(request, portsOf(rollout.set, kube, context), context.signal);
};

/** `zakenak plan` and the plan action. */
export const planVerb = bindVerb(
  planSpec,
  { ...clusterKeys, 'allow-irreversible': writingKeys['allow-irreversible'] },
  plan,
);
/** `zakenak deploy` and deploy-to-wsl2-runner. */
export const deployVerb = bindVerb(deploySpec, writingKeys, deploy);
/** `zakenak rollback`. */
export const rollbackVerb = bindVerb(rollbackSpec, writingKeys, rollback);
/** `zakenak status`. */
export const statusVerb = bindVerb(statusSpec, clusterKeys, status);

/** The environment's cluster, checked against the oldest version that the environment accepts. */
export async function connect(
  read: ReadInput,
  { environment }: ResolvedEnvironment,
  context: RunContext,
): Promise<KubeApi> {
  const kubeconfig = given(read, 'kubeconfig') ?? environment.cluster.kubeconfig;
  const name = given(read, 'context') ?? environment.cluster.context;
  const kube = await context.connect({ ...(kubeconfig ? { kubeconfig } : {}), context: name });
  const { minVersion } = environment.cluster;
  if (minVersion) {
    const found = await kube.version();
    const [, major = '', minor = ''] = /^v?(\d+)\.(\d+)/.exec(minVersion) ?? [];
    const isOlder =
      found.major < Number(major) || (found.major === Number(major) && found.minor < Number(minor));
    if (isOlder) throw clusterTooOld(found.gitVersion, minVersion);
  }
  return kube;
}

/** The ports of a rollout: its progress says which set it is about. */
export function portsOf(set: string, kube: KubeApi, { ports }: RunContext) {
  return { ...ports, kube, progress: tagProgress(ports.progress, { set }) };
}

interface StateInputs {
  readonly 'state-namespace'?: string | undefined;
}

/** Where the set's lock and journal are, where that was said. */
export function stateOf(inputs: StateInputs): {
  readonly stateNamespace?: string;
} {
  return inputs['state-namespace'] ? { stateNamespace: inputs['state-namespace'] } : {};
}

interface WritingInputs {
  readonly 'dry-run': boolean;
  readonly 'on-failure': 'set' | 'release' | 'keep';
  readonly 'allow-irreversible': boolean;
  readonly 'lock-timeout': number;
}

/** Who we are to others that wait for the lock. */
export function holderOf({ ports, identity }: RunContext) {
  return {
    holder: `${ports.host.runUrl ?? `zakenak on ${ports.host.name}`} (${identity.self})`,
    isGone: identity.isGone,
  };
}

function writingOf(inputs: WritingInputs, context: RunContext) {
  return {
    dryRun: inputs['dry-run'],
    onFailure: inputs['on-failure'],
    allowIrreversible: inputs['allow-irreversible'],
    lockTimeoutMs: inputs['lock-timeout'],
    ...holderOf(context),
  };
}

/** The commit that is deployed, and how it stands to that of a deploy under way. */
async function orderOf(given: string | undefined, context: RunContext) {
  const commit = given ?? (await context.ports.git.resolve('HEAD').catch(() => undefined));
  if (commit === undefined) return {};
  return { commit, supersedes: (other: string) => isAncestor(other, commit, context) };
}

/** Where one of the commits is not here (a shallow clone), nothing is known of their order. */
async function isAncestor(older: string, newer: string, { ports }: RunContext): Promise<boolean> {
  if (newer === older || !/^[0-9a-f]{40,64}$/.test(older)) return false;
  const base = await ports.git.mergeBase(older, newer).catch(() => undefined);
  return base === older;
}

async function rollbackSettings(settings: Parameters<Bound>[1]) {
  const policy = (await settings.policy())?.rollback;
  return { 'on-failure': policy?.onFailure, 'allow-irreversible': policy?.allowIrreversible };
}
