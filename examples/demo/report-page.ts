import { escapeMarkdown, type Finding, type Report, renderMarkdown } from '@zakenak/core';
import { escapeHtml, renderMarkup } from './markup.ts';
import { type Chapter, type Entry, seconds } from './screen.ts';

/** What the closing report says besides the chapters. */
export interface Closing {
  readonly real: readonly string[];
  readonly simulated: readonly string[];
  readonly leftOut: readonly string[];
}

/** The whole story as GitHub-flavoured Markdown. */
export function renderMarkdownPage(chapters: readonly Chapter[], closing: Closing): string {
  const list = (title: string, items: readonly string[]) =>
    `**${title}**\n\n${items.map((item) => `- ${escapeMarkdown(item)}`).join('\n')}`;
  return `${[
    '# Zakenak: the demo’s report',
    list('Real', closing.real),
    list('Simulated', closing.simulated),
    list('Left out', closing.leftOut),
    [
      '| stage | seconds |',
      '| --- | --: |',
      ...chapters.map(({ title, durationMs }) => `| ${escapeMarkdown(title)} | ${seconds(durationMs)} |`),
    ].join('\n'),
    ...chapters.flatMap(({ title, entries }) => [
      `# ${escapeMarkdown(title)}`,
      ...entries.map(renderMarkdownEntry),
    ]),
  ].join('\n\n')}\n`;
}

function renderMarkdownEntry(entry: Entry): string {
  switch (entry.kind) {
    case 'sentence':
      return escapeMarkdown(entry.text);
    case 'command':
      return fence(`$ ${entry.text}\n(exit ${entry.exitCode} after ${seconds(entry.durationMs)} s)`);
    case 'output':
      return `${escapeMarkdown(entry.title)}\n\n${fence(entry.text.trimEnd())}`;
    case 'report':
      return renderMarkdown(entry.report, { maxLength: Number.MAX_SAFE_INTEGER }).trimEnd();
  }
}

function fence(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  return `${'`'.repeat(longest + 1)}\n${text}\n${'`'.repeat(longest + 1)}`;
}

const style = `
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #1c2430; }
pre, code { font: 13px/1.45 ui-monospace, monospace; background: #f3f5f8; border-radius: 4px; }
pre { padding: .7rem 1rem; overflow-x: auto; } code { padding: .1em .3em; }
table { border-collapse: collapse; margin: .6rem 0; } td, th { border: 1px solid #d5dae1; padding: .3rem .6rem; text-align: left; vertical-align: top; }
td { white-space: pre-line; } section { border-left: 3px solid #d5dae1; padding-left: 1rem; margin: 1rem 0; }
.passed { color: #1a7f37; } .failed, .errored { color: #cf222e; } .simulated { color: #0969da; } .rolled-back { color: #9a6700; } .skipped { color: #6e7781; }
`;

/** The whole story as one HTML file that loads nothing. Everything that came from outside is text in it. */
export function renderHtmlPage(chapters: readonly Chapter[], closing: Closing): string {
  const list = (items: readonly string[]) =>
    `<ul>${items.map((item) => `<li>${escapeHtml(item)}</li>`).join('')}</ul>`;
  const rows = chapters.map(
    ({ title, durationMs }, index) =>
      `<tr><td><a href="#c${index}">${escapeHtml(title)}</a></td><td>${seconds(durationMs)} s</td></tr>`,
  );
  const body = chapters.map(
    ({ title, entries }, index) =>
      `<h2 id="c${index}">${escapeHtml(title)}</h2>\n${entries.map(renderHtmlEntry).join('\n')}`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Zakenak: the demo’s report</title>
<style>${style}</style>
</head>
<body>
<h1>Zakenak: the demo’s report</h1>
<h3>Real</h3>${list(closing.real)}
<h3>Simulated</h3>${list(closing.simulated)}
<h3>Left out</h3>${list(closing.leftOut)}
<table>${rows.join('')}</table>
${body.join('\n')}
</body>
</html>
`;
}

function renderHtmlEntry(entry: Entry): string {
  switch (entry.kind) {
    case 'sentence':
      return `<p>${escapeHtml(entry.text)}</p>`;
    case 'command':
      return `<pre>$ ${escapeHtml(entry.text)}\n(exit ${entry.exitCode} after ${seconds(entry.durationMs)} s)</pre>`;
    case 'output':
      return `<p>${escapeHtml(entry.title)}</p><pre>${escapeHtml(entry.text.trimEnd())}</pre>`;
    case 'report':
      return renderHtmlReport(entry.report);
  }
}

function renderHtmlReport(report: Report): string {
  const { tool, verdict, summary, error, caveats, findings, sections, parts } = report;
  const remedy = error ? `<p><code>${escapeHtml(error.code)}</code> ${escapeHtml(error.remedy)}</p>` : '';
  return `<section>
<p><strong>${escapeHtml(tool)}</strong> <strong class="${escapeHtml(verdict)}">${escapeHtml(verdict)}</strong> ${escapeHtml(summary)}</p>
${remedy}${caveats.map((caveat) => `<p>! ${escapeHtml(caveat)}</p>`).join('')}${findings.length ? renderFindings(findings) : ''}
${sections.map(({ title, markdown }) => `<details open><summary>${escapeHtml(title)}</summary>${renderMarkup(markdown)}</details>`).join('\n')}
${parts.map(renderHtmlReport).join('\n')}
</section>`;
}

function renderFindings(findings: readonly Finding[]): string {
  const rows = findings.map(({ severity, location, ruleId, message, remedy }) => {
    const place = location ? `${location.path}${location.startLine ? `:${location.startLine}` : ''}` : '';
    const cells = [severity, place, ruleId, remedy ? `${message}\n→ ${remedy}` : message];
    return `<tr>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')}</tr>`;
  });
  return `<table><tr><th>severity</th><th>where</th><th>rule</th><th>what</th></tr>${rows.join('')}</table>`;
}
