import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFinding, createReport } from '@zakenak/core';
import { renderMarkup } from '../../examples/demo/markup.ts';
import { renderHtmlPage, renderMarkdownPage } from '../../examples/demo/report-page.ts';

const hostile =
  '<script>alert(1)</script>"\'><img src=x onerror=alert(2)> [x](javascript:alert(3)) `<b>` | </pre></details>';

const report = createReport({
  tool: 'tool',
  summary: hostile,
  caveats: [hostile],
  findings: [
    createFinding({
      ruleId: 'a/b',
      severity: 'high',
      message: hostile,
      remedy: hostile,
      location: { path: hostile, startLine: 3 },
      tool: 'test',
    }),
  ],
  sections: [
    {
      title: hostile,
      markdown: `${hostile}\n\n| a | b |\n| --- | --- |\n| ${hostile} | c |\n\n- ${hostile}\n\n# ${hostile}\n\n\`\`\`diff\n${hostile}\n\`\`\`\n\n<details><summary>${hostile}</summary>\n\n${hostile}\n\n</details>`,
    },
  ],
  parts: [createReport({ tool: 'part', summary: hostile })],
});
const chapters = [
  {
    title: hostile,
    durationMs: 1_234,
    entries: [
      { kind: 'sentence', text: hostile },
      { kind: 'command', text: hostile, durationMs: 1, exitCode: 1 },
      { kind: 'output', title: hostile, text: `\`\`\`\n${hostile}` },
      { kind: 'report', report },
    ],
  },
] as const;
const closing = { real: [hostile], simulated: [hostile], leftOut: [hostile] };

test('whatever a report holds, the HTML page holds no element, attribute or address of its making, and its tags are balanced', () => {
  const page = renderHtmlPage(chapters, closing);
  const allowed =
    /^\/?(?:html|head|meta|title|style|body|h[1-4]|ul|li|table|tr|t[dh]|a|p|pre|code|strong|section|details|summary)$/;
  const open: string[] = [];
  for (const [, name = '', attributes = ''] of page.matchAll(/<(\/?[a-z][a-z0-9]*)([^>]*)>/gi)) {
    assert.match(name, allowed);
    assert.doesNotMatch(attributes, /\son|src=|javascript:/i);
    if (name === 'meta') continue;
    if (name.startsWith('/')) assert.equal(open.pop(), name.slice(1));
    else open.push(name);
  }
  assert.deepEqual(open, []);
  assert.ok(page.includes('&lt;script&gt;alert(1)&lt;/script&gt;'));
});

test('the HTML page loads nothing', () => {
  const page = renderHtmlPage(chapters, closing);
  assert.match(page, /default-src 'none'/);
  assert.doesNotMatch(page, /<(?:link|script|img|iframe)\b/);
});

test('fences, tables, lists and folded blocks of a section keep their shape', () => {
  const html = renderMarkup(
    'One `a|b` **bold**.\n\n| h | i |\n| --- | --- |\n| `x \\| y` | 2 |\n\n```mermaid\nflowchart LR\n  a --> b\n```\n\n- one\n- two\n\n<details><summary>more</summary>\n\ninside\n\n</details>',
  );
  assert.equal(
    html,
    [
      '<p>One <code>a|b</code> <strong>bold</strong>.</p>',
      '<table><tr><th>h</th><th>i</th></tr><tr><td><code>x | y</code></td><td>2</td></tr></table>',
      '<pre>flowchart LR\n  a --&gt; b</pre>',
      '<ul><li>one</li><li>two</li></ul>',
      '<details open><summary>more</summary>',
      '<p>inside</p>',
      '</details>',
    ].join('\n'),
  );
});

test('a program’s output cannot leave its fence in the Markdown page', () => {
  const page = renderMarkdownPage(chapters, closing);
  assert.match(page, /^````\n```\n<script>/m);
  const outside = page.replace(/^(`{3,})\n[\s\S]*?^\1$/gm, '').replace(/`+[^`]+`+/g, '');
  const sections = /<details><summary>[\s\S]*<\/details>/;
  assert.doesNotMatch(outside.replace(sections, ''), /<script|<img|(?<!\\)\]\(javascript/);
});
