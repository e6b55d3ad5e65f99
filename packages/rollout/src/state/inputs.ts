import { digestOf, sameJson } from '../objects/json.ts';
import { parseManifests } from '../objects/manifest.ts';
import type { HelmRecord } from './helm-record.ts';
import type { HelmRelease } from './helm-release.ts';

/** Label of a revision: what it was rendered from, and what came of it. */
export const inputsLabel = 'zakenak.dev/inputs';

/** Everything that a chart's rendering depends on. */
export interface RenderInputs {
  /** Over every file of the chart, subcharts and .helmignore too. */
  readonly contentDigest: string;
  readonly values: Readonly<Record<string, unknown>>;
  readonly name: string;
  readonly namespace: string;
  /** The cluster's version and kinds; empty where the chart cannot ask for them. */
  readonly capabilities: readonly string[];
}

type Content = Pick<HelmRelease, 'manifest' | 'hooks' | 'config'>;

/** The label's value: half of it stands for the inputs, half for the content. 63 characters, the longest that a label may have. */
export function labelInputs(inputs: RenderInputs, content: Content): string {
  return `${digestOf(inputs).slice(0, 31)}.${digestOfContent(content)}`;
}

/**
 * True when a stored revision is what rendering these inputs once gave. Helm hands our labels on to revisions of its own: those hold something else, which the
 * second half tells.
 */
export function isRenderingOf(record: HelmRecord, inputs: RenderInputs): boolean {
  const label = record.secret.metadata.labels?.[inputsLabel];
  return (
    label?.startsWith(`${digestOf(inputs).slice(0, 31)}.`) === true &&
    label === labelInputs(inputs, record.release())
  );
}

/** True where two revisions hold the same: manifest, hooks, values and the chart's version. */
export function sameContent(a: HelmRelease, b: HelmRelease): boolean {
  const rest = ({ config, chart }: HelmRelease): unknown => [
    config ?? {},
    chart?.metadata?.name,
    chart?.metadata?.version,
  ];
  return sameJson(rest(a), rest(b)) && sameManifest(a.manifest, b.manifest) && sameHooks(a.hooks, b.hooks);
}

/** True where two manifests hold the same objects: blank lines, comments and empty documents, which Helm keeps and a rendering does not always have, say nothing. */
export function sameManifest(a: string | undefined, b: string | undefined): boolean {
  if (a === b) return true;
  const [one, other] = [a, b].map((text) => objectsOf(text ?? ''));
  return one !== undefined && other !== undefined && sameSet(one, other);
}

/** The same of hooks. */
export function sameHooks(a: HelmRelease['hooks'], b: HelmRelease['hooks']): boolean {
  const [one, other] = [a, b].map((hooks) => hooks?.map(({ manifest }) => manifest).join('\n---\n'));
  return sameManifest(one, other);
}

/** Undefined for what cannot be read. */
function objectsOf(text: string): readonly unknown[] | undefined {
  try {
    return parseManifests(text, 'a revision').map(({ object }) => object);
  } catch {
    return undefined;
  }
}

function sameSet(a: readonly unknown[], b: readonly unknown[]): boolean {
  const [one, other] = [a, b].map((list) => list.map(digestOf).sort());
  return sameJson(one, other);
}

function digestOfContent({ manifest, hooks, config }: Content): string {
  return digestOf([manifest, hooks?.map((hook) => hook.manifest) ?? [], config ?? {}]).slice(0, 31);
}
