import { parseDocument } from 'yaml';

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

function identify(text: string): { readonly kind: string; readonly name: string } {
  const kind = /^kind:\s*["']?([\w.]+)/m.exec(text)?.[1];
  if (kind) {
    const metadata = /^metadata:.*\n((?:[ \t].*\n?)*)/m.exec(text)?.[1] ?? '';
    const flow = /^metadata:\s*\{.*?\bname:\s*["']?([^\s"',}]+)/m.exec(text)?.[1];
    return { kind, name: /^\s+name:\s*["']?([^\s"']+)/m.exec(metadata)?.[1] ?? flow ?? '' };
  }
  // What is larger is named by who reads it.
  const plain = text.length > 32 * 1024 ? undefined : readYaml(text)?.plain;
  const { kind: written, metadata } = (plain ?? {}) as { kind?: unknown; metadata?: { name?: unknown } };
  return { kind: asText(written), name: asText(metadata?.name) };
}

/** A document as Kubernetes reads it, which is YAML 1.1: `yes` is true. Undefined where it is none, is too large, or its aliases would fill the memory. */
export function readYaml(
  text: string,
): { readonly document: ReturnType<typeof parseDocument>; readonly plain: unknown } | undefined {
  if (text.length > mostObjectText) return undefined;
  try {
    const document = parseDocument(text, { version: '1.1', uniqueKeys: false, logLevel: 'silent' });
    return document.errors.length > 0
      ? undefined
      : { document, plain: document.toJS({ maxAliasCount: 100 }) };
  } catch {
    return undefined;
  }
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
