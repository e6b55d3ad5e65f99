import { release as makeRelease, spec } from '@zakenak/releases';
import { type Bound, bindInputs, bindVerb } from '../bind.ts';
import { refuseForks } from '../settings.ts';

/** Makes the next release. */
const release: Bound = async (read, settings, context) => {
  const inputs = bindInputs(spec, read, { branch: settings.config?.git?.branch });
  if (!inputs['dry-run']) refuseForks(settings.event, 'a release');
  const forge = inputs['create-release'] ? await context.forge() : undefined;
  return makeRelease(inputs, { ...context.ports, ...(forge ? { forge } : {}) }, context.signal);
};

/** `zakenak release` and the release action. */
export const releaseVerb = bindVerb(spec, { branch: 'git.branch' }, release);
