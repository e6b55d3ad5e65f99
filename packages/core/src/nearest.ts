import { distance } from 'fastest-levenshtein';

/** The candidate closest to a mistyped `name`, or undefined when none is near enough to be meant (a third of its letters, at least 2; of three letters 1: another 2 make another word). */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  const limit = name.length <= 3 ? 1 : Math.max(2, Math.floor(name.length / 3));
  let best: { candidate: string; edits: number } | undefined;
  for (const candidate of candidates) {
    const edits = distance(name.toLowerCase(), candidate.toLowerCase());
    if (edits <= limit && (!best || edits < best.edits)) best = { candidate, edits };
  }
  return best?.candidate;
}
