import { spec, verifyCommits } from '@zakenak/commits';
import type { PolicyConfig } from '@zakenak/config';
import { createReport, type Report } from '@zakenak/core';
import { type Bound, bindInputs, bindVerb, given } from '../bind.ts';
import { sign } from './sign.ts';

type Commits = NonNullable<PolicyConfig['commits']>;

/** Inputs, and the keys of policy.commits that count where they are not given. */
const keys = {
  'allowed-signers': 'allowedSigners',
  keyring: 'keyring',
  'revoked-keys': 'revokedKeys',
  'ca-certificates': 'caCertificates',
  'revocation-lists': 'revocationLists',
  'trusted-root': 'trustedRoot',
  identities: 'identities',
  'web-flow': 'webFlow',
  bots: 'bots',
  'require-dco': 'requireDco',
  'min-strength': 'minStrength',
  'grace-expired': 'graceExpired',
  mode: 'mode',
  tags: 'tags',
  'fail-on': 'failOn',
} as const satisfies Partial<Record<keyof typeof spec.inputs, keyof Commits>>;

const entries = Object.entries(keys);

/** Verifies the signatures of the event's commits, by the base commit's policy or policy-ref's; skipped where that policy says `require: off`. */
export const verify: Bound = async (read, settings, context) => {
  const ref = given(read, 'policy-ref');
  const policyRevision = ref ? await context.ports.git.resolve(ref) : settings.policyRevision;
  const policy = (
    ref ? (await context.policyConfig({ revision: policyRevision }))?.config.policy : await settings.policy()
  )?.commits;
  const asked = ['allowed-signers', 'keyring', 'ca-certificates', 'trusted-root', 'base', 'tags'].some(
    (name) => given(read, name),
  );
  if (policy?.require === 'off' && !asked)
    return createReport({
      tool: spec.name,
      verdict: 'skipped',
      summary: 'The policy demands no signatures (policy.commits.require: off).',
    });
  const inputs = bindInputs(
    spec,
    read,
    Object.fromEntries(entries.map(([name, key]) => [name, policy?.[key]])),
  );
  const signed =
    inputs.sign === 'off' ? undefined : await sign({ base: inputs.base, by: inputs.sign }, context);
  // What the forge made is there only, and it has been asked about it.
  if (signed && inputs.sign === 'forge') return { ...signed, tool: spec.name };
  const request = {
    ...inputs,
    ...(signed ? { head: String(signed.outputs.head) } : {}),
    range: context.range,
    forge: () => context.forge(),
    ...(policyRevision ? { policyRevision } : {}),
  };
  const report = await verifyCommits(request, context.ports, context.signal);
  if (!signed) return report;
  const { head, signed: anew } = signed.outputs;
  const outputs = { ...report.outputs, head, signed: anew } as Report['outputs'];
  return { ...report, outputs, caveats: [...signed.caveats, ...report.caveats] };
};

/** `zakenak verify` and sign-verify-commits. */
export const verifyVerb = bindVerb(
  spec,
  Object.fromEntries(entries.map(([name, key]) => [name, `policy.commits.${key}`])),
  verify,
);
