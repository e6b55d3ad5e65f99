/** Text without meaning to HTML, in content and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/**
 * The Markdown that reports' sections are made of as HTML: fenced code, tables, lists, folded blocks, and paragraphs with code, bold text and
 * backslash escapes. Everything else, other HTML first of all, stays text.
 */
export function renderMarkup(markdown: string): string {
  const lines = markdown.split('\n');
  const blocks: string[] = [];
  for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
    const fence = /^(`{3,})(\w*)\s*$/.exec(line);
    const summary = /^<details><summary>(.*)<\/summary>$/.exec(line);
    if (summary) blocks.push(`<details open><summary>${renderInline(summary[1] ?? '')}</summary>`);
    else if (line === '</details>') blocks.push(line);
    else if (fence) blocks.push(renderFence(fence[1] ?? '```', lines));
    else if (line.startsWith('|')) blocks.push(renderTable([line, ...takeWhile(lines, /^\|/)]));
    else if (/^[-*] /.test(line)) blocks.push(renderList([line, ...takeWhile(lines, /^(?:[-*] | {2,}\S)/)]));
    else if (line.trim() !== '')
      blocks.push(renderText([line, ...takeWhile(lines, /^(?!```|\||[-*] |<\/?details)\s*\S/)]));
  }
  return blocks.join('\n');
}

function renderFence(fence: string, lines: string[]): string {
  const body: string[] = [];
  for (let line = lines.shift(); line !== undefined && !line.startsWith(fence); line = lines.shift())
    body.push(line);
  return `<pre>${escapeHtml(body.join('\n'))}</pre>`;
}

function renderTable(rows: readonly string[]): string {
  const cells = rows
    .filter((row) => !/^\|[\s|:-]+\|$/.test(row))
    .map((row) => row.replace(/^\||\|\s*$/g, '').split(/(?<!\\)\|/));
  const tag = (index: number) => (index === 0 ? 'th' : 'td');
  const html = cells.map(
    (row, index) =>
      `<tr>${row.map((cell) => `<${tag(index)}>${renderInline(cell.trim())}</${tag(index)}>`).join('')}</tr>`,
  );
  return `<table>${html.join('')}</table>`;
}

function renderList(lines: readonly string[]): string {
  const items = lines
    .join('\n')
    .split(/^[-*] /m)
    .slice(1);
  return `<ul>${items.map((item) => `<li>${renderInline(item.trim())}</li>`).join('')}</ul>`;
}

function renderText(lines: readonly string[]): string {
  const heading = /^#{1,6} (.*)$/.exec(lines[0] ?? '');
  if (!heading) return `<p>${renderInline(lines.join('\n'))}</p>`;
  const rest = lines.slice(1).join('\n');
  return `<h4>${renderInline(heading[1] ?? '')}</h4>${rest ? `<p>${renderInline(rest)}</p>` : ''}`;
}

function renderInline(text: string): string {
  // Code first: inside it nothing else has a meaning.
  return text
    .split(/(`+[^`]+`+)/)
    .map((piece, index) =>
      index % 2 === 1
        ? `<code>${escapeHtml(piece.replace(/^`+ ?| ?`+$/g, '').replaceAll('\\|', '|'))}</code>`
        : escapeHtml(unescapeMarkdown(piece)).replace(/\*\*([^*]+)\*\*/g, '<strong>$1</strong>'),
    )
    .join('');
}

/** Undoes core's `escapeMarkdown`, so that escaping for HTML starts from the text. */
function unescapeMarkdown(text: string): string {
  return text
    .replace(/<br>/g, '\n')
    .replace(/\\([\\`*_{}[\]#|~@!<>])/g, '$1')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

function takeWhile(lines: string[], pattern: RegExp): readonly string[] {
  const end = lines.findIndex((line) => !pattern.test(line));
  return lines.splice(0, end < 0 ? lines.length : end);
}
