import { badBaseline } from './errors.ts';

/** A secret already dealt with. */
export interface KnownSecret {
  readonly rule: string;
  /** Salted hash of the secret (identity.ts): moving the secret to another line or file keeps it known, changing it does not. */
  readonly hash: string;
  /** Where it was found first, for the reader of the file. */
  readonly path: string;
  /** Why it may stay. */
  readonly reason: string;
}

/** The baseline file. It holds no line numbers and no dates, so that two branches seldom conflict in it. */
export interface Baseline {
  readonly version: 1;
  readonly salt: string;
  readonly known: readonly KnownSecret[];
}

/** Reads the JSON of a baseline. Throws `secrets/bad-baseline`. */
export function parseBaseline(text: string, path: string): Baseline {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw badBaseline(path, 'it is not JSON');
  }
  const { version, salt, known } = (
    typeof value === 'object' && value !== null ? value : {}
  ) as Partial<Baseline>;
  if (version !== 1) throw badBaseline(path, 'its version is not 1');
  if (typeof salt !== 'string' || salt === '') throw badBaseline(path, 'it has no salt');
  if (!Array.isArray(known)) throw badBaseline(path, 'it has no list `known`');
  for (const [index, entry] of known.entries())
    if (!['rule', 'hash', 'path', 'reason'].every((key) => typeof entry?.[key] === 'string'))
      throw badBaseline(path, `entry ${index + 1} lacks rule, hash, path or reason`);
  return { version: 1, salt, known };
}

/** The file's text: one entry per secret, sorted. */
export function renderBaseline({ salt, known }: Baseline): string {
  const keyed = new Map(known.map((entry) => [`${entry.rule} ${entry.hash}`, entry]));
  const sorted = [...keyed].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
  return `${JSON.stringify({ version: 1, salt, known: sorted }, null, 2)}\n`;
}

/** Finds a secret of the baseline. */
export function findKnown(
  baseline: Baseline | undefined,
  rule: string,
  hash: string,
): KnownSecret | undefined {
  return baseline?.known.find((entry) => entry.rule === rule && entry.hash === hash);
}
