import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIgnoreRules } from './ignore-rules.ts';

const ignored = (rules: string, path: string, isFolder = false) =>
  parseIgnoreRules('web', rules)(path, isFolder);

test('the rules are those of helm’s own tests', () => {
  for (const [rules, path, isFolder, wanted] of [
    ['helm.txt', 'helm.txt', false, true],
    ['helm.*', 'helm.txt', false, true],
    ['helm.*', 'rudder.txt', false, false],
    ['*.txt', 'tiller.txt', false, true],
    ['cargo', 'cargo', true, true],
    ['cargo/', 'cargo', true, true],
    ['cargo/', 'mast', true, false],
    ['cargo/a.txt', 'cargo/a.txt', false, true],
    ['/a.txt', 'a.txt', false, true],
    ['/a.txt', 'cargo/a.txt', false, false],
    ['cargo/*.txt', 'cargo/a.txt', false, true],
    ['cargo/*.*', 'mast/a.txt', false, false],
    ['ru[c-e]?er.txt', 'rudder.txt', false, true],
    ['templates/.?*', 'templates/.dotfile', false, true],
    ['.*', '.joonix', false, true],
    ['!helm.txt', 'tiller.txt', false, true],
    ['!helm.txt', 'helm.txt', false, false],
    ['! helm.txt', 'tiller.txt', false, true],
    ['*.txt\n!a.txt', 'a.txt', false, true],
    ['', 'templates/.swp', false, true],
    ['', 'templates/deep/.swp', false, false],
    ['cargo/', 'cargo/deep/a.txt', false, true],
  ] as const)
    assert.equal(ignored(rules, path, isFolder), wanted, `${rules} on ${path}`);
});

test('what helm refuses is refused', () => {
  for (const rules of ['**/a', 'a[', 'a\\', '[]a]', 'a[^'])
    assert.throws(() => parseIgnoreRules('web', rules), { code: 'helm/bad-chart' }, rules);
});

test('no pattern takes long', () => {
  const started = performance.now();
  for (const pattern of ['*a'.repeat(100), '*?'.repeat(100), '[a-z]*'.repeat(60), '?*'.repeat(100)])
    ignored(`${pattern}b\n`, 'a'.repeat(250));
  assert.ok(performance.now() - started < 500);
});
