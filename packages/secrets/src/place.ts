import type { Git } from '@zakenak/core';
import { readBlobs } from './blobs.ts';
import type { Leak } from './leak.ts';

/** Where a reader finds the secret. */
export interface Place {
  readonly line: number;
  /** The line is of the head's file; otherwise of the file as the commit has it. */
  readonly inHead: boolean;
}

/** Looks each secret up in the head's version of its file; the line nearest to the commit's is taken. */
export async function findPlaces(
  leaks: readonly Leak[],
  head: string,
  git: Git,
): Promise<ReadonlyMap<Leak, Place>> {
  const texts = await readBlobs(
    leaks.map(({ path }) => `${head}:${path}`),
    git,
  );
  return new Map(leaks.map((leak) => [leak, findPlace(leak, texts.get(`${head}:${leak.path}`), head)]));
}

/** The place in one text; undefined: the head has no such file. */
export function findPlace(leak: Leak, text: string | undefined, head: string): Place {
  const lines = text === undefined ? [] : locate(text, leak.secret);
  const nearest = lines.sort((a, b) => Math.abs(a - leak.startLine) - Math.abs(b - leak.startLine))[0];
  if (nearest !== undefined) return { line: nearest, inHead: true };
  // Found by decoding, a secret stands nowhere as it is; in the head's own commit the line is right all the same.
  return { line: leak.startLine, inHead: leak.commit === head && text !== undefined };
}

/** Lines where the secret begins. A block scalar of YAML is indented in the file and not in the secret: its longest line tells. */
function locate(text: string, secret: string): number[] {
  const whole = linesWith(text, secret);
  if (whole.length > 0 || !secret.includes('\n')) return whole;
  const parts = secret.split('\n');
  const longest = parts.reduce(
    (best, part, index) => (part.length > (parts[best]?.length ?? 0) ? index : best),
    0,
  );
  return linesWith(text, parts[longest] ?? '').map((line) => Math.max(1, line - longest));
}

function linesWith(text: string, secret: string): number[] {
  const lines: number[] = [];
  if (secret === '') return lines;
  let line = 1;
  let from = 0;
  for (let at = text.indexOf(secret); at >= 0; at = text.indexOf(secret, at + secret.length)) {
    for (
      let newline = text.indexOf('\n', from);
      newline >= 0 && newline < at;
      newline = text.indexOf('\n', from)
    ) {
      line++;
      from = newline + 1;
    }
    lines.push(line);
  }
  return lines;
}
