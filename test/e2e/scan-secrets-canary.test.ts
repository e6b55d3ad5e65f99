import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { cacheFolder, reportOf, runCli } from './cli-fixture.ts';
import { makeRepository, makeToken } from './secrets-fixture.ts';

test('the command tells of secrets, and no byte that it writes anywhere holds one, as it stands or encoded', async (t) => {
  const { commit, root } = await makeRepository(t);
  const token = makeToken();
  const password = `K${randomBytes(4).toString('hex')}`;
  const canaries = [token.slice(6), password].flatMap((text) => {
    const bytes = Buffer.from(text);
    return [text, bytes.toString('base64').slice(0, 11), bytes.toString('hex'), encodeURIComponent(text)];
  });
  await commit({ 'a.env': `t=${token}\n`, 'values.yaml': `password: ${password}\n` });
  const outside = mkdtempSync(join(tmpdir(), 'zakenak-secrets-canary-'));
  t.after(() => rmSync(outside, { recursive: true, force: true }));
  const cache = join(outside, 'cache');
  mkdirSync(cache);
  if (existsSync(join(cacheFolder, 'tools'))) symlinkSync(join(cacheFolder, 'tools'), join(cache, 'tools'));
  for (const more of [['--json'], ['--update-baseline']]) {
    const args = ['secrets', '--scope', 'history', '--output-dir', 'out', '--directory', root, ...more];
    const outcome = await runCli(args, { env: { ZAKENAK_CACHE_DIR: cache, ZAKENAK_DEBUG: '1' } });
    if (more[0] === '--json') assert.equal(reportOf(outcome).outputs['leaks-count'], 2);
    assert.deepEqual(outcome.leftovers, []);
    assertNone(outcome.stdout + outcome.stderr, 'the log');
  }
  const written = [
    ...filesOf(cache),
    ...filesOf(join(root, 'out')),
    join(root, '.zakenak/secrets-baseline.json'),
  ];
  assert.ok(written.some((path) => path.endsWith('.sarif')));
  for (const path of written) assertNone(readFileSync(path, 'latin1'), path);

  function assertNone(text: string, where: string) {
    for (const [index, canary] of canaries.entries())
      assert.equal(text.includes(canary), false, `canary ${index} in ${where}`);
  }
});

/** Files below a folder; what a link points to was not written by the run. */
function filesOf(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesOf(path) : entry.isFile() ? [path] : [];
  });
}
