import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseChange } from './change.ts';
import { prependSection, readSection, renderNotes } from './changelog.ts';

const change = (digit: string, message: string) => parseChange(digit.repeat(40), message);
const section = { version: '1.1.0', date: '2026-11-24', notes: '### Added\n\n- x (aaaaaaa)' };

test('notes are grouped, breaking changes first, with scope and short object id', () => {
  const notes = renderNotes([
    change('a', 'fix(api): stop leaking'),
    change('b', 'feat: lists\n\nBREAKING CHANGE: pages are gone'),
    change('c', 'docs: no'),
    change('d', 'perf: faster'),
  ]);
  assert.equal(
    notes,
    [
      '### Breaking changes\n\n- pages are gone (bbbbbbb)',
      '### Added\n\n- lists (bbbbbbb)',
      '### Changed\n\n- faster (ddddddd)',
      '### Fixed\n\n- **api:** stop leaking (aaaaaaa)',
    ].join('\n\n'),
  );
});

test('HTML in a commit message is not HTML in the notes, code spans stay as they are', () => {
  const notes = renderNotes([change('a', 'fix: drop <img src=x> and keep `Array<T>`')]);
  assert.match(notes, /&lt;img src=x> and keep `Array<T>`/);
});

test('a new changelog gets a title, an old one keeps its own and its unreleased part on top', () => {
  const fresh = prependSection(undefined, section);
  assert.match(fresh, /^# Changelog\n/);
  assert.equal(readSection(fresh, '1.1.0'), section.notes);
  const old = '# Changes\n\n## [Unreleased]\n\n- soon\n\n## [1.0.0] - 2026-01-01\n\n- first\n';
  const text = prependSection(old, section);
  assert.equal(
    text,
    '# Changes\n\n## [Unreleased]\n\n- soon\n\n## [1.1.0] - 2026-11-24\n\n### Added\n\n- x (aaaaaaa)\n\n## [1.0.0] - 2026-01-01\n\n- first\n',
  );
});

test('prepending twice changes nothing, and a section written by hand is kept', () => {
  const once = prependSection(undefined, section);
  assert.equal(prependSection(once, { ...section, notes: 'other' }), once);
  const byHand = '# Changes\n\n## 1.1.0\n\nWritten with care.\n';
  assert.equal(prependSection(byHand, section), byHand);
  assert.equal(readSection(byHand, '1.1.0'), 'Written with care.');
});

test('Windows line ends are kept', () => {
  const text = prependSection('# Changes\r\n\r\n## 1.0.0\r\n\r\n- first\r\n', section);
  assert.equal(text.replaceAll('\r\n', '').includes('\n'), false);
  assert.equal(readSection(text, '1.1.0'), section.notes);
});
