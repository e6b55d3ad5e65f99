import { type KubeObject, KubeStatusError, type Ports } from '@zakenak/core';
import { requestOf } from '../errors.ts';
import { listAt, numberAt, textAt } from '../objects/json.ts';
import { lookInto } from './damaged-record.ts';
import type { HelmHistory, HelmRecord } from './helm-record.ts';
import { decodeRelease, type HelmRelease, type HelmStatus } from './helm-release.ts';
import { inputsLabel, sameContent } from './inputs.ts';
import { helmAtWork } from './lock-errors.ts';
import { encodeRecord } from './record-size.ts';
import { sinceUninstalled } from './since-uninstalled.ts';

/** Label of the set that deployed a revision; Helm keeps labels it does not know. */
export const setLabel = 'zakenak.dev/set';
/** Label of the rollout that deployed a revision: what went out together can go back together. */
const rolloutLabel = 'zakenak.dev/rollout';
/** Label with the number of the revision that our labels were written for: Helm copies them to later revisions of its own. */
const revisionLabel = 'zakenak.dev/revision';

/** Label of a revision that put back what a rollout had done to the release: that rollout's id. */
const putBackLabel = 'zakenak.dev/put-back';

/** Label of the last revision of a release that a rollout removed: that rollout's id. */
export const removedByLabel = 'zakenak.dev/removed-by';

/** Annotation with what zakenak.yaml asked for beside chart and values, as JSON: needed when the release comes back and is not in it any more. Helm's own updates drop it. */
const askedAnnotation = 'zakenak.dev/asked';

/** What zakenak.yaml says of a release and Helm's record does not hold. */
export interface AskedFor {
  readonly needs: readonly string[];
  readonly timeoutMs: number;
}

/** Revisions of a release that are kept where nothing is said, as by Helm. */
const defaultHistoryLimit = 10;

/** What keeping a history needs. */
interface HistoryContext {
  readonly ports: Pick<Ports, 'kube' | 'clock'>;
  /** Revisions of a release that are kept; at least 2. */
  readonly historyLimit?: number | undefined;
}

/** Reads the histories of the named releases: one LIST per namespace. Releases without any are absent. */
export async function readHistories(
  releases: readonly { readonly name: string; readonly namespace: string }[],
  ports: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, HelmHistory>> {
  const namespaces = [...new Set(releases.map(({ namespace }) => namespace))];
  const histories = new Map<string, HelmRecord[]>();
  const read = async (namespace: string): Promise<void> => {
    const names = releases.filter((release) => release.namespace === namespace).map(({ name }) => name);
    const labelSelector = `owner=helm,name in (${names.join(',')})`;
    const selector = { apiVersion: 'v1', kind: 'Secret', namespace, labelSelector };
    const doing = `Reading Helm's records in namespace ${namespace}`;
    const { items } = await requestOf(doing, () => ports.kube.list(selector, signal));
    for (const item of items) {
      const name = item.metadata.labels?.['name'] ?? '';
      histories.set(name, [...(histories.get(name) ?? []), recordOf(item)]);
    }
  };
  await Promise.all(namespaces.map(read));
  for (const history of histories.values()) history.sort((a, b) => a.version - b.version);
  return histories;
}

/** A revision as it is stored now; undefined where it is gone. */
export async function readAgain(
  { secret, version }: HelmRecord,
  ports: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<HelmRecord | undefined> {
  const { name, namespace = '', labels = {} } = secret.metadata;
  const labelSelector = `owner=helm,name=${labels['name']},version=${version}`;
  const selector = { apiVersion: 'v1', kind: 'Secret', namespace, labelSelector };
  const { items } = await requestOf(`Reading the record ${name}`, () => ports.kube.list(selector, signal));
  const [live] = items;
  return live && recordOf(live);
}

/** The newest revision with the given status. */
export function newest(history: HelmHistory, status?: HelmStatus): HelmRecord | undefined {
  return history.findLast((record) => status === undefined || record.status === status);
}

/** The revision whose objects are there: the deployed one, the one whose removal was begun and did not end, or an install that failed and was kept. */
export function standing(history: HelmHistory): HelmRecord | undefined {
  return newest(history, 'deployed') ?? newest(history, 'uninstalling') ?? keptInstalls(history).at(-1);
}

/** The attempts to install a release, where all failed and the last one was kept: nothing was there before them. Empty where it was ever deployed since it was last uninstalled. */
export function keptInstalls(history: HelmHistory): HelmHistory {
  const attempts = sinceUninstalled(history);
  return attempts.every(({ status }) => status === 'failed') ? attempts : [];
}

/** The newest revision where it failed and was kept: what lives may be of it, and the deployed one is what was there before it. */
export function keptFailure(history: HelmHistory): HelmRecord | undefined {
  const last = newest(history);
  return last?.status === 'failed' && newest(history, 'deployed') ? last : undefined;
}

/** When the install of a release was first tried, where it only ever failed and was kept: what is older was there before it. The API server's text. */
export function triedSinceOf(history: HelmHistory): string | undefined {
  const [first] = keptInstalls(history);
  return (first && textAt(first.secret, 'metadata', 'creationTimestamp')) || undefined;
}

/** Id of the rollout that wrote a revision; empty for one that Helm wrote. */
export function rolloutOf(record: HelmRecord): string {
  return ownLabel(record, rolloutLabel);
}

/** Id of the rollout that removed a release which is not there any more; empty for any other. */
export function removedBy(history: HelmHistory): string {
  const last = newest(history);
  const isGone = last?.status === 'uninstalled' || last?.status === 'uninstalling';
  return isGone ? ownLabel(last, removedByLabel) : '';
}

/** What was asked for with a revision; undefined where that is not known. */
export function askedFor({ secret }: HelmRecord): AskedFor | undefined {
  let asked: unknown;
  try {
    asked = JSON.parse(secret.metadata.annotations?.[askedAnnotation] ?? '');
  } catch {
    return undefined;
  }
  const [needs, timeoutMs] = [listAt(asked, 'needs'), numberAt(asked, 0, 'timeoutMs')];
  return timeoutMs > 0 ? { needs: needs.map(String), timeoutMs } : undefined;
}

/** Helm hands labels on to revisions of its own: there they say nothing. */
function ownLabel({ secret, version }: HelmRecord, label: string): string {
  const { labels = {} } = secret.metadata;
  return labels[revisionLabel] === String(version) ? (labels[label] ?? '') : '';
}

/** The rollout that a revision put back; empty for any other. */
export function putBackBy({ secret }: HelmRecord): string {
  return secret.metadata.labels?.[putBackLabel] ?? '';
}

/**
 * What a rollback goes back to: the newest revision that was once deployed and holds something else than the deployed one, by another rollout than that one's, which may have
 * been interrupted and have written several, and by none that was put back. `helm rollback` takes the number before, whatever it holds: after a failed upgrade that was put back that is the failed one.
 */
export function formerOf(history: HelmHistory): HelmRecord | undefined {
  const current = newest(history, 'deployed');
  return deployedBefore(history).findLast((record) => !(current && holdsSame(record, current)));
}

/** True where the rollout of the deployed revision brought the release: nothing else had deployed it since it was last uninstalled, whatever it held. */
export function wasInstalled(history: HelmHistory): boolean {
  return deployedBefore(sinceUninstalled(history)).length === 0;
}

/** What was once deployed before, by another rollout than the present one's and those `gone`, and by none that was put back. */
export function deployedBefore(history: HelmHistory, gone: Iterable<string> = []): HelmHistory {
  const current = newest(history, 'deployed');
  const rollout = current ? rolloutOf(current) : '';
  const taken = new Set([rollout, ...gone, ...history.map(putBackBy)].filter(Boolean));
  return history.filter(
    (record) =>
      record.status === 'superseded' &&
      record.version < (current?.version ?? Number.POSITIVE_INFINITY) &&
      !taken.has(rolloutOf(record)),
  );
}

/** One that cannot be read may hold anything: who goes back to it is told. */
export function holdsSame(record: HelmRecord, other: HelmRecord): boolean {
  const [one, two] = [record, other].map(readable);
  return one !== undefined && two !== undefined && sameContent(one, two);
}

function readable(record: HelmRecord): HelmRelease | undefined {
  return lookInto(record, (release) => release).value;
}

/** Stores a new revision. Throws ZakenakError `rollout/helm-at-work` when its number is taken: who holds no lock has begun meanwhile, and is left to it. */
export async function createRecord(
  release: HelmRelease,
  by: {
    readonly set: string;
    readonly rollout: string;
    readonly inputs?: string | undefined;
    readonly asked?: AskedFor | undefined;
    /** The rollout that the revision puts back. */
    readonly putsBack?: string;
  },
  ports: Pick<Ports, 'kube' | 'clock'>,
  signal?: AbortSignal,
): Promise<HelmRecord> {
  const labels = {
    [setLabel]: by.set,
    [rolloutLabel]: by.rollout,
    [revisionLabel]: String(release.version),
    ...(by.inputs ? { [inputsLabel]: by.inputs } : {}),
    ...(by.putsBack ? { [putBackLabel]: by.putsBack } : {}),
    createdAt: unixSeconds(ports),
  };
  const annotations = by.asked ? { [askedAnnotation]: JSON.stringify(by.asked) } : {};
  const secret = secretOf(release, { labels, annotations });
  const { name, namespace, version: revision } = release;
  return recordOf(
    await requestOf(`Recording revision ${revision} of ${name}`, () =>
      ports.kube.create(secret, {}, signal).catch((error: unknown) => {
        if (!(error instanceof KubeStatusError && error.status === 409)) throw error;
        throw helmAtWork({ release: name, namespace, revision });
      }),
    ),
  );
}

/** Stores another state of a revision. Of an old one that cannot be read, by Helm neither, the label alone tells it: a deploy or rollback under way does not end for it. */
export async function updateRecord(
  record: HelmRecord,
  info: Partial<HelmRelease['info']> & { readonly status: HelmStatus },
  ports: Pick<Ports, 'kube' | 'clock'>,
  { hooks, removedBy }: { readonly hooks?: HelmRelease['hooks']; readonly removedBy?: string } = {},
): Promise<HelmRecord> {
  const { name, resourceVersion, labels = {}, annotations = {} } = record.secret.metadata;
  const former = readable(record);
  const release = former && { ...former, info: { ...former.info, ...info }, ...(hooks ? { hooks } : {}) };
  const gone = removedBy ? { [removedByLabel]: removedBy } : {};
  const own = { ...labels, ...gone, modifiedAt: unixSeconds(ports) };
  const secret = release
    ? secretOf(release, { labels: own, annotations })
    : { ...record.secret, metadata: { ...record.secret.metadata, labels: { ...own, status: info.status } } };
  const metadata = { ...secret.metadata, ...(resourceVersion ? { resourceVersion } : {}) };
  const doing = `Recording ${info.status} in ${name}`;
  return recordOf(await requestOf(doing, () => ports.kube.replace({ ...secret, metadata })));
}

/** Stores a revision with more labels. */
export async function labelRecord(
  { secret }: HelmRecord,
  labels: Readonly<Record<string, string>>,
  ports: Pick<Ports, 'kube'>,
): Promise<HelmRecord> {
  const metadata = { ...secret.metadata, labels: { ...secret.metadata.labels, ...labels } };
  const doing = `Labelling ${secret.metadata.name}`;
  return recordOf(await requestOf(doing, () => ports.kube.replace({ ...secret, metadata })));
}

/** Removes a revision. */
export async function deleteRecord(record: HelmRecord, ports: Pick<Ports, 'kube'>): Promise<void> {
  const { name, namespace = '', uid } = record.secret.metadata;
  const doing = `Removing the record ${name}`;
  // A number is given again where nothing is left of a release: what arrives late removes no other.
  const only = uid ? { uid } : {};
  await requestOf(doing, () =>
    ports.kube.delete({ apiVersion: 'v1', kind: 'Secret', namespace, name }, only),
  );
}

/** Leaves one revision deployed, and no more than are kept: what a run does last, and what one that goes on with a killed one does once more. */
export async function settleHistory(
  history: HelmHistory,
  deployed: HelmRecord,
  context: HistoryContext,
): Promise<void> {
  const settled: HelmRecord[] = [];
  for (const record of history.filter(({ version }) => version !== deployed.version))
    settled.push(
      record.status === 'deployed'
        ? await updateRecord(record, { status: 'superseded' }, context.ports)
        : record,
    );
  await trimHistory([...settled, deployed], context);
}

/** Removes the oldest revisions over the limit, never the deployed one, nor the one that a rollback would go back to. */
export async function trimHistory(
  history: HelmHistory,
  { ports, historyLimit = defaultHistoryLimit }: HistoryContext,
): Promise<void> {
  const surplus = history.length - historyLimit;
  if (surplus <= 0) return;
  const former = formerOf(history);
  const removable = history.filter((record) => record.status !== 'deployed' && record !== former);
  await Promise.all(removable.slice(0, surplus).map((record) => deleteRecord(record, ports)));
}

function recordOf(secret: KubeObject): HelmRecord {
  let decoded: HelmRelease | undefined;
  const version = Number(secret.metadata.labels?.['version'] ?? 0);
  return {
    secret,
    version,
    status: (secret.metadata.labels?.['status'] ?? 'unknown') as HelmStatus,
    release: () => {
      decoded ??= decodeRelease(
        Buffer.from(textAt(secret, 'data', 'release'), 'base64').toString('latin1'),
        secret.metadata.name,
        recordedAs(secret, version),
      );
      return decoded;
    },
  };
}

function recordedAs({ metadata: { labels, namespace } }: KubeObject, version: number) {
  return { name: labels?.['name'] ?? '', version, ...(namespace === undefined ? {} : { namespace }) };
}

function secretOf(
  release: HelmRelease,
  { labels, annotations }: Readonly<Record<'labels' | 'annotations', Readonly<Record<string, string>>>>,
): KubeObject {
  const payload = Buffer.from(encodeRecord(release)).toString('base64');
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: `sh.helm.release.v1.${release.name}.v${release.version}`,
      namespace: release.namespace,
      labels: {
        ...labels,
        name: release.name,
        owner: 'helm',
        status: release.info.status,
        version: String(release.version),
      },
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
    },
    type: 'helm.sh/release.v1',
    data: { release: payload },
  };
}

function unixSeconds(ports: Pick<Ports, 'clock'>): string {
  return String(Math.floor(ports.clock.now().getTime() / 1_000));
}
