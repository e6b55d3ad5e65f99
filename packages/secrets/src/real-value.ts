const placeholder =
  /change[-_ ]?me|example|placeholder|replace|redacted|dummy|sample|insert|todo|fixme|your[-_ ]|not[-_ ]?(a[-_ ])?(real|secret)|^(my|the|test|some)?[-_]?(password|passwd|secret|token|key|admin|default|none|null|true|false|string)[-_0-9]*$|x{4,}|\*{3,}|\.{3}|1234567/i;

/**
 * Whether a text is a credential somebody uses, by its look: eight characters or more without spaces, of two kinds at least, varied, and no template, reference,
 * ciphertext, path, plain address, resource name or placeholder.
 */
export function looksReal(text: string): boolean {
  const value = text.trim();
  if (value.length < 8 || value.length > 8192 || /\s/.test(value)) return false;
  if (/\{\{|\$[{(]|^\$\w|^<.*>$|^%|^ENC\[|^vault:|^[&*!]/i.test(value) || placeholder.test(value))
    return false;
  if (/^[a-z][a-z0-9+.-]*:\/\/(?![^/@\s]+:[^/@\s]+@)/i.test(value) || /^[./~]/.test(value)) return false;
  // Names of resources and keys: words joined by dashes, dots, slashes or underscores.
  if (/^[A-Za-z]+([-._/:][A-Za-z]+|[-._/:]v?\d{1,3})*$/.test(value) && entropy(value) < 4) return false;
  const kinds = [/[a-z]/, /[A-Z]/, /[0-9]/, /[^A-Za-z0-9]/].filter((kind) => kind.test(value)).length;
  return kinds >= 2 && entropy(value) >= 2;
}

/** Shannon's, in bits a character. */
function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  return [...counts.values()].reduce(
    (sum, count) => sum - (count / text.length) * Math.log2(count / text.length),
    0,
  );
}
