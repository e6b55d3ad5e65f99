import { gunzipSync, gzipSync } from 'node:zlib';
import { type KubeObject, KubeStatusError, type Ports, type ZakenakError } from '@zakenak/core';
import { damagedState, requestOf } from '../errors.ts';
import { recordAt, textAt } from '../objects/json.ts';
import { isHead, isJournalRelease, type Journal } from './journal-shape.ts';

/** Where the journal is. */
export interface JournalPlace {
  readonly set: string;
  readonly namespace: string;
}

const journalLabel = 'zakenak.dev/journal';
/** Base64 is cut at multiples of four. */
const largestPart = 1_000_000;
/** Releases that come to no more stand in the head itself: one write in place of two. */
const largestInHead = 500_000;

/** The journal of a rollout that did not finish; undefined where there is none. */
export async function readJournal(
  place: JournalPlace,
  ports: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<Journal | undefined> {
  return (await readBooks(place, ports, signal)).journal;
}

/** The journal, and whether a run was killed while it began or removed one: a head that tells nothing, or parts that no head points to, are left. */
export async function readBooks(
  place: JournalPlace,
  ports: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<{ readonly journal?: Journal; readonly hasRemains: boolean }> {
  const { items } = await requestOf('Reading the journal', () => ports.kube.list(selectorOf(place), signal));
  const head = items.find(({ metadata }) => metadata.name === headName(place));
  return head && Object.keys(recordAt(head, 'data')).length > 0
    ? { journal: readParts(head, items, place), hasRemains: false }
    : { hasRemains: items.length > 0 };
}

function readParts(head: KubeObject, items: readonly KubeObject[], place: JournalPlace): Journal {
  const content = decode(head, headKey);
  if (!isHead(content, place.set)) throw damaged(head, headKey);
  const { releases, ...rest } = content;
  const start = partName(place, rest.epoch, '');
  const indexOf = ({ metadata }: KubeObject): number => Number(metadata.name.slice(start.length));
  const parts = items
    .filter(({ metadata }) => metadata.name.startsWith(start))
    .sort((a, b) => indexOf(a) - indexOf(b));
  return {
    ...rest,
    releases: releases.map((name) => {
      const inHead = textAt(head, 'data', headKeyOf(name)) !== '';
      const key = inHead ? headKeyOf(name) : name;
      const release = decode(head, key, inHead ? [head] : parts);
      if (!isJournalRelease(release, name)) throw damaged(head, key);
      return release;
    }),
  };
}

/** Writes the whole journal: the parts first, under names that no journal before had, then the head that makes them count; of a small one the head alone. */
export async function writeJournal(
  journal: Journal,
  place: JournalPlace,
  ports: Pick<Ports, 'kube'>,
): Promise<void> {
  const texts = encodeReleases(journal);
  const held = inHead(texts);
  const parts = held ? [] : packParts(texts);
  await Promise.all(
    parts.map((data, index) => put(partName(place, journal.epoch, `${index}`), data, place, ports)),
  );
  await putHead(journal, held, place, ports);
}

/** As few Secrets as hold all releases: one data key for each, in several where it is over the limit. */
function packParts(texts: ReleaseTexts): readonly Readonly<Record<string, string>>[] {
  const parts: Record<string, string>[] = [];
  let left = 0;
  for (const [name, text] of texts)
    for (let start = 0; start < text.length; start += largestPart) {
      const piece = text.slice(start, start + largestPart);
      if (piece.length > left) {
        parts.push({});
        left = largestPart;
      }
      Object.assign(parts.at(-1) ?? {}, { [name]: piece });
      left -= piece.length;
    }
  return parts;
}

/** Writes the journal's head alone: the phase changed. */
export async function writeHead(
  journal: Journal,
  place: JournalPlace,
  ports: Pick<Ports, 'kube'>,
): Promise<void> {
  await putHead(journal, inHead(encodeReleases(journal)), place, ports);
}

async function putHead(
  journal: Journal,
  held: Readonly<Record<string, string>> | undefined,
  place: JournalPlace,
  ports: Pick<Ports, 'kube'>,
): Promise<void> {
  const head = { ...journal, releases: journal.releases.map(({ name }) => name) };
  const data = { [headKey]: encode(head), ...held };
  await put(headName(place), data, place, ports, { reserve: true });
}

/** Each release's name and text. */
type ReleaseTexts = readonly (readonly [name: string, text: string])[];

function encodeReleases({ releases }: Journal): ReleaseTexts {
  return releases.map((release) => [release.name, encode(release)]);
}

/** The releases as keys of the head, where they are small enough: the same journal always comes to the same. */
function inHead(texts: ReleaseTexts): Readonly<Record<string, string>> | undefined {
  const size = texts.reduce((sum, [, text]) => sum + text.length, 0);
  if (size > largestInHead) return undefined;
  return Object.fromEntries(texts.map(([name, text]) => [headKeyOf(name), text]));
}

/** What there is of a journal, for its removal. */
export async function listJournal(
  place: JournalPlace,
  ports: Pick<Ports, 'kube'>,
): Promise<readonly KubeObject[]> {
  return (await requestOf('Removing the journal', () => ports.kube.list(selectorOf(place)))).items;
}

/** Removes the journal: the rollout is finished, forward or back. The head goes first. `items` where it was listed already. */
export async function removeJournal(
  place: JournalPlace,
  ports: Pick<Ports, 'kube'>,
  items?: readonly KubeObject[],
): Promise<void> {
  const found = items ?? (await listJournal(place, ports));
  // Each as it was read: a removal that was sent long ago and arrives late takes nothing of the present holder's.
  const remove = ({ metadata: { name, resourceVersion } }: KubeObject): Promise<boolean> =>
    requestOf('Removing the journal', () =>
      ports.kube.delete(
        { apiVersion: 'v1', kind: 'Secret', namespace: place.namespace, name },
        resourceVersion ? { resourceVersion } : {},
      ),
    );
  const isHead = ({ metadata }: KubeObject): boolean => metadata.name === headName(place);
  await Promise.all(found.filter(isHead).map(remove));
  await Promise.all(found.filter((item) => !isHead(item)).map(remove));
}

function selectorOf({ set, namespace }: JournalPlace): Parameters<Ports['kube']['list']>[0] {
  return { apiVersion: 'v1', kind: 'Secret', namespace, labelSelector: `${journalLabel}=${set}` };
}

function headName({ set }: JournalPlace): string {
  return `zakenak.journal.${set}`;
}

/** Names of different epochs never meet: a journal that is being written does not touch what the head still points to. */
function partName({ set }: JournalPlace, epoch: number, part: string): string {
  return `zakenak.journal.${set}.${epoch}.${part}`;
}

const headKey = 'journal';
const headKeyOf = (release: string): string => `release.${release}`;

/**
 * Writes a Secret of the journal, bound to what is there now: one that was sent long ago and arrives late replaces nothing of the present holder's. With `reserve` one that is not there is
 * created empty first: a creation is bound to nothing, and one that arrives late would tell of a rollout that is over.
 */
async function put(
  name: string,
  data: Readonly<Record<string, string>>,
  place: JournalPlace,
  ports: Pick<Ports, 'kube'>,
  { reserve = false } = {},
): Promise<void> {
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: place.namespace, labels: { [journalLabel]: place.set } },
    type: 'zakenak.dev/journal',
    data,
  };
  const { data: _data, ...empty } = secret;
  await requestOf('Writing the journal', async () => {
    let there: KubeObject | undefined;
    try {
      there = await ports.kube.create(reserve ? empty : secret);
      if (!reserve) return;
    } catch (error) {
      if (!(error instanceof KubeStatusError && error.status === 409)) throw error;
      const { items } = await ports.kube.list(selectorOf(place));
      there = items.find(({ metadata }) => metadata.name === name);
      if (!there) {
        // It may tell of a rollout that is still to be ended: nobody has read it.
        if (await ports.kube.get({ apiVersion: 'v1', kind: 'Secret', namespace: place.namespace, name }))
          throw unlabelled(name, place);
        // Somebody ended it just now; where that one has the lock, the next try is not let through.
        return put(name, data, place, ports, { reserve });
      }
    }
    const { resourceVersion } = there.metadata;
    const metadata = { ...secret.metadata, ...(resourceVersion ? { resourceVersion } : {}) };
    await ports.kube.replace({ ...secret, metadata });
  });
}

function encode(content: unknown): string {
  return gzipSync(Buffer.from(JSON.stringify(content))).toString('base64');
}

/** What the Secrets hold under the key, one after the other; it is the head's journal. */
function decode(head: KubeObject, key: string, secrets: readonly KubeObject[] = [head]): unknown {
  try {
    const text = secrets.map((secret) => textAt(secret, 'data', key)).join('');
    return JSON.parse(gunzipSync(Buffer.from(text, 'base64')).toString('utf8'));
  } catch {
    // What was thrown may quote what is in there.
    throw damaged(head, key);
  }
}

/** Going on without it would be a rollback that leaves something behind. */
function damaged({ metadata }: KubeObject, key: string): ZakenakError {
  const remedy = `Give the rollout that it tells of up by deleting the Secrets labelled ${journalLabel}=${metadata.labels?.[journalLabel] ?? ''}; zakenak deploy then brings the set to what the repository says.`;
  return damagedState(
    `The journal ${metadata.name} in ${metadata.namespace ?? ''} of a rollout that did not finish (key ${key})`,
    remedy,
  );
}

function unlabelled(name: string, { set, namespace }: JournalPlace): ZakenakError {
  return damagedState(
    `The journal ${name} in ${namespace}, which lost its label ${journalLabel},`,
    `Give it the label ${journalLabel}=${set} again, then run the same command: the rollout that it tells of is gone on with; or delete it to give that rollout up.`,
  );
}
