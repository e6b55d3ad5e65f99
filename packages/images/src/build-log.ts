import { createFinding, type Finding, type ZakenakError } from '@zakenak/core';
import type { BuildFailure } from './builder.ts';
import { builderFailed, registryUnauthorized, registryUnreachable } from './errors.ts';

/** What a failed build means: a fault in the Dockerfile or its context, or something outside of it. */
export type BuildVerdict = { readonly finding: Finding } | { readonly error: ZakenakError };

const unauthorized =
  /\b401\b|\b403\b|unauthorized|authorization failed|insufficient_scope|no basic auth|denied: |access denied/i;
const unreachable =
  /connection refused|no such host|i\/o timeout|deadline exceeded|TLS handshake|x509:|server gave HTTP response|network is unreachable|connection reset|too ?many ?requests|\b429\b|unexpected status.*\b5\d\d\b|\bEOF$/i;
const outside =
  /no space left on device|failed to create shim|runc run failed|cannot connect|error reading from server|transport|graceful_stop/i;

/**
 * Reads the end of a builder's output. `dockerfile` is its path in the workspace and its text. Known outputs: BuildKit (buildctl, buildx, Docker from 18.09)
 * and buildah.
 */
export function judgeFailure(
  builder: string,
  failure: BuildFailure,
  dockerfile: { readonly path: string; readonly text: string },
): BuildVerdict {
  const lines = failure.log.split('\n').map((line) => line.trimEnd());
  const solved = solveMessage(lines);
  const last = lines.filter((line) => line !== '').at(-1) ?? `it ended with exit code ${failure.exitCode}`;
  const message = solved ?? last.slice(0, 1000);
  // What a RUN step prints is the user's own and must not be taken for a failure of the registry.
  if (!/did not complete successfully|executor failed running|while running runtime/.test(message)) {
    const registry = registryOf(message);
    if (unauthorized.test(message)) return { error: registryUnauthorized(registry, message) };
    if (unreachable.test(message)) return { error: registryUnreachable(registry, message) };
    if (outside.test(message) || solved === undefined) return { error: builderFailed(builder, message) };
  }
  return {
    finding: createFinding({
      ruleId: 'image/build-failed',
      severity: 'high',
      message: capitalise(message),
      location: { path: dockerfile.path, ...positionOf(lines, message, dockerfile.text) },
      remedy: 'Mend this line of the Dockerfile or the file that it names.',
      tool: builder === 'buildah' ? 'buildah' : 'buildkit',
      identity: message.replace(/[0-9a-z]{25}(::[0-9a-z]{25})?/g, ''),
    }),
  };
}

/** The last lines that the failing step printed, without BuildKit's frame; empty where it printed nothing. */
export function stepOutput(log: string): string {
  const lines = log.split('\n');
  const failed = lines
    .map((line) => /^#(\d+) ERROR: /.exec(line)?.[1])
    .findLast((step) => step !== undefined);
  if (failed === undefined) return '';
  return lines
    .map((line) => new RegExp(`^#${failed} \\d+\\.\\d+ (.*)$`).exec(line)?.[1])
    .filter((line) => line !== undefined)
    .slice(-20)
    .join('\n');
}

const endings: readonly RegExp[] = [
  /^(?:error|ERROR): (?:failed to build: )?failed to solve: (.+)$/,
  // Docker 18.09 to 20.10.
  /^failed to solve with frontend [^:]+: (?:failed to create LLB definition: )?(.+)$/,
  /^(failed to compute cache key: .+|executor failed running .+)$/,
  // buildah; its other errors are not of the Dockerfile's making.
  /^Error: (building at STEP .+|.*(?:unknown instruction|parse error|pushing image|creating build container).*)$/i,
];

function solveMessage(lines: readonly string[]): string | undefined {
  for (const line of lines.toReversed()) {
    const text = endings.map((ending) => ending.exec(line)?.[1]).find((found) => found !== undefined);
    if (text !== undefined) return tidy(text);
  }
  return undefined;
}

/** Takes out BuildKit's wrapping and its ids, which differ from run to run. */
function tidy(message: string): string {
  return message
    .replace(/^failed to compute cache key: /, '')
    .replace(/failed to calculate checksum of ref [^:\s]+(::\S+?)?: /, '')
    .slice(0, 1000);
}

interface Position {
  readonly startLine?: number;
  readonly endLine?: number;
}

function positionOf(lines: readonly string[], message: string, text: string): Position {
  const marked = lines.flatMap((line) => {
    const number = /^ *(\d+) \| >>> /.exec(line)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
  const named = /parse error (?:on )?line (\d+)/.exec(message)?.[1];
  const first = marked[0] ?? (named === undefined ? lineOfStep(lines, message, text) : Number(named));
  if (first === undefined) return {};
  const last = marked.at(-1) ?? first;
  return last > first ? { startLine: first, endLine: last } : { startLine: first };
}

/** Builders that tell no line tell the instruction: its line is looked up where it is written on one. */
function lineOfStep(lines: readonly string[], message: string, text: string): number | undefined {
  const byBuildkit = lines
    .map((line) => /^ > \[[^\]]*\d+\/\d+\] (.+):$/.exec(line)?.[1])
    .find((step) => step !== undefined);
  const step = byBuildkit ?? /building at STEP "(.+?)": /.exec(message)?.[1]?.replaceAll('\\"', '"');
  if (step === undefined) return undefined;
  const flat = (line: string) => line.trim().replace(/\s+/g, ' ');
  const index = text.split('\n').findIndex((line) => flat(line) === flat(step));
  return index < 0 ? undefined : index + 1;
}

function registryOf(message: string): string {
  const address = /https?:\/\/([^/"\s]+)/.exec(message)?.[1];
  const reference =
    /(?:failed to push|pull access denied,?|failed to authorize:?) ([^\s:/]+(?::\d+)?)\//.exec(message)?.[1];
  return address ?? reference ?? 'of the image or its base';
}

function capitalise(text: string): string {
  const sentence = /[.!?]$/.test(text) ? text : `${text}.`;
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
