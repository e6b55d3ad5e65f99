import { spec, verifyCommits } from '@zakenak/commits';
import type { PolicyConfig } from '@zakenak/config';
import { createReport, type Report } from '@zakenak/core';
import { type Bound, bindInputs, bindVerb, given } from '../bind.ts';
import type { RunContext } from '../context.ts';
import { policyNotFound } from '../errors.ts';
import { tellEdits } from '../policy-edits.ts';
import { readEventSettings } from '../settings.ts';
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
  const policy = (await readPolicy(given(read, 'config'), policyRevision, context))?.commits;
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
  const edits = ref ? [] : await tellEdits('commits', [], settings, context);
  if (!signed) return { ...report, caveats: [...edits, ...report.caveats] };
  const { head, signed: anew } = signed.outputs;
  const outputs = { ...report.outputs, head, signed: anew } as Report['outputs'];
  return { ...report, outputs, caveats: [...signed.caveats, ...edits, ...report.caveats] };
};

/** The policy of that commit, or the workspace's. Throws `pipeline/policy-not-found` where a file was named that is not there. */
async function readPolicy(
  path: string | undefined,
  revision: string | undefined,
  context: RunContext,
): Promise<PolicyConfig | undefined> {
  const read = await context.policyConfig({ revision });
  if (!read && path !== undefined) throw policyNotFound(path, revision);
  return read?.config.policy;
}

/** `zakenak verify` and sign-verify-commits. */
export const verifyVerb = bindVerb(
  spec,
  Object.fromEntries(entries.map(([name, key]) => [name, `policy.commits.${key}`])),
  verify,
  // The policy alone counts: what the change makes of zakenak.yaml, or that it is nowhere but at policy-ref, is no matter.
  async (context) => ({ ...(await readEventSettings(context)), config: undefined }),
);
