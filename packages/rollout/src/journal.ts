import { gunzipSync, gzipSync } from 'node:zlib';
import {
  exitCodes,
  type KubeObject,
  type KubeRef,
  KubeStatusError,
  type Ports,
  ZakenakError,
} from '@zakenak/core';
import { requestOf } from './errors.ts';
import { textAt } from './json.ts';

/** How an object was before the rollout; absent `before`: it did not exist. */
export interface Baseline {
  readonly ref: KubeRef;
  readonly before?: KubeObject;
}

/** One release of an unfinished rollout: where it stood, and every object that the rollout may touch. */
export interface JournalRelease {
  readonly name: string;
  readonly namespace: string;
  readonly needs: readonly string[];
  readonly timeoutMs: number;
  /** Deployed revision before, 0 for none. */
  readonly fromRevision: number;
  /** Newest revision before, 0 for none. */
  readonly lastRevision: number;
  readonly baseline: readonly Baseline[];
  /** Namespaces that did not exist. */
  readonly newNamespaces: readonly string[];
}

/** An object that goes, and which one it was. */
export interface Doomed {
  readonly ref: KubeRef;
  readonly uid?: string;
}

/** What an interrupted rollout leaves for the next run. Lives in Secrets: baselines hold the cluster's own secrets. */
export interface Journal {
  readonly set: string;
  readonly planId: string;
  /** Id of the rollout, kept over interruptions. */
  readonly rollout: string;
  readonly startedAt: string;
  /** `running`: goes forward again with the next deploy; `rolling-back`: is put back first; `pruning`: everything is deployed, the rest goes. */
  readonly phase: 'running' | 'rolling-back' | 'pruning';
  /** What is still to be deleted in `pruning`. */
  readonly prune?: readonly Doomed[];
  readonly epoch: number;
  readonly reason?: string;
  readonly releases: readonly JournalRelease[];
}

/** Where the journal is. */
export interface JournalPlace {
  readonly set: string;
  readonly namespace: string;
}

const journalLabel = 'zakenak.dev/journal';
const largestPart = 1_000_000;

/** The journal of a rollout that did not finish; undefined where there is none. */
export async function readJournal(
  place: JournalPlace,
  ports: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<Journal | undefined> {
  const { items } = await requestOf('Reading the journal', () => ports.kube.list(selectorOf(place), signal));
  const head = items.find(({ metadata }) => metadata.name === headName(place));
  if (!head) return undefined;
  const { releases, ...rest } = decode(head) as Omit<Journal, 'releases'> & {
    readonly releases: readonly string[];
  };
  const parts = new Map(items.map((item) => [item.metadata.name, item]));
  return {
    ...rest,
    releases: releases.flatMap((name) => {
      const part = parts.get(partName(place, name));
      return part ? [decode(part) as JournalRelease] : [];
    }),
  };
}

/** Writes the whole journal: the parts first, then the head that makes it count. */
export async function writeJournal(
  journal: Journal,
  place: JournalPlace,
  ports: Pick<Ports, 'kube'>,
): Promise<void> {
  await Promise.all(
    journal.releases.map((release) => put(partName(place, release.name), release, place, ports)),
  );
  await writeHead(journal, place, ports);
}

/** Writes the journal's head alone: the phase changed. */
export async function writeHead(
  journal: Journal,
  place: JournalPlace,
  ports: Pick<Ports, 'kube'>,
): Promise<void> {
  const head = { ...journal, releases: journal.releases.map(({ name }) => name) };
  await put(headName(place), head, place, ports);
}

/** Removes the journal: the rollout is finished, forward or back. The head goes first. */
export async function removeJournal(place: JournalPlace, ports: Pick<Ports, 'kube'>): Promise<void> {
  const { items } = await requestOf('Reading the journal', () => ports.kube.list(selectorOf(place)));
  const names = items.map(({ metadata }) => metadata.name);
  const remove = (name: string): Promise<boolean> =>
    requestOf('Removing the journal', () =>
      ports.kube.delete({ apiVersion: 'v1', kind: 'Secret', namespace: place.namespace, name }),
    );
  await remove(headName(place));
  await Promise.all(names.filter((name) => name !== headName(place)).map(remove));
}

function selectorOf({ set, namespace }: JournalPlace): Parameters<Ports['kube']['list']>[0] {
  return { apiVersion: 'v1', kind: 'Secret', namespace, labelSelector: `${journalLabel}=${set}` };
}

function headName({ set }: JournalPlace): string {
  return `zakenak.journal.${set}`;
}

function partName({ set }: JournalPlace, release: string): string {
  return `zakenak.journal.${set}.${release}`;
}

async function put(
  name: string,
  content: unknown,
  place: JournalPlace,
  ports: Pick<Ports, 'kube'>,
): Promise<void> {
  const data = gzipSync(Buffer.from(JSON.stringify(content))).toString('base64');
  if (data.length > largestPart) throw tooLarge(name);
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: place.namespace, labels: { [journalLabel]: place.set } },
    type: 'zakenak.dev/journal',
    data: { journal: data },
  };
  await requestOf('Writing the journal', async () => {
    try {
      await ports.kube.create(secret);
    } catch (error) {
      if (!(error instanceof KubeStatusError && error.status === 409)) throw error;
      await ports.kube.replace(secret);
    }
  });
}

function decode(secret: KubeObject): unknown {
  return JSON.parse(gunzipSync(Buffer.from(textAt(secret, 'data', 'journal'), 'base64')).toString('utf8'));
}

function tooLarge(name: string): ZakenakError {
  return new ZakenakError({
    code: 'rollout/journal-too-large',
    message: `What ${name} has to remember for a rollback is over the API server's 1 MiB.`,
    remedy: 'Split the release into several.',
    exitCode: exitCodes.badInput,
  });
}
