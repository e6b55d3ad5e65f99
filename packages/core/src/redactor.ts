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
  const forms = new Set<string>();
  let ordered: readonly string[] | undefined;
  return {
    add(secret) {
      if (secret.trim().length < shortest || forms.has(secret)) return;
      for (const form of formsOf(secret)) forms.add(form);
      ordered = undefined;
      onAdd?.(secret);
    },
    redact(text) {
      // Longest first, so that a secret that contains another is masked whole.
      ordered ??= [...forms].sort((a, b) => b.length - a.length);
      let clean = text;
      for (const form of ordered) clean = clean.replaceAll(form, mask);
      return clean;
    },
  };
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
