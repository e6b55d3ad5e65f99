/** An address with A to Z in lower case. Only these: Unicode also folds letters of other alphabets onto them (the sign of Kelvin onto k), which are other mailboxes. */
export function foldCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
