#!/usr/bin/env node
/**
 * Writes the values table of every chart's README from the `# --` comments of its values.yaml.
 *
 *   node tools/chart-readme.mjs            write
 *   node tools/chart-readme.mjs --check    exit 1 when a README is out of date, for CI
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const charts = join(dirname(fileURLToPath(import.meta.url)), '..', 'helm-charts');
const markers = /(<!-- values -->\n)[\s\S]*(<!-- \/values -->)/;

/** The described keys of a values.yaml, in its order. A block's default is shown as the lines below its key. */
function describedKeys(text) {
  const lines = text.split('\n');
  const rows = [];
  const path = [];
  let description;
  for (const [index, line] of lines.entries()) {
    const comment = /^\s*# -- (.*)$/.exec(line);
    if (comment) {
      description = comment[1];
      continue;
    }
    const key = /^(\s*)([\w.-]+):\s*(.*)$/.exec(line);
    if (!key) continue;
    const depth = key[1].length / 2;
    path.length = depth;
    path.push(key[2]);
    if (description)
      rows.push({ key: path.join('.'), value: key[3] || block(lines, index, key[1].length), description });
    description = undefined;
  }
  return rows;
}

function block(lines, start, indent) {
  const body = [];
  for (const line of lines.slice(start + 1)) {
    if (line.trim() === '' || line.search(/\S/) <= indent) break;
    body.push(line.trim());
  }
  return body.join(' ');
}

function table(rows) {
  const cell = (text) => text.replaceAll('|', '\\|');
  const body = rows.map((row) => `| \`${row.key}\` | \`${cell(row.value)}\` | ${cell(row.description)} |`);
  return ['| Key | Default | What it does |', '| --- | --- | --- |', ...body].join('\n');
}

const check = process.argv.includes('--check');
let stale = 0;
for (const chart of readdirSync(charts)) {
  const readme = join(charts, chart, 'README.md');
  const before = readFileSync(readme, 'utf8');
  if (!markers.test(before)) throw new Error(`${readme} lacks the <!-- values --> markers`);
  const rows = describedKeys(readFileSync(join(charts, chart, 'values.yaml'), 'utf8'));
  const after = before.replace(markers, (_, open, close) => `${open}${table(rows)}\n${close}`);
  if (after === before) continue;
  stale += 1;
  if (check) console.error(`${readme} is out of date: run node tools/chart-readme.mjs`);
  else writeFileSync(readme, after);
}
if (check && stale > 0) process.exitCode = 1;
