import { exitCodes, KubeStatusError, ZakenakError } from '@zakenak/core';

/** No file, environment or service account tells which cluster to talk to. */
export function noKubeconfig(looked: readonly string[]): ZakenakError {
  return new ZakenakError({
    code: 'kube/no-kubeconfig',
    message: `No cluster is configured: looked for ${looked.join(', ')}.`,
    remedy: 'Set KUBECONFIG to a kubeconfig file, pass --kubeconfig, or start one with `zakenak sandbox up`.',
    exitCode: exitCodes.missing,
  });
}

/** A kubeconfig says something that cannot be used. `reason` never holds a credential. */
export function badKubeconfig(path: string, reason: string, remedy: string, cause?: unknown): ZakenakError {
  return new ZakenakError({
    code: 'kube/bad-kubeconfig',
    message: `${path}: ${reason}.`,
    remedy,
    exitCode: exitCodes.badInput,
    cause,
  });
}

/** The context is not in the kubeconfig. */
export function unknownContext(
  name: string | undefined,
  known: readonly string[],
  near?: string,
): ZakenakError {
  const list = known.length === 0 ? 'it has none' : `it has ${known.join(', ')}`;
  return new ZakenakError({
    code: 'kube/unknown-context',
    message: name
      ? `The kubeconfig has no context '${name}'; ${list}.`
      : `The kubeconfig names no current context; ${list}.`,
    remedy: near
      ? `Use the context '${near}'.`
      : name
        ? 'Name one of its contexts with --context or in zakenak.yaml (environments.*.cluster.context), or the kubeconfig that has it with --kubeconfig.'
        : 'Name one of its contexts with --context, or set one with `kubectl config use-context`.',
    exitCode: exitCodes.badInput,
  });
}

/** A context is named in a pod that has its service account alone. */
export function contextOutsidePod(name: string, own: string, looked: readonly string[]): ZakenakError {
  return new ZakenakError({
    code: 'kube/unknown-context',
    message: `No kubeconfig has the context '${name}' (looked for ${looked.join(', ')}), and a pod's service account leads to the cluster that it runs in.`,
    remedy: `Name the kubeconfig that has it, or the context '${own}' where the pod's own cluster is meant.`,
    exitCode: exitCodes.badInput,
  });
}

/** The API server gave no answer. */
export function unreachable(server: string, context: string, cause: unknown): ZakenakError {
  const reason = reasonOf(cause);
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? '';
  const outdated = /^CERT_(?:HAS_EXPIRED|NOT_YET_VALID)$/.test(code);
  const untrusted = /certificate|self.signed|altname|CERT_|UNABLE_TO_/i.test(`${reason} ${code}`);
  return new ZakenakError({
    code: 'kube/unreachable',
    message: `The cluster of context '${context}' at ${server} cannot be reached: ${reason}.`,
    remedy: outdated
      ? 'Renew the certificate of the API server, or set the clock of this machine right.'
      : untrusted
        ? "Put the API server's certificate authority (and tls-server-name, where the name differs) into the kubeconfig."
        : 'Check that the cluster runs and that the address in the kubeconfig can be reached from here.',
    exitCode: exitCodes.outside,
    cause,
  });
}

/** Something else than an API server answers at its address. `said`: what came. */
export function noApiServer(
  { server, context }: { readonly server: string; readonly context: string },
  said: string,
): ZakenakError {
  return new ZakenakError({
    code: 'kube/no-api-server',
    message: `What answers at ${server} for context '${context}' does not do so as an API server: ${said}.`,
    remedy:
      'Check scheme, port and path of the address in the kubeconfig, and what stands between it and the cluster.',
    exitCode: exitCodes.outside,
  });
}

/** What an answer to a question that every API server answers comes to: its version, the kinds that it serves. Passes what is none. */
export function explainBasics(
  target: { readonly server: string; readonly context: string },
  thrown: unknown,
): unknown {
  if (!(thrown instanceof KubeStatusError)) return thrown;
  const { server, context } = target;
  if (thrown.status === 403)
    return new ZakenakError({
      code: 'kube/no-discovery',
      message: `The account of context '${context}' may not ask ${server} what it serves: ${thrown.message}.`,
      remedy:
        'Bind it to the ClusterRole system:discovery, to which every account that has logged in is bound at first.',
      exitCode: exitCodes.outside,
    });
  return noApiServer(target, `${thrown.message} (${thrown.status})`);
}

/** What a server tells of the client's certificate while the connection is made (RFC 8446, 6.2). */
const refusedProof =
  /alert (?:bad certificate|unsupported certificate|certificate (?:revoked|expired|unknown|required)|unknown ca|access denied)/;

/** Why a connection broke off, where it was for what we prove ourselves with; `expired`: that it has run out. */
export function refusalOf(cause: unknown, expired: string | undefined): string | undefined {
  const reason = reasonOf(cause);
  if (refusedProof.test(reason)) return expired ?? reason;
  return (cause as NodeJS.ErrnoException | undefined)?.code === 'ECONNRESET' ? expired : undefined;
}

/** The API server does not accept the credentials (401). */
export function unauthorized(server: string, context: string, message: string): ZakenakError {
  return new ZakenakError({
    code: 'kube/unauthorized',
    message: `The cluster of context '${context}' at ${server} does not accept these credentials: ${message}.`,
    remedy: `Renew the credentials of context '${context}' (log in again, or fetch its kubeconfig anew).`,
    exitCode: exitCodes.outside,
  });
}

/** A credential plugin gave nothing usable. */
export function pluginFailed(command: string, reason: string, hint?: string): ZakenakError {
  return new ZakenakError({
    code: 'kube/credential-plugin-failed',
    message: `The kubeconfig's credential plugin '${command}' failed: ${reason}.`,
    remedy: hint?.trim() || `Run '${command}' by hand and log in, then run the same command again.`,
    exitCode: exitCodes.missing,
  });
}

/** The kinds of a group come from a server of their own, which does not answer: whether it has this one is not known. */
export function unavailableApi(apiVersion: string, kind: string): ZakenakError {
  const [group, version] = apiVersion.split('/');
  return new ZakenakError({
    code: 'kube/unavailable-api',
    message: `The cluster cannot say whether it has a ${kind} of ${apiVersion}: the server behind that API does not answer.`,
    remedy: `Mend what kubectl describe apiservice ${version}.${group} names, then run the same command again.`,
    exitCode: exitCodes.outside,
  });
}

/** The cluster does not serve the kind. */
export function unknownKind(apiVersion: string, kind: string, near?: string): ZakenakError {
  return new ZakenakError({
    code: 'kube/unknown-kind',
    message: `The cluster serves no kind ${kind} in ${apiVersion}.`,
    remedy: near
      ? `Did you mean ${near}? Otherwise install the CustomResourceDefinition first.`
      : `Install the CustomResourceDefinition of ${kind} first, or correct apiVersion and kind.`,
    exitCode: exitCodes.badInput,
  });
}

function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError) return reasonOf(cause.errors[0]);
  if (!(cause instanceof Error)) return String(cause);
  // OpenSSL's own line is about its source code.
  const { library, reason } = cause as { readonly library?: unknown; readonly reason?: unknown };
  if (typeof library === 'string' && typeof reason === 'string') return `TLS: ${reason}`;
  // Node's advice to who runs Node.
  const [said = ''] = cause.message.split('\n');
  return said.replace(/; if the root CA is installed locally.*$/, '') || cause.name;
}
