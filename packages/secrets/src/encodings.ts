const segments = /([0-9A-Fa-f]{32,})|([\w/+-]{16,}={0,2})/g;
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const sextets = Uint8Array.from({ length: 256 }, (_, byte) => {
  const letter = String.fromCharCode(byte).replace('-', '+').replace('_', '/');
  return Math.max(0, alphabet.indexOf(letter));
});
const hexadecimals = Uint8Array.from({ length: 256 }, (_, byte) =>
  /[0-9A-Fa-f]/.test(String.fromCharCode(byte)) ? 1 : 0,
);

/**
 * Whether gitleaks 8.30 might decode some of a run of base64's characters from `start` to `end` (`detect/codec`): true for everything that it decodes, and for a little more. It
 * decodes only what becomes printable ASCII.
 */
export function mayDecode(bytes: Buffer, start: number, end: number): boolean {
  if (end - start < 16) return false;
  // Mostly the first characters tell, unless a long run of hexadecimal digits is read before base64 is.
  if (!beginsPrintable(bytes, start) && !hasHexadecimalRun(bytes, start, end)) return false;
  // Two characters more: the padding of base64.
  const run = bytes.toString('latin1', start, Math.min(end + 2, bytes.length));
  for (const [, hexadecimal, base64 = ''] of run.matchAll(segments)) {
    if (hexadecimal === undefined) {
      if (/[0-9+/_-]/.test(base64) && isPrintable(Buffer.from(base64, 'base64'))) return true;
    } else if (hexadecimal.length % 2 === 0 && isPrintable(Buffer.from(hexadecimal, 'hex'))) return true;
  }
  return false;
}

/** Whether the first twelve characters are printable text in base64. */
function beginsPrintable(bytes: Uint8Array, start: number): boolean {
  for (let at = start; at < start + 12; at += 4) {
    const group =
      ((sextets[bytes[at] ?? 0] ?? 0) << 18) |
      ((sextets[bytes[at + 1] ?? 0] ?? 0) << 12) |
      ((sextets[bytes[at + 2] ?? 0] ?? 0) << 6) |
      (sextets[bytes[at + 3] ?? 0] ?? 0);
    if (!isText(group >> 16) || !isText((group >> 8) & 0xff) || !isText(group & 0xff)) return false;
  }
  return true;
}

function hasHexadecimalRun(bytes: Uint8Array, start: number, end: number): boolean {
  let run = 0;
  for (let at = start; at < end; at++) {
    run = hexadecimals[bytes[at] ?? 0] === 1 ? run + 1 : 0;
    if (run === 32) return true;
  }
  return false;
}

/** Whether a percent encoding or an escape of Unicode begins at `index`: `%41`, `\u0041`, `U+0041`. */
export function isEscape(bytes: Uint8Array, index: number): boolean {
  const second = bytes[index + 1] ?? 0;
  switch (bytes[index]) {
    case 0x25: // %
      return isHexadecimal(second) && isHexadecimal(bytes[index + 2]);
    case 0x5c: // \
      return (second | 0x20) === 0x75 && hasFourDigits(bytes, index + 2);
    case 0x55: // U
      return second === 0x2b && hasFourDigits(bytes, index + 2);
    default:
      return false;
  }
}

function hasFourDigits(bytes: Uint8Array, index: number): boolean {
  return [0, 1, 2, 3].every((offset) => isHexadecimal(bytes[index + offset]));
}

function isHexadecimal(byte = 0): boolean {
  return hexadecimals[byte] === 1;
}

function isText(byte: number): boolean {
  return byte > 8 && byte < 127;
}

function isPrintable(bytes: Uint8Array): boolean {
  return bytes.every(isText);
}
