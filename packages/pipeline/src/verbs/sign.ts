import { type SignSpec, setupSigning, signByForge, signCommits, signSpec } from '@zakenak/commits';
import type { CommitRange, InputsOf, Report } from '@zakenak/core';
import type { RunContext } from '../context.ts';
import { noBranch } from '../errors.ts';
import { refuseForks } from '../settings.ts';
import { defineVerb } from '../verb.ts';

/** `zakenak sign`: signs the commits of this clone, or sets it up to sign them from now on. */
export const signVerb = defineVerb({
  spec: signSpec,
  async run(inputs, context) {
    const action = inputs.action ?? (inputs.key === undefined ? 'commits' : 'setup');
    if (action === 'setup') return setupSigning(inputs, { ...context.ports, forge: await context.forge() });
    return sign(inputs, context);
  },
});

/** Signs what has no signature in this clone's range up to HEAD, by git's settings or by the forge. */
export async function sign(
  { base, by, branch }: Partial<Pick<InputsOf<SignSpec>, 'base' | 'by' | 'branch'>>,
  context: RunContext,
): Promise<Report> {
  const { git } = context.ports;
  const event = await context.event();
  // A stranger's commits would pass for ours.
  refuseForks(event, 'signing');
  const head = await git.resolve('HEAD');
  const range: CommitRange =
    base === undefined
      ? { ...(await context.range()), head }
      : { bases: [await git.resolve(base)], head, reason: `since ${base}` };
  if (by !== 'forge') return signCommits({ range }, context.ports, context.signal);
  const name = branch ?? (await git.currentBranch()) ?? event.headBranch;
  if (name === undefined) throw noBranch();
  return signByForge({ range, branch: name }, { git, forge: await context.forge() }, context.signal);
}
