import { isDeepStrictEqual } from 'node:util';
import type { PolicyConfig } from '@zakenak/config';
import { tellPolicyEdits } from '@zakenak/core';
import type { RunContext } from './context.ts';
import type { Settings } from './settings.ts';

/** What a judged change edits of a part of zakenak.yaml's policy, and of files that the policy is in: none of it counts before it is merged. */
export async function tellEdits(
  part: keyof PolicyConfig,
  paths: readonly string[],
  settings: Settings,
  context: RunContext,
): Promise<readonly string[]> {
  if (settings.policyRevision === undefined) return [];
  // One that does not load is for others to tell.
  const own = settings.config ?? (await context.config().catch(() => undefined))?.config;
  const isSame = isDeepStrictEqual(own?.policy?.[part], (await settings.policy())?.[part]);
  const edits = isSame
    ? []
    : [`The change edits policy.${part} of zakenak.yaml; the base branch’s was used.`];
  if (paths.length === 0) return edits;
  return [...edits, ...tellPolicyEdits(paths, await context.ports.git.changedFiles(await context.range()))];
}
