import type { Config, ParsedConfig, PolicyConfig } from '@zakenak/config';
// The schema is large and not needed before a zakenak.yaml is read.
import { type ResolvedEnvironment, resolveEnvironment } from '@zakenak/config/environment';
import type { CiEvent } from '@zakenak/core';
import type { RunContext } from './context.ts';
import { refusedForFork } from './errors.ts';

/** What zakenak.yaml and the event settle for a verb. */
export interface Settings {
  /** zakenak.yaml of the checkout; undefined where there is none. */
  readonly config: Config | undefined;
  readonly event: CiEvent;
  /** The commit whose policy files count, on a pull request, merge request and merge group; undefined: the checkout's. */
  readonly policyRevision: string | undefined;
  /** `policy` of zakenak.yaml, of the base commit where `policyRevision` is given. Throws what parsing that file throws. */
  policy(): Promise<PolicyConfig | undefined>;
}

/** Reads the event and zakenak.yaml. A missing zakenak.yaml is an error only where it, or an environment, was named. Throws `config/…`, `git/…`, `host/…`. */
export async function readSettings(context: RunContext): Promise<Settings> {
  return { ...(await readEventSettings(context)), config: (await readOptionalConfig(context))?.config };
}

/** The settings that do not need the checkout's zakenak.yaml to load. */
export async function readEventSettings(context: RunContext): Promise<Omit<Settings, 'config'>> {
  const event = await context.event();
  const judged = event.kind === 'pull-request' || event.kind === 'merge-group';
  const policyRevision = judged ? (await context.range()).bases[0] : undefined;
  return { event, policyRevision, policy: async () => (await context.policyConfig())?.config.policy };
}

/** zakenak.yaml of the checkout, undefined where there is none and neither it nor one of its environments was named. */
export async function readOptionalConfig(context: RunContext): Promise<ParsedConfig | undefined> {
  try {
    return await context.config();
  } catch (thrown) {
    const missing = (thrown as { code?: string }).code === 'config/not-found';
    const named = ['config', 'environment'].some((name) => context.ports.host.readInput(name)?.trim());
    if (!missing || named) throw thrown;
    return undefined;
  }
}

/** The named environment, or the only one; undefined where none was named and there is no or more than one. Throws `config/unknown-environment`. */
export function pickEnvironment(
  config: Config | undefined,
  name: string | undefined,
): ResolvedEnvironment | undefined {
  const wanted = name?.trim() || undefined;
  if (!config) return undefined;
  if (wanted === undefined && Object.keys(config.environments).length !== 1) return undefined;
  return resolveEnvironment(config, wanted);
}

/** True for a pull request whose code comes from another repository: it gets no secret, no push and no cluster. */
export function isFork(event: CiEvent): boolean {
  return event.pullRequest?.fork ?? false;
}

/** Throws `pipeline/refused-for-fork` on a fork's pull request. */
export function refuseForks(event: CiEvent, what: string): void {
  if (isFork(event)) throw refusedForFork(what);
}
