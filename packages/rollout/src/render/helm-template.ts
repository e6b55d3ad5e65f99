import type { Ports } from '@zakenak/core';
import { leanGo } from '@zakenak/helm';
import { incompatibleKubernetes, renderFailed } from '../errors.ts';
import { learnSuspects } from '../objects/learn-secrets.ts';
import type { HelmRecord } from '../state/helm-record.ts';
import { learnFromRecord } from './learn-releases.ts';
import { cannotLookUp } from './lookup.ts';

/** A run of `helm template`. */
interface Template {
  readonly release: string;
  readonly args: readonly string[];
  /** Flags that have it look up objects; empty where it does not. */
  readonly lookup: readonly string[];
  /** Whether it may be rendered as if nothing were found, where it cannot be looked up. */
  readonly mayGuess: boolean;
  /** The values, on standard input. */
  readonly input: string;
}

/** What `helm template` prints. Throws `rollout/render-failed` and `rollout/incompatible-kubernetes`; `secrets` tells what its message might quote. */
export async function runTemplate(
  { release, args, lookup, mayGuess, input }: Template,
  secrets: { readonly values: Readonly<Record<string, unknown>>; readonly deployed: HelmRecord | undefined },
  ports: Pick<Ports, 'process' | 'redactor'>,
  signal?: AbortSignal,
): Promise<{ readonly text: string; readonly isLookedUp: boolean }> {
  const run = (more: readonly string[]) => {
    const command = { program: 'helm', args: [...args, ...more], input, env: leanGo, timeoutMs: 300_000 };
    return ports.process.run(command, signal);
  };
  let isLookedUp = lookup.length > 0;
  let result = await run(lookup);
  if (isLookedUp && result.exitCode !== 0 && mayGuess && cannotLookUp(result.stderr)) {
    isLookedUp = false;
    result = await run([]);
  }
  if (result.exitCode === 0) return { text: result.stdout, isLookedUp };
  // It may quote any value, and the objects that would tell which are secret were not rendered.
  learnSuspects(secrets.values, ports.redactor);
  if (secrets.deployed) learnFromRecord(secrets.deployed, ports.redactor);
  const [, versions, found] = wrongKubernetes.exec(result.stderr) ?? [];
  if (versions !== undefined && found !== undefined) throw incompatibleKubernetes(release, versions, found);
  throw renderFailed(release, helmReason(ports.redactor.redact(result.stderr)));
}

/** helm: pkg/action/action.go, of 3 and 4. */
const wrongKubernetes = /chart requires kubeVersion: (.+) which is incompatible with Kubernetes (\S+)/;

/** helm's message without its usage hints. */
function helmReason(stderr: string): string {
  const text = stderr
    .replace(/^Error: /m, '')
    .replace(/\n+Use --debug flag.*$/s, '')
    .trim();
  return text.slice(0, 4_000) || 'helm gave no reason.';
}
