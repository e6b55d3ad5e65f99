/** One rendered object. */
export interface Rendered {
  /** `ollama/templates/service.yaml` */
  readonly source: string;
  readonly kind: string;
  readonly name: string;
  readonly text: string;
}

/** Splits what `helm template` prints by its `# Source:` comments. */
export function splitRendered(output: string): readonly Rendered[] {
  return output.split(/^---.*$/m).flatMap((text) => {
    const source = /^# Source: (.+)$/m.exec(text)?.[1]?.trim();
    const kind = /^kind:\s*["']?([\w.]+)/m.exec(text)?.[1];
    if (!source || !kind) return [];
    const metadata = /^metadata:.*\n((?:[ \t].*\n?)*)/m.exec(text)?.[1] ?? '';
    return [{ source, kind, name: /^\s+name:\s*["']?([^\s"']+)/m.exec(metadata)?.[1] ?? '', text }];
  });
}

/** Line of a template (from 1) that a finding on `key` of an object of `kind` is best shown at. */
export function locateKey(template: string, kind: string, key: string | undefined): number | undefined {
  const lines = template.split('\n');
  const start = lines.findIndex((line) => new RegExp(`^kind:\\s*["']?${escapePattern(kind)}\\b`).test(line));
  if (key !== undefined) {
    const pattern = keyPattern(key);
    const found = lines.findIndex((line, index) => index >= Math.max(start, 0) && pattern.test(line));
    if (found >= 0) return found + 1;
  }
  return start >= 0 ? start + 1 : undefined;
}

/**
 * Line of a template (from 1) that wrote the `key` whose value begins at `offset` of the rendered text: of several equal keys the one at the same
 * place in their order, where template and rendered text have them alike.
 */
export function locateOccurrence(
  template: string,
  rendered: Rendered,
  key: string,
  offset: number,
): number | undefined {
  const lines = template.split('\n');
  const kind = lines.findIndex((line) =>
    new RegExp(`^kind:\\s*["']?${escapePattern(rendered.kind)}\\b`).test(line),
  );
  const from = lines.slice(0, Math.max(kind, 0)).findLastIndex((line) => line.startsWith('---')) + 1;
  const after = lines.findIndex((line, index) => index > kind && line.startsWith('---'));
  const pattern = keyPattern(key);
  const candidates = lines.flatMap((line, index) =>
    index >= from && (after < 0 || index < after) && pattern.test(line) ? [index + 1] : [],
  );
  const before = rendered.text
    .slice(0, offset)
    .split('\n')
    .filter((line) => pattern.test(line)).length;
  return candidates[Math.max(before - 1, 0)] ?? candidates[0] ?? (kind >= 0 ? kind + 1 : undefined);
}

/** A line that writes the key, in block style or in flow style. */
function keyPattern(key: string): RegExp {
  return new RegExp(`(?:^[\\s-]*|[{,]\\s*)["']?${escapePattern(key)}["']?:`);
}

/** Line (from 1) of the deepest part of `/a/b/c` that a values file writes in block style. */
export function locateValue(values: string, path: string): number | undefined {
  const lines = values.split('\n');
  let from = 0;
  let found: number | undefined;
  for (const key of path.split('/').filter((part) => part !== '')) {
    const at = lines.findIndex(
      (line, index) => index >= from && new RegExp(`^\\s*["']?${escapePattern(key)}["']?:`).test(line),
    );
    if (at < 0) break;
    found = at + 1;
    from = at + 1;
  }
  return found;
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
