import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createErrorReport, createReport, ZakenakError } from '@zakenak/core';
import { asksForDetail, exitCodeFor } from './exit-code.ts';

const plan = (changes: boolean) => createReport({ tool: 'plan', outputs: { 'has-changes': changes } });
const failed = (exitCode: 2 | 4) =>
  createErrorReport('plan', new ZakenakError({ code: 'a/b', message: 'm', remedy: 'r', exitCode }));

test('asked for detail, 2 says that changes are pending and nothing else does', () => {
  const codes = [plan(false), plan(true), failed(2), failed(4)].map((report) => [
    exitCodeFor(report, false),
    exitCodeFor(report, true),
  ]);
  assert.deepEqual(codes, [
    [0, 0],
    [0, 2],
    [2, 1],
    [4, 4],
  ]);
});

test('detail is known to be asked for where the command line cannot be read', () => {
  assert.equal(asksForDetail(['plan', '--no-such-flag', '--detailed-exitcode']), true);
  assert.equal(asksForDetail(['plan', '--detailed-exitcode=false']), false);
});
