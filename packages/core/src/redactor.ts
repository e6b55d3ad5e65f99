/** Takes known secrets out of text. Held by every writer; engines add what they learn. */
export interface Redactor {
  /** Remembers a secret with its base64, hex, URL-encoded and JSON-escaped forms, and each line of a multi-line one. Shorter than 4 characters is ignored. */
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
  return [secret, ...(lines.length > 1 ? lines.filter((line) => !structure.test(line)) : lines)]
    .flatMap((text) => [text, ...base64Forms(text), ...urlForms(text), ...jsonForms(text), hexOf(text)])
    .filter((form) => form.length >= shortest);
}

/** A line that only opens a map or a list tells nothing, and stands in many texts. */
const structure = /^(?:["']?[\w.-]+["']?:\s*[|>{[]?[-+]?|[{}[\],\s]*)$/;

function hexOf(text: string): string {
  return Buffer.from(text).toString('hex');
}

/** Alone, and inside of something longer (`user:password`), which may begin one or two bytes before: only what does not depend on the neighbours. */
function base64Forms(text: string): readonly string[] {
  const bytes = Buffer.from(text);
  const whole = bytes.toString('base64');
  const inside = [0, 1, 2].map((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64url');
    return encoded.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
  });
  // Few bytes give few letters, which may stand anywhere.
  const long = inside.filter((form) => form.length >= 8);
  return [whole, whole.replace(/=+$/, ''), ...long, ...long.map(fromUrlAlphabet)];
}

function fromUrlAlphabet(form: string): string {
  return form.replaceAll('-', '+').replaceAll('_', '/');
}

/** As encodeURIComponent, as RFC 3986 in full, and as a form's field. */
function urlForms(text: string): readonly string[] {
  const form = encodeURIComponent(text.toWellFormed());
  const whole = form.replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
  const lower = (encoded: string): string => encoded.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
  const field = whole.replaceAll('%2A', '*').replaceAll('%20', '+');
  return [form, whole, field, ...[form, whole, field].map(lower)];
}

/** As JavaScript and as Go escape, and once more for JSON inside of JSON. */
function jsonForms(text: string): readonly string[] {
  const once = JSON.stringify(text).slice(1, -1);
  const go = once.replace(
    /[<>&\u2028\u2029]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return [once, go].flatMap((form) => [form, JSON.stringify(form).slice(1, -1)]);
}

/** The value with every text in it redacted. Done before rendering: what a renderer escapes, no redactor finds again. */
export function redactDeep<T>(value: T, redactor: Pick<Redactor, 'redact'>): T {
  const clean = (part: unknown): unknown => {
    if (typeof part === 'string') return redactor.redact(part);
    if (Array.isArray(part)) return part.map(clean);
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(
      Object.entries(part).map(([key, inner]) => [redactor.redact(key), clean(inner)]),
    );
  };
  return clean(value) as T;
}
