import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Command } from '@zakenak/core';
import { scanSecrets } from '@zakenak/secrets';
import { makeRepository, makeToken } from './secrets-fixture.ts';

test('a history scanned in pieces, each remembered, gives the report of one pass, and no secret is remembered', async (t) => {
  const { commit, git, ports, request, write } = await makeRepository(t);
  const cacheFolder = await mkdtemp(join(tmpdir(), 'zakenak-clean-test-'));
  t.after(() => rm(cacheFolder, { recursive: true, force: true }));
  const tokens: string[] = [];
  for (let index = 0; index < 12; index++) {
    const token = makeToken();
    const leaky = index % 4 === 1;
    if (leaky) tokens.push(token);
    await commit({ [`f${index % 5}.env`]: leaky ? `t=${token}\n` : `line ${index}\n` });
  }
  git('switch', '-qc', 'side', 'HEAD~3');
  await commit({ 'm.env': 'side\n' });
  git('switch', '-q', 'main');
  await commit({ 'm.env': 'main\n' });
  assert.throws(() => git('merge', '-q', 'side'));
  const merged = makeToken();
  tokens.push(merged);
  await write({ 'm.env': `t=${merged}\n` });
  git('add', '-A');
  git('commit', '-qm', 'merge');
  const history = { scope: 'history' };
  const onePass = await scanSecrets(request(history), ports);
  assert.equal(onePass.outputs['leaks-count'], tokens.length);
  const cuts = [randomInt(1, 6), randomInt(6, 12)];
  for (const head of [...cuts.reverse().map((back) => `HEAD~${back}`), 'HEAD'])
    await scanSecrets(
      request({ head, base: git('rev-list', '--max-parents=0', 'HEAD') }, { cacheFolder }),
      ports,
    );
  for (const round of ['what the pieces left', 'all remembered']) {
    const report = await scanSecrets(request(history, { cacheFolder }), ports);
    assert.deepEqual({ ...report, timings: [] }, { ...onePass, timings: [] }, `${round}, cut at ${cuts}`);
  }
  const names = await readdir(cacheFolder);
  const kept = await Promise.all(names.map((name) => readFile(join(cacheFolder, name), 'utf8')));
  assert.match(kept.join(''), /^([0-9a-f]{40}\n)+$/);
  assert.equal(kept.join('').split('\n').length - 1, 15 - tokens.length);
});

test('a remembered commit is not scanned again, and is after the configuration changed', async (t) => {
  const { commit, ports, request, write } = await makeRepository(t);
  const cacheFolder = await mkdtemp(join(tmpdir(), 'zakenak-clean-test-'));
  t.after(() => rm(cacheFolder, { recursive: true, force: true }));
  await commit({ a: 'see house-123456\n' });
  const scans: string[] = [];
  const process = {
    run: (command: Command, signal?: AbortSignal) => {
      if (command.program === 'gitleaks' && command.args[0] === 'git') scans.push('scan');
      return ports.process.run(command, signal);
    },
  };
  const scan = (version = '1.0.0') =>
    scanSecrets(request({ scope: 'history' }, { cacheFolder, version }), { ...ports, process });
  assert.equal((await scan()).verdict, 'passed');
  assert.equal((await scan()).verdict, 'passed');
  assert.equal(scans.length, 1);
  assert.equal((await scan('1.0.1')).verdict, 'passed');
  assert.equal(scans.length, 2, 'another version may judge otherwise');
  await write({
    '.gitleaks.toml': '[[rules]]\nid = "house"\ndescription = "House."\nregex = "house-[0-9]{6}"\n',
  });
  assert.equal((await scan()).verdict, 'failed');
  assert.equal((await scan()).verdict, 'failed');
  assert.equal(scans.length, 4);
});
