import { spec, verifyCommits } from '@zakenak/commits';
import { createReport } from '@zakenak/core';
import { type Bound, bindInputs, bindVerb, given } from '../bind.ts';

/** Verifies the signatures of the event's commits, by the base commit's policy; skipped where that policy says `require: off`. */
export const verify: Bound = async (read, settings, context) => {
  const policy = (await settings.policy())?.commits;
  const asked = ['allowed-signers', 'keyring', 'ca-certificates', 'trusted-root', 'base', 'tags'].some(
    (name) => given(read, name),
  );
  if (policy?.require === 'off' && !asked)
    return createReport({
      tool: spec.name,
      verdict: 'skipped',
      summary: 'The policy demands no signatures (policy.commits.require: off).',
    });
  const inputs = bindInputs(spec, read, {
    'allowed-signers': policy?.allowedSigners,
    keyring: policy?.keyring,
    'ca-certificates': policy?.caCertificates,
    'trusted-root': policy?.trustedRoot,
    identities: policy?.identities,
    'web-flow': policy?.webFlow,
    'require-dco': policy?.requireDco,
  });
  const { policyRevision } = settings;
  const request = {
    ...inputs,
    range: context.range,
    forge: () => context.forge(),
    ...(policyRevision ? { policyRevision } : {}),
  };
  return verifyCommits(request, context.ports, context.signal);
};

/** `zakenak verify` and sign-verify-commits. */
export const verifyVerb = bindVerb(
  spec,
  {
    'allowed-signers': 'policy.commits.allowedSigners',
    keyring: 'policy.commits.keyring',
    'ca-certificates': 'policy.commits.caCertificates',
    'trusted-root': 'policy.commits.trustedRoot',
    identities: 'policy.commits.identities',
    'web-flow': 'policy.commits.webFlow',
    'require-dco': 'policy.commits.requireDco',
  },
  verify,
);
