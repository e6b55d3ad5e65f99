import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Made-up secrets by the place where they are sown: none may be read in anything that a run writes. */
export interface Canaries {
  /** The secret of a place; made when it is first asked for. `awkward` ones hold what escaping changes. */
  at(place: string, style?: 'plain' | 'awkward'): string;
  /** Fails where a text holds any of them, as it is or encoded. */
  assertNone(text: string, where: string): void;
}

/** None yet. */
export function createCanaries(): Canaries {
  const known = new Map<string, string>();
  return {
    at(place, style = 'plain') {
      const made = `${randomBytes(3).toString('hex')}Q${randomBytes(6).toString('hex')}`;
      const secret = known.get(place) ?? (style === 'plain' ? made : `${made}_*"<&'\\ %ü${made}`);
      known.set(place, secret);
      return secret;
    },
    assertNone(text, where) {
      const folded = text.toLowerCase();
      for (const [place, secret] of known)
        for (const [form, encoded] of formsOf(secret))
          if (folded.includes(encoded.toLowerCase()))
            assert.fail(`${place} in ${where} (${form}): ${around(text, encoded)}`);
    },
  };
}

/** What somebody could read it from. The longest stretch without anything to escape stands for every way of escaping. */
function formsOf(secret: string): readonly (readonly [string, string])[] {
  const plain = /^\w+?Q\w{12}/.exec(secret)?.[0] ?? secret;
  const base64 = (before: number): string => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(plain)]);
    return bytes.toString('base64').slice(before === 0 ? 0 : 4, -4);
  };
  return [
    ['clear', plain],
    ['hex', Buffer.from(plain).toString('hex')],
    ...[0, 1, 2].map((before) => [`base64 after ${before}`, base64(before)] as const),
    [
      'twice base64',
      Buffer.from(Buffer.from(plain).toString('base64').slice(0, 12)).toString('base64').slice(0, 16),
    ],
  ];
}

function around(text: string, encoded: string): string {
  const at = text.toLowerCase().indexOf(encoded.toLowerCase());
  return JSON.stringify(text.slice(Math.max(0, at - 120), at + 60));
}

/** Every file below a folder with its bytes as text. */
export function readAll(folder: string): readonly (readonly [string, string])[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return readAll(path);
    return entry.isFile() ? [[path, readFileSync(path, 'latin1')] as const] : [];
  });
}
