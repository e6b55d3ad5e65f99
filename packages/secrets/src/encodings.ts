const segments = /([0-9A-Fa-f]{32,})|([\w/+-]{16,}={0,2})/g;

/**
 * Whether gitleaks 8.30 might decode some of a run of base64's characters (`detect/codec`): true for everything that it decodes, and for a little more. It decodes only what
 * becomes printable ASCII.
 */
export function mayDecode(run: string): boolean {
  for (const [, hexadecimal, base64 = ''] of run.matchAll(segments)) {
    if (hexadecimal === undefined) {
      if (/[0-9+/_-]/.test(base64) && isPrintable(Buffer.from(base64, 'base64'))) return true;
    } else if (hexadecimal.length % 2 === 0 && isPrintable(Buffer.from(hexadecimal, 'hex'))) return true;
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
  return (byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);
}

function isPrintable(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte > 8 && byte < 127);
}
