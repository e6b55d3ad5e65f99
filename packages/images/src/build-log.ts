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

/** Reads the end of a builder's output. `dockerfile` is its path in the workspace. Known outputs: BuildKit (buildctl, buildx, docker) and buildah. */
export function judgeFailure(builder: string, failure: BuildFailure, dockerfile: string): BuildVerdict {
  const lines = failure.log.split('\n').map((line) => line.trimEnd());
  const message = solveMessage(lines);
  if (message === undefined) {
    const last = lines.filter((line) => line !== '').at(-1) ?? `it ended with exit code ${failure.exitCode}`;
    return { error: builderFailed(builder, last.slice(0, 500)) };
  }
  // What a RUN step prints is the user's own and must not be taken for a failure of the registry.
  if (!/did not complete successfully|while running runtime/.test(message)) {
    const registry = registryOf(message);
    if (unauthorized.test(message)) return { error: registryUnauthorized(registry, message) };
    if (unreachable.test(message)) return { error: registryUnreachable(registry, message) };
    if (outside.test(message)) return { error: builderFailed(builder, message) };
  }
  const position = positionOf(lines, message);
  return {
    finding: createFinding({
      ruleId: 'image/build-failed',
      severity: 'high',
      message: capitalise(message),
      location: { path: dockerfile, ...position },
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

function solveMessage(lines: readonly string[]): string | undefined {
  for (const line of lines.toReversed()) {
    const match =
      /^(?:error|ERROR): (?:failed to build: )?failed to solve: (.+)$/.exec(line) ??
      /^Error: (.+)$/.exec(line);
    if (match?.[1]) return tidy(match[1]);
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

function positionOf(
  lines: readonly string[],
  message: string,
): { readonly startLine?: number; readonly endLine?: number } {
  const marked = lines.flatMap((line) => {
    const number = /^ *(\d+) \| >>> /.exec(line)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
  const first = marked[0] ?? Number(/parse error on line (\d+)/.exec(message)?.[1] ?? Number.NaN);
  if (!Number.isInteger(first)) return {};
  const last = marked.at(-1) ?? first;
  return last > first ? { startLine: first, endLine: last } : { startLine: first };
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
