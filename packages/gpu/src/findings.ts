import { createFinding, type Finding, type Severity } from '@zakenak/core';

/** A finding of this engine. `high` where nothing is said: it ends the level. */
export function gpuFinding(
  rule: string,
  message: string,
  remedy: string,
  options: { readonly severity?: Severity; readonly tool?: string; readonly identity?: string } = {},
): Finding {
  const { severity = 'high', tool = 'zakenak', identity } = options;
  return createFinding({
    ruleId: rule,
    severity,
    message,
    remedy,
    tool,
    // Versions and counts change from run to run; the fault stays the same one.
    identity: identity ?? rule,
  });
}
