import type { Severity } from '@zakenak/core';

/** One thing that Helm said. `path` begins with the chart's name, or is relative to the chart where `relative` is set. */
export interface HelmProblem {
  readonly ruleId: string;
  readonly severity: Severity;
  readonly message: string;
  readonly path?: string;
  readonly line?: number;
  readonly column?: number;
  /** Line of the rendered text, which is the template's only where nothing is rendered before it. */
  readonly renderedLine?: number;
  /** Path of a value that breaks the values schema: `/image/tag`. */
  readonly valuePath?: string;
  /** Name of the chart whose values these are, which may be a subchart. */
  readonly chart?: string;
}

const levels: Readonly<Record<string, Severity>> = { INFO: 'info', WARNING: 'medium', ERROR: 'high' };

/** Reads what `helm lint` prints. */
export function parseLint(output: string): readonly HelmProblem[] {
  const entries = [
    ...output.matchAll(
      /^\[(INFO|WARNING|ERROR)\] ([\s\S]*?)(?=^\[(?:INFO|WARNING|ERROR)\] |^==> |^\d+ chart\(s\) linted|(?![\s\S]))/gm,
    ),
  ];
  return entries.flatMap(([, level = 'ERROR', text = '']) => {
    const body = text.trim();
    const severity = levels[level] ?? 'high';
    const isKnown = severity === 'high' || /directory is missing these dependencies/.test(body);
    const known = isKnown ? parseKnown(body) : undefined;
    if (known) return known.map((problem) => ({ ...problem, severity }));
    const [, path, message = body] = /^([^\s:]+): ([\s\S]*)$/.exec(body) ?? [];
    const about = { ruleId: 'charts/helm-lint', severity };
    if (!path || path.startsWith('/')) return [{ ...about, message: oneLine(message) }];
    // A folder has no line: it is told.
    if (path.endsWith('/')) return [{ ...about, message: oneLine(body) }];
    return [{ ...about, message: oneLine(message), path: `./${path}` }];
  });
}

/** Reads what `helm template` prints when it fails. */
export function parseRenderError(stderr: string): readonly HelmProblem[] {
  const text = stderr
    .replace(/\n*Use --debug flag[\s\S]*$/, '')
    .replace(/^[\s\S]*?Error: /, '')
    .trim();
  return parseKnown(text) ?? [{ ruleId: 'charts/render-failed', severity: 'high', message: oneLine(text) }];
}

function parseKnown(text: string): readonly HelmProblem[] | undefined {
  if (/missing these dependencies|missing in charts\/ directory/.test(text))
    return [
      {
        ruleId: 'charts/missing-dependencies',
        severity: 'high',
        message: oneLine(text),
        path: './Chart.yaml',
      },
    ];
  if (/specifications of the schema\(s\)/.test(text)) return parseSchemaErrors(text);
  // helm lint leaves out whose schema it is: its own chart's.
  if (/metaschema/.test(text)) return [invalidSchema('.', lastLine(text))];
  const broken = brokenValues(text);
  if (broken.length > 0) return broken;
  const parsing =
    /(?:YAML parse error on ([^\s:]+)|(?<![^\s:])([^\s:]+): unable to parse YAML): ([\s\S]*)/.exec(text);
  if (parsing) {
    const line = /yaml: line (\d+)/.exec(parsing[3] ?? '')?.[1];
    const path = parsing[1] ?? `./${parsing[2]}`;
    return [
      {
        ruleId: 'charts/invalid-yaml',
        severity: 'high',
        message: oneLine(parsing[3] ?? text),
        path,
        ...(line ? { renderedLine: Number(line) } : {}),
      },
    ];
  }
  // `required` and `fail`: it is the chart that speaks.
  const refusal = /execution error at \(([^\s:()]+):(\d+):(\d+)\): ([\s\S]*)$/.exec(text);
  if (refusal) {
    const [, path = '', line, column, message = ''] = refusal;
    return [
      {
        ruleId: 'charts/refused-values',
        severity: 'high',
        message: oneLine(message),
        path,
        line: Number(line),
        column: Number(column) + 1,
      },
    ];
  }
  // The innermost frame is the last one.
  const frame = [...text.matchAll(/(?<![\w./-])([\w./-]+\.(?:ya?ml|tpl|txt|json)):(\d+)(?::(\d+))?/g)].at(-1);
  if (!frame) return undefined;
  const [, path = '', line, column] = frame;
  return [
    {
      ruleId: 'charts/template-error',
      severity: 'high',
      message: lastLine(text),
      path,
      line: Number(line),
      ...(column ? { column: Number(column) + 1 } : {}),
    },
  ];
}

/** Helm tells for each chart, `name:` first, what is wrong with the schema, or where a value breaks it. */
function parseSchemaErrors(text: string): readonly HelmProblem[] {
  const [, ...sections] = text.split(/^(?=[\w.-]+:[ \t]*$)/m);
  return sections.flatMap((section): readonly HelmProblem[] => {
    const chart = section.slice(0, section.indexOf(':'));
    const body = section.slice(chart.length + 1);
    const broken = /metaschema/.test(body) ? [] : brokenValues(body);
    if (broken.length === 0) return [invalidSchema(chart, oneLine(body).slice(0, 1_000))];
    return broken.map((problem) => ({ ...problem, chart }));
  });
}

function invalidSchema(folder: string, message: string): HelmProblem {
  const path = `${folder}/values.schema.json`;
  return { ruleId: 'charts/invalid-values-schema', severity: 'high', message, path };
}

function brokenValues(text: string): readonly HelmProblem[] {
  return [...text.matchAll(/- at '([^']*)': (.+)/g)].map(([, valuePath = '', message = '']) => ({
    ruleId: 'charts/values-against-schema',
    severity: 'high',
    message: `The value ${valuePath || '/'} breaks values.schema.json: ${message}`,
    valuePath,
  }));
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function lastLine(text: string): string {
  return oneLine(
    text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .at(-1) ?? text,
  );
}
