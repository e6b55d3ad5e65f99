import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createReport } from '@zakenak/core';
import { renderSummary } from './publish.ts';

test('a summary stays below what GitHub drops, in bytes, whatever it is written in', () => {
  for (const [line, least] of [
    ['line\n', 850_000],
    ['ライン\n', 700_000],
  ] as const) {
    const markdown = line.repeat(Math.ceil(3_000_000 / line.length));
    const report = createReport({ tool: 'plan', sections: [{ title: 'plan', markdown }] });
    const bytes = Buffer.byteLength(renderSummary(report, (text) => text));
    assert.ok(bytes <= 1_000_000 && bytes >= least, `${bytes}`);
  }
});
