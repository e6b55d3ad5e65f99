/** Takes known secrets out of text. Held by every writer; engines add what they learn. */
export interface Redactor {
  /** Remembers a secret with its base64, URL-encoded and JSON-escaped forms, and each line of a multi-line one. Shorter than 4 characters is ignored. */
  add(secret: string): void;
  /** The text with every known secret replaced by `***`. */
  redact(text: string): string;
}

const mask = '***';
const shortest = 4;

/** An empty redactor; `onAdd` hears of each secret once (a CI host masks it as well). */
export function createRedactor(onAdd?: (secret: string) => void): Redactor {
  const known = new Set<string>();
  const byBeginning = new Map<string, Set<string>>();
  // Text mostly holds no secret: one look at each place, however many secrets there are.
  const beginnings = new Uint8Array(65_536);
  return {
    add(secret) {
      if (secret.trim().length < shortest || known.has(secret)) return;
      for (const form of formsOf(secret)) {
        known.add(form);
        const beginning = form.slice(0, shortest);
        beginnings[hashAt(form, 0)] = 1;
        byBeginning.set(beginning, (byBeginning.get(beginning) ?? new Set()).add(form));
      }
      onAdd?.(secret);
    },
    redact(text) {
      const found = new Set<string>();
      for (let at = 0; at + shortest <= text.length; at += 1) {
        if (beginnings[hashAt(text, at)] === 0) continue;
        for (const form of byBeginning.get(text.slice(at, at + shortest)) ?? [])
          if (text.startsWith(form, at)) found.add(form);
      }
      // Longest first, so that a secret that contains another is masked whole.
      let clean = text;
      for (const form of [...found].sort((a, b) => b.length - a.length)) clean = clean.replaceAll(form, mask);
      return clean;
    },
  };
}

/** A number below 65,536 of the first `shortest` characters from `at` on. */
function hashAt(text: string, at: number): number {
  let hash = 0;
  for (let index = at; index < at + shortest; index += 1)
    hash = (hash * 31 + text.charCodeAt(index)) & 0xffff;
  return hash;
}

function formsOf(secret: string): readonly string[] {
  const lines = secret.split(/\r?\n/).map((line) => line.trim());
  return [secret, ...lines]
    .flatMap((text) => [
      text,
      Buffer.from(text).toString('base64'),
      Buffer.from(text).toString('base64').replace(/=+$/, ''),
      encodeURIComponent(text),
      JSON.stringify(text).slice(1, -1),
    ])
    .filter((form) => form.length >= shortest);
}
