/** The first `most` of some names as words, and how many more there are: `a, b and 3 more`. */
export function firstFew(names: readonly string[], most: number, separator = ', '): string {
  const rest = names.length - most;
  return `${names.slice(0, most).join(separator)}${rest > 0 ? ` and ${rest} more` : ''}`;
}
