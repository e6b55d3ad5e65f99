import { createHash } from 'node:crypto';
import { createLimiter, type KubeObject, type Limiter, type Ports } from '@zakenak/core';
import { ownedBy } from '../fields/ownership.ts';
import { checkExpressions, createHealthRules } from '../health/health-rules.ts';
import { orderByNeeds } from '../kinds/graph.ts';
import { createKinds, definedKinds, type Kinds } from '../kinds/kinds.ts';
import { createNeededKinds, type ServedKind } from '../kinds/needed-kinds.ts';
import { canonicalJson, digestOf, sameJson } from '../objects/json.ts';
import { learnFromValues } from '../objects/learn-secrets.ts';
import { type ManifestDocument, parseManifests } from '../objects/manifest.ts';
import { placeObject } from '../objects/object.ts';
import { defaultTimeoutMs, type ReleaseRequest, type RolloutRequest } from '../request.ts';
import type { HelmRecord } from '../state/helm-record.ts';
import type { HelmChart, HelmHook } from '../state/helm-release.ts';
import { isRenderingOf, labelInputs, type RenderInputs } from '../state/inputs.ts';
import { type LoadedChart, loadChart } from './chart.ts';
import { checkClaims } from './claims.ts';
import { runTemplate } from './helm-template.ts';
import { hookObject, hookOf, isHook } from './hook.ts';
import { learnFromRelease } from './learn-releases.ts';
import { looksUp, lookupFlags } from './lookup.ts';
import { readPlainDocuments } from './plain-manifests.ts';
import type { RenderedRelease, RenderedRollout } from './rendered.ts';
import { compareRenderings, type UnstableObject } from './unstable-render.ts';
import { createValuesFiles, type ReadValuesFile, readValues } from './values.ts';

type RenderPorts = Pick<Ports, 'kube' | 'process' | 'files' | 'progress' | 'redactor'>;

/** How the set is rendered. */
interface RenderOptions {
  readonly deployed?: ReadonlyMap<string, HelmRecord>;
  /** Reads the values files; where others ask for them as well. */
  readonly read?: ReadValuesFile;
  readonly signal?: AbortSignal;
}

// Two cores are common on runners, and helm uses about one.
const parallelRenders = 3;

/**
 * Renders every release of the set. A release whose `deployed` revision was rendered from the very same inputs is taken from there; the others that are deployed are
 * rendered as upgrades. Secrets' values are made known to the redactor.
 * Throws ZakenakError `rollout/needs-cycle`, `rollout/unknown-release`, `rollout/render-failed`, `rollout/no-manifests`, `rollout/bad-yaml`,
 * `rollout/two-owners`, `rollout/own-books`, `rollout/incompatible-kubernetes`, and what loadChart throws.
 */
export async function renderRollout(
  request: RolloutRequest,
  ports: RenderPorts,
  { deployed: records, signal: stop, read = createValuesFiles(ports, stop) }: RenderOptions = {},
): Promise<RenderedRollout> {
  const ordered = orderByNeeds(request.releases);
  const [version, resources] = await Promise.all([ports.kube.version(), ports.kube.resources()]);
  const capabilitiesWith = (more: readonly ServedKind[]): readonly string[] => {
    const names = [...resources, ...more].flatMap(({ apiVersion, kind }) => [
      apiVersion,
      `${apiVersion}/${kind}`,
    ]);
    // Sorted: the same kinds are the same inputs, wherever they come from.
    return ['--kube-version', version.gitVersion, '--api-versions', [...new Set(names)].sort().join(',')];
  };
  await using folder = await ports.files.temporaryFolder('zakenak-render-');
  const needed = createNeededKinds(ordered);
  const renderOne = async (release: ReleaseRequest, at: string, signal: AbortSignal): Promise<Draft> => {
    signal.throwIfAborted();
    const about = { stage: 'render', subject: release.name, release: release.name };
    ports.progress.emit({ ...about, state: 'started' });
    const deployed = records?.get(release.name);
    const renderFor = (path: string, capabilities: (asks: boolean) => Promise<readonly string[]>) =>
      renderRelease(
        release,
        { folder: `${folder.path}/${path}`, capabilities, deployed, read },
        ports,
        signal,
      );
    let draft = await renderFor(at, async (asks) =>
      capabilitiesWith(asks ? await needed.of(release, signal) : []),
    );
    if (draft.asks && draft.crds.length > 0) {
      // As Helm: what is in the crds/ folders is there before the templates are asked.
      const kinds = await needed.of(release, signal);
      const all = capabilitiesWith([...kinds, ...definedKinds(draft.crds)]);
      if (!sameJson(all, capabilitiesWith(kinds))) draft = await renderFor(`${at}-again`, async () => all);
    }
    needed.settle(release, defining(draft));
    ports.progress.emit({ ...about, state: 'done' });
    return draft;
  };
  const bodies = ordered.map(
    (release, index) => (signal: AbortSignal) => renderOne(release, String(index), signal),
  );
  // Begun in the order of their needs, so that one that waits never keeps the place of one that it waits for.
  const drafts = await allOrNone(bodies, createLimiter(parallelRenders), stop);
  const kinds = createKinds(resources, drafts.flatMap(defining), createHealthRules(request.health ?? []));
  const releases = drafts.map((draft) => placeDraft(draft, kinds));
  checkClaims(releases);
  for (const release of releases) {
    learnFromRelease(release, ports.redactor);
    release.objects.forEach(checkExpressions);
  }
  return { set: request.set, releases, kinds };
}

/** What may define kinds: a release's objects, and the definitions that come as hooks. */
function defining({ crds, documents, hooks }: Draft): readonly KubeObject[] {
  return [
    ...crds,
    ...documents.map(({ object }) => object),
    ...hooks
      .filter(({ kind }) => kind === 'CustomResourceDefinition')
      .flatMap((hook) => hookObject(hook) ?? []),
  ];
}

/** The first one that fails stops the others, and is thrown when all have come to rest: what they work on can be removed then. */
async function allOrNone<T>(
  bodies: readonly ((signal: AbortSignal) => Promise<T>)[],
  limit: Limiter,
  outer?: AbortSignal,
): Promise<readonly T[]> {
  const halt = new AbortController();
  const signal = outer ? AbortSignal.any([outer, halt.signal]) : halt.signal;
  const run = (body: (typeof bodies)[number]): Promise<T> =>
    body(signal).catch((error: unknown) => {
      // The first is the cause: an abort keeps the reason that it was given first.
      halt.abort(error);
      throw error;
    });
  const begun = bodies.map((body) => limit(() => run(body)));
  await Promise.allSettled(begun);
  if (halt.signal.aborted) throw halt.signal.reason;
  return Promise.all(begun);
}

interface Draft {
  readonly release: ReleaseRequest;
  readonly chart: LoadedChart;
  readonly values: Readonly<Record<string, unknown>>;
  readonly crds: readonly KubeObject[];
  readonly documents: readonly ManifestDocument[];
  readonly hooks: readonly HelmHook[];
  /** Whether it can ask which kinds the cluster serves. */
  readonly asks: boolean;
  readonly inputs?: RenderInputs;
  readonly unstable?: readonly UnstableObject[];
  /** What its templates look up counted as absent. */
  readonly unlooked?: boolean;
}

async function renderRelease(
  release: ReleaseRequest,
  place: {
    readonly folder: string;
    /** By whether it can ask for them. */
    readonly capabilities: (asks: boolean) => Promise<readonly string[]>;
    readonly deployed: HelmRecord | undefined;
    readonly read: ReadValuesFile;
  },
  ports: RenderPorts,
  signal?: AbortSignal,
): Promise<Draft> {
  const { source } = release;
  if ('manifests' in source) return readPlainManifests(release, source.manifests, ports);
  await ports.files.makeFolder(place.folder);
  const chart = await loadChart(source, { folder: place.folder, release: release.name }, ports, signal);
  const options = { defaults: chart.chart.values, read: place.read };
  const values = await readValues(release.values ?? [], ports, signal, options);
  // Before helm has a word to say about them.
  learnFromValues([chart.chart.values, values], ports.redactor);
  const { name, namespace } = release;
  const { deployed } = place;
  // A definition that the set itself brings changes what the cluster serves: no reason to render anew what cannot ask for it.
  const asks = chart.asksForCapabilities || JSON.stringify(values).includes('Capabilities');
  const capabilities = await place.capabilities(asks);
  // A chart that is made for certain versions is asked again when the cluster's changes.
  const bound = chart.chart.metadata['kubeVersion'] === undefined ? [] : capabilities.slice(0, 2);
  const asked = asks ? capabilities : bound;
  const inputs = { contentDigest: chart.digest, values, name, namespace, capabilities: asked };
  const isLooking = chart.looksUp || looksUp(JSON.stringify(values));
  // Helm's records hold no definitions of crds/ folders.
  if (deployed && !chart.hasCrds && !isLooking && isRenderingOf(deployed, inputs))
    return { ...takeFromRecord(release, chart, values, deployed), asks, inputs };
  const args = ['template', release.name, chart.path, '--namespace', release.namespace];
  args.push('--include-crds', '--values', '-', ...capabilities);
  if (deployed) args.push('--is-upgrade');
  // Through a pipe: values may hold secrets, which then lie in no file.
  const input = JSON.stringify(values);
  const lookup = isLooking ? lookupFlags(ports.kube.target, deployed !== undefined) : [];
  // A password that is made anew where the last one is not found would change with every such deploy.
  const mayGuess = !deployed || !chart.mayBeUnstable;
  let unlooked = isLooking && lookup.length === 0;
  const render = async (): Promise<readonly ManifestDocument[]> => {
    const template = { release: release.name, args, lookup: unlooked ? [] : lookup, mayGuess, input };
    const rendering = await runTemplate(template, { values, deployed }, ports, signal);
    unlooked = isLooking && !rendering.isLookedUp;
    return parseManifests(rendering.text, release.name);
  };
  const documents = await render();
  const objects = documents.map(({ object }) => object);
  // What a first install makes up the next deploy finds.
  const again =
    chart.mayBeUnstable && (deployed || !isLooking) ? (await render()).map(({ object }) => object) : objects;
  const unstable = again === objects ? [] : compareRenderings(objects, again, ports.redactor);
  return { ...sortDocuments(release, chart, values, documents), asks, inputs, unstable, unlooked };
}

function takeFromRecord(
  release: ReleaseRequest,
  chart: LoadedChart,
  values: Draft['values'],
  record: HelmRecord,
): Draft {
  const { manifest, hooks } = record.release();
  const draft = sortDocuments(release, chart, values, parseManifests(manifest ?? '', release.name));
  return { ...draft, hooks: (hooks ?? []).map((hook) => ({ ...hook, last_run: { phase: '' } })) };
}

function sortDocuments(
  release: ReleaseRequest,
  chart: LoadedChart,
  values: Draft['values'],
  documents: readonly ManifestDocument[],
): Draft {
  const isCrd = ({ source, object }: ManifestDocument): boolean =>
    source.includes('/crds/') &&
    !source.includes('/templates/') &&
    object.kind === 'CustomResourceDefinition';
  const rest = documents.filter((document) => !isCrd(document));
  return {
    release,
    chart,
    values,
    asks: false,
    crds: documents.filter(isCrd).map(({ object }) => object),
    documents: rest.filter(({ object }) => !isHook(object)),
    hooks: rest.filter(({ object }) => isHook(object)).flatMap((document) => hookOf(document) ?? []),
  };
}

/** Plain manifests become a release of a chart without templates: Helm's verbs, pruning and history then hold for them too. */
async function readPlainManifests(
  release: ReleaseRequest,
  paths: readonly string[],
  ports: RenderPorts,
): Promise<Draft> {
  const documents = await readPlainDocuments(paths, ports);
  const digest = digestOf(documents.map(({ object }) => object));
  const metadata = {
    apiVersion: 'v2',
    name: release.name,
    version: `0.0.0-${digest.slice(0, 12)}`,
    type: 'application',
  };
  const chart: HelmChart = { metadata, lock: null, templates: [], values: {}, schema: null, files: [] };
  const draft = sortDocuments(
    release,
    {
      path: '',
      chart,
      digest,
      hasCrds: false,
      asksForCapabilities: false,
      looksUp: false,
      mayBeUnstable: false,
    },
    {},
    documents,
  );
  return {
    ...draft,
    documents: [
      ...draft.crds
        .map((object) => documents.find((d) => d.object === object))
        .filter((d) => d !== undefined),
      ...draft.documents,
    ],
    crds: [],
  };
}

function placeDraft(draft: Draft, kinds: Kinds): RenderedRelease {
  const { release, chart, values, hooks } = draft;
  const manifest = [...new Set(draft.documents.map(documentText))].join('');
  const place = (object: KubeObject): KubeObject =>
    placeObject(object, release.namespace, kinds.find(object));
  const inputs = draft.inputs && labelInputs(draft.inputs, { manifest, hooks, config: values });
  return {
    name: release.name,
    namespace: release.namespace,
    ...(inputs ? { inputs } : {}),
    ...(draft.unlooked ? { unlooked: true } : {}),
    ...(draft.unstable?.length ? { unstable: draft.unstable } : {}),
    needs: release.needs ?? [],
    timeoutMs: release.timeoutMs ?? defaultTimeoutMs,
    ...(release.gpu ? { gpu: release.gpu } : {}),
    ...(release.test ? { test: true } : {}),
    chart: chart.chart,
    values,
    manifest,
    crds: draft.crds,
    objects: draft.documents.map(({ object }) => ownedBy(place(object), release)),
    hooks,
    digests: {
      chart: chart.digest,
      values: createHash('sha256').update(canonicalJson(values)).digest('hex'),
      manifest: createHash('sha256').update(manifest).digest('hex'),
    },
  };
}

function documentText({ source, text }: ManifestDocument): string {
  return `---\n${/^# Source: /m.test(text) ? '' : `# Source: ${source}\n`}${text}\n`;
}
