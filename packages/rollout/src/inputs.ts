import type { HelmRelease } from './helm-release.ts';
import type { HelmRecord } from './helm-storage.ts';
import { digestOf, sameJson } from './json.ts';

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
  const rest = ({ hooks, config, chart }: HelmRelease): unknown => [
    hooks?.map(({ manifest }) => manifest) ?? [],
    config ?? {},
    chart?.metadata?.name,
    chart?.metadata?.version,
  ];
  return a.manifest === b.manifest && sameJson(rest(a), rest(b));
}

function digestOfContent({ manifest, hooks, config }: Content): string {
  return digestOf([manifest, hooks?.map((hook) => hook.manifest) ?? [], config ?? {}]).slice(0, 31);
}
