/** Text that GitHub Actions reads as data inside a workflow command. */
export function escapeCommandData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

/** Text that GitHub Actions reads as one property's value inside a workflow command. */
export function escapeCommandProperty(text: string): string {
  return escapeCommandData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

/** Text that Azure's agent reads as data inside a logging command (microsoft/azure-pipelines-agent, Command.cs: `%AZP25` is its percent sign). */
export function escapeAzureData(text: string): string {
  return text.replaceAll('%', '%AZP25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

/** Text that Azure's agent reads as one property's value inside a logging command. */
export function escapeAzureProperty(text: string): string {
  return escapeAzureData(text).replaceAll(';', '%3B').replaceAll(']', '%5D');
}

/** Text without meaning to Markdown or HTML, on one line: fit for a table cell. */
export function escapeMarkdown(text: string): string {
  return text
    .replace(/[\r\n]+/g, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(/([\\`*_{}[\]#|~@!])/g, '\\$1');
}

/** Inline code in Markdown, whatever backticks the text has. */
export function inlineCode(text: string): string {
  const flat = text.replace(/[\r\n]+/g, ' ').replaceAll('|', '\\|');
  const longest = Math.max(0, ...[...flat.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return longest === 0 ? `${fence}${flat}${fence}` : `${fence} ${flat} ${fence}`;
}

/** Text inside XML; characters that XML 1.0 cannot hold are dropped. */
export function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/**
 * Text that cannot move the cursor, colour or clear a terminal, nor show itself in another order than it has: control characters, those of the writing direction too (Unicode TR 9), are
 * shown as escapes.
 */
export function escapeTerminal(text: string): string {
  return text
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, (character) => escapeOf('x', 2, character))
    .replace(/[\u202a-\u202e\u2066-\u2069]/g, (character) => escapeOf('u', 4, character));
}

function escapeOf(sign: string, digits: number, character: string): string {
  return `\\${sign}${character.charCodeAt(0).toString(16).padStart(digits, '0')}`;
}

/** Control characters as escapes, and on one line: fit for a path or a name that somebody else chose. */
export function escapeTerminalLine(text: string): string {
  return escapeTerminal(text).replaceAll('\n', '\\n');
}

/**
 * Log text in which no CI host finds a command. GitHub's runner reads `::name::` at the start of a line, blanks before it not counting, and `##[name]`
 * anywhere in one (actions/runner, ActionCommand.cs); Azure's reads `##vso[`.
 */
export function neutralizeCommands(text: string): string {
  // Blanks of its own line only: a search over the lines above would be made again for each of them.
  return text
    .replace(/^((?:[^\S\r\n\u2028\u2029]|\u0085)*):(?=:)/gm, '$1\\x3a')
    .replace(/##(?=\[|vso\[)/g, '#\\x23');
}
