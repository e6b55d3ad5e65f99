import { type KubernetesYaml, KubernetesYamlError, readKubernetesYaml } from '@zakenak/helm';

/** One rendered document. */
export interface Rendered {
  /** `ollama/templates/service.yaml` */
  readonly source: string;
  /** '' where it has none, or none that is easily found. */
  readonly kind: string;
  readonly name: string;
  readonly text: string;
}

/** The largest object that an API server takes (k8s.io/apiserver: MaxRequestBodyBytes), in UTF-16 units. Larger ones are not read. */
export const mostObjectText = 3 * 1024 * 1024;

/** Splits what `helm template` prints by its `# Source:` comments; a file of crds/ may hold several documents, of which the first one alone has it. */
export function splitRendered(output: string): readonly Rendered[] {
  let source = '';
  return output.split(/^---[ \t]*(?:#.*)?\r?$/m).flatMap((text) => {
    source = /^\s*# Source: (.+)/.exec(text)?.[1]?.trim() ?? source;
    if (text.split('\n').every((line) => /^\s*(?:#|$)/.test(line))) return [];
    return [{ source, ...identify(text), text }];
  });
}

/** By its last `kind`, as kubectl takes it. */
function identify(text: string): { readonly kind: string; readonly name: string } {
  const value = readYaml(text)?.documents[0] ?? {};
  const { kind, metadata } = value as { kind?: unknown; metadata?: { name?: unknown } };
  return { kind: asText(kind), name: asText(metadata?.name) };
}

/** A document as Kubernetes reads it. Undefined where it is none, or is too large. */
export function readYaml(text: string): KubernetesYaml | undefined {
  if (text.length > mostObjectText) return undefined;
  try {
    return readKubernetesYaml(text, { repeatedKeys: 'last', largeNumbers: 'round' });
  } catch (thrown) {
    if (thrown instanceof KubernetesYamlError) return undefined;
    throw thrown;
  }
}

/** The text that a value is, '' for any other. */
export function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
