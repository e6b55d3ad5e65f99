import { inlineCode, type Section } from '@zakenak/core';

/** A table for a terminal and as Markdown. Cells are data: Markdown shows them as code. */
export function tableSection(
  title: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): Section {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const text = all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const markdown = [
    `| ${head.join(' | ')} |`,
    `| ${head.map(() => '---').join(' | ')} |`,
    ...rows.map((row) => `| ${row.map((cell) => (cell ? inlineCode(cell) : '')).join(' | ')} |`),
  ];
  return { title, markdown: markdown.join('\n'), text: text.join('\n') };
}
