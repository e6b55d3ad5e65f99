import { join } from 'node:path';
import { scanSecrets, spec } from '@zakenak/secrets';
import { type Bound, bindInputs, bindVerb } from '../bind.ts';
import { tellEdits } from '../policy-edits.ts';

/** Scans the event's commits for credentials, by the base commit's policy. */
export const secrets: Bound = async (read, settings, context) => {
  const policy = (await settings.policy())?.secrets;
  const inputs = bindInputs(spec, read, {
    'gitleaks-config': policy?.config,
    baseline: policy?.baseline,
    'fail-on': policy?.failOn,
  });
  const { policyRevision } = settings;
  const request = {
    ...inputs,
    range: context.range,
    cacheFolder: join(context.cacheFolder, 'secrets'),
    version: context.version,
    ...(policyRevision ? { policyRevision } : {}),
  };
  const report = await scanSecrets(request, context.ports, context.signal);
  return { ...report, caveats: [...(await tellEdits('secrets', [], settings, context)), ...report.caveats] };
};

/** `zakenak secrets` and scan-secrets. */
export const secretsVerb = bindVerb(
  spec,
  {
    'gitleaks-config': 'policy.secrets.config',
    baseline: 'policy.secrets.baseline',
    'fail-on': 'policy.secrets.failOn',
  },
  secrets,
);
