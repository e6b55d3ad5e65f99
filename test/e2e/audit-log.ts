import { open, stat } from 'node:fs/promises';
import type { KubeApi, Report } from '@zakenak/core';
import type { Sandbox } from '@zakenak/sandbox';

/** A write that the API server was asked for; dry runs are none, and neither are questions about one's own rights, which store nothing. */
export interface AuditedWrite {
  readonly verb: string;
  /** Plural. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
  readonly status: number;
  readonly userAgent: string;
}

interface AuditEvent {
  readonly auditID: string;
  readonly stage: string;
  readonly verb: string;
  readonly userAgent: string;
  readonly requestURI: string;
  readonly user: { readonly username: string };
  readonly responseStatus?: { readonly code?: number };
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource?: string;
    readonly namespace?: string;
    readonly name?: string;
    readonly subresource?: string;
  };
}

const user = 'zakenak-sandbox-admin';
const reads = new Set(['get', 'list', 'watch']);
const questions = new Set(['authorization.k8s.io', 'authentication.k8s.io']);

/** What an action did: everything that the user of the sandbox's kubeconfig, or whoever is named, asked the API server for while it ran, in the order of the server's answers. */
export async function auditOf<T>(
  sandbox: Pick<Sandbox, 'auditLog'>,
  act: () => Promise<T>,
  who = user,
): Promise<{
  readonly outcome: T;
  readonly writes: readonly AuditedWrite[];
  readonly agents: readonly string[];
}> {
  const { size: from } = await stat(sandbox.auditLog);
  const outcome = await act();
  const events = (await readEvents(sandbox.auditLog, from)).filter((event) => event.user.username === who);
  const writes = events
    .filter(
      ({ verb, requestURI, stage, objectRef }) =>
        stage === 'ResponseComplete' &&
        !reads.has(verb) &&
        !requestURI.includes('dryRun=') &&
        !questions.has(objectRef?.apiGroup ?? ''),
    )
    .map(({ verb, userAgent, objectRef = {}, responseStatus }) => ({
      verb,
      userAgent,
      resource: objectRef.resource ?? '',
      namespace: objectRef.namespace ?? '',
      name: objectRef.name ?? '',
      subresource: objectRef.subresource ?? '',
      status: responseStatus?.code ?? 0,
    }));
  return { outcome, writes, agents: [...new Set(events.map(({ userAgent }) => userAgent))] };
}

async function readEvents(path: string, from: number): Promise<readonly AuditEvent[]> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const { buffer } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
    const lines = buffer.toString('utf8').split('\n');
    return lines.filter((line) => line.endsWith('}')).map((line) => JSON.parse(line) as AuditEvent);
  } finally {
    await file.close();
  }
}

/** Texts of writes, sorted: `patch configmaps shop/web`. */
export function lines(
  writes: readonly Pick<AuditedWrite, 'verb' | 'resource' | 'namespace' | 'name'>[],
): readonly string[] {
  return writes
    .map(({ verb, resource, namespace, name }) => `${verb} ${resource} ${namespace}/${name}`)
    .sort();
}

/** What a rollout keeps of itself: the set's Lease and journal, and Helm's records. */
export function isBookkeeping({ resource, name }: AuditedWrite, set: string): boolean {
  if (resource === 'leases') return name === `zakenak.${set}`;
  if (resource === 'configmaps') return name === `zakenak.audit.${set}`;
  return (
    resource === 'secrets' &&
    (name.startsWith(`zakenak.journal.${set}`) || name.startsWith('sh.helm.release.v1.'))
  );
}

/** An object that the plan of a report says is changed. */
export interface PlannedWrite {
  readonly release: string;
  readonly action: 'create' | 'apply' | 'recreate' | 'delete' | 'hook';
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

/** The plan as the reader of a report sees it: objects and hooks that are to be written. */
export async function plannedWrites(
  report: Report,
  namespace: string,
  kube: Pick<KubeApi, 'resources'>,
): Promise<readonly PlannedWrite[]> {
  const kinds = new Map(
    (await kube.resources()).map(({ kind, resource, namespaced }) => [kind, { resource, namespaced }]),
  );
  const text = report.sections.find(({ title }) => title.startsWith('Plan '))?.text ?? '';
  let release = '';
  return text.split('\n').flatMap((line): readonly PlannedWrite[] => {
    release = /^[-+~=] (\S+) /.exec(line)?.[1] ?? release;
    const [, kind = '', place = '', action = ''] =
      /^ {2}\S+ (\w+) (\S+) \((create|apply|recreate|delete): /.exec(line) ??
      /^ {2}~ hook \S+: (\w+) (\S+)()$/.exec(line) ??
      [];
    if (kind === '') return [];
    const { resource = kind, namespaced = true } = kinds.get(kind) ?? {};
    const name = place.includes('/') ? place.slice(place.indexOf('/') + 1) : place;
    const facts = { release, resource, namespace: namespaced ? namespace : '', name };
    return [{ ...facts, action: (action || 'hook') as PlannedWrite['action'] }];
  });
}

const forward = {
  create: ['patch'],
  apply: ['patch'],
  recreate: ['delete', 'patch'],
  delete: ['delete'],
  hook: ['create'],
};
// What is made anew is given back to who had written it, which its creation cannot.
const backward = {
  create: ['delete'],
  apply: ['patch'],
  recreate: ['delete', 'create', 'patch'],
  delete: ['create', 'patch'],
  hook: [],
};

/** The writes that carry out what is planned, and those that put it back. */
export const toCarryOut = (planned: readonly PlannedWrite[]): readonly string[] => writesOf(planned, forward);
export const toPutBack = (planned: readonly PlannedWrite[]): readonly string[] => writesOf(planned, backward);

function writesOf(
  planned: readonly PlannedWrite[],
  verbs: Record<PlannedWrite['action'], readonly string[]>,
): readonly string[] {
  return lines(planned.flatMap((one) => verbs[one.action].map((verb) => ({ ...one, verb }))));
}
