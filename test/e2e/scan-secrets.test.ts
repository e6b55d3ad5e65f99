import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Command, exitCodeOf } from '@zakenak/core';
import { fakeProcess } from '@zakenak/core/testing';
import { createGit } from '@zakenak/git';
import { createProcessRunner } from '@zakenak/machine';
import { scanSecrets } from '@zakenak/secrets';
import { makeRepository, makeToken } from './secrets-fixture.ts';

const lines = (findings: Awaited<ReturnType<typeof scanSecrets>>['findings']) =>
  findings.map(({ ruleId, location }) => `${ruleId} ${location?.path}:${location?.startLine}`);

test('a leaked token is found at its line in the head, and appears nowhere', async (t) => {
  const { commit, git, ports, request } = await makeRepository(t);
  const token = makeToken();
  await commit({ 'README.md': 'hello\n' });
  git('switch', '-qc', 'topic');
  await commit({ 'config/app.env': `TOKEN=${token}\n` });
  await commit({ 'config/app.env': `# one\n# two\nTOKEN=${token}\n` });
  const report = await scanSecrets(request(), ports);
  assert.equal(report.verdict, 'failed');
  assert.deepEqual(lines(report.findings), ['secret/github-pat config/app.env:3']);
  assert.equal(report.findings[0]?.location?.commit, undefined);
  assert.deepEqual([report.outputs['commits-scanned'], report.outputs['leaks-count']], [2, 1]);
  const written = JSON.stringify([report, ports.log.lines, ports.progress]);
  assert.equal(written.includes(token.slice(5, 20)), false);
  assert.equal(ports.redactor.redact(`x ${token}`), 'x ***');
});

test('only the range counts, and a secret that was taken out again is still in the history', async (t) => {
  const { commit, git, ports, request } = await makeRepository(t);
  await commit({ old: `t=${makeToken()}\n` });
  git('switch', '-qc', 'topic');
  const bad = await commit({ new: `\nt=${makeToken()}\n` });
  await commit({ new: 'nothing\n' });
  const report = await scanSecrets(request(), ports);
  assert.deepEqual(lines(report.findings), ['secret/github-pat new:2']);
  assert.equal(report.findings[0]?.location?.commit, bad);
  const tree = await scanSecrets(request({ scope: 'tree' }), ports);
  assert.deepEqual(lines(tree.findings), ['secret/github-pat old:1']);
  const history = await scanSecrets(request({ scope: 'history' }), ports);
  assert.equal(history.outputs['leaks-count'], 2);
  assert.equal(history.outputs['commits-scanned'], 3);
});

test('what a merge commit adds itself is found, what it brings from its parents is not', async (t) => {
  const { commit, git, ports, request, write } = await makeRepository(t);
  await commit({ a: '1\n', b: '1\n' });
  git('switch', '-qc', 'topic');
  await commit({ b: 'topic\n', 'c "d': 'x\n' });
  git('switch', '-q', 'main');
  await commit({ a: `main=${makeToken()}\n`, b: 'main\n' });
  git('switch', '-q', 'topic');
  assert.throws(() => git('merge', '-q', 'main'));
  await write({ b: `both\nt=${makeToken()}\n`, 'c "d': `x\n\nt=${makeToken()}\n` });
  git('add', '-A');
  git('commit', '-qm', 'merge');
  const merge = git('rev-parse', 'HEAD');
  const report = await scanSecrets(request(), ports);
  // Only what differs from every parent is the merge's own; `c "d` differs from both.
  assert.deepEqual(lines(report.findings), ['secret/github-pat b:2', 'secret/github-pat c "d:3']);
  assert.ok(report.findings[0]?.message.includes(merge.slice(0, 12)));
});

test('no attribute of the change hides a file, and no policy file of the change counts', async (t) => {
  const { commit, git, ports, request } = await makeRepository(t);
  const base = await commit({ a: '1\n' });
  git('switch', '-qc', 'topic');
  const first = await commit({ '.gitattributes': '* -diff binary\n', 'a.env': `t=${makeToken()}\n` });
  await commit({
    '.gitleaks.toml': '[allowlist]\npaths = [".*"]\n',
    '.gitleaksignore': `${first}:a.env:github-pat:1\na.env:github-pat:1\n`,
  });
  const report = await scanSecrets(request({}, { policyRevision: base }), ports);
  assert.deepEqual(lines(report.findings), ['secret/github-pat a.env:1']);
  assert.equal(report.caveats.length, 2);
  const own = await scanSecrets(request(), ports);
  assert.deepEqual(lines(own.findings), []);
});

test('the baseline knows a secret by rule and hash wherever it moves, and new ones still fail', async (t) => {
  const { commit, git, ports, request, root } = await makeRepository(t);
  const token = makeToken();
  await commit({ a: 'a\n' });
  git('switch', '-qc', 'topic');
  await commit({ a: `t=${token}\n` });
  const updated = await scanSecrets(request({ 'update-baseline': 'true' }), ports);
  assert.equal(updated.verdict, 'passed');
  const text = await readFile(join(root, '.zakenak/secrets-baseline.json'), 'utf8');
  assert.equal(text.includes(token), false);
  assert.equal(text.includes(Buffer.from(token).toString('base64')), false);
  await commit({ a: '\n', moved: `\n\nt=${token}\n` });
  const moved = await scanSecrets(request(), ports);
  assert.deepEqual(
    [moved.verdict, moved.outputs['leaks-count'], moved.outputs['new-count']],
    ['passed', 2, 0],
  );
  assert.deepEqual(new Set(moved.findings.map(({ severity }) => severity)), new Set(['info']));
  assert.equal((await scanSecrets(request({ 'fail-on': 'any' }), ports)).verdict, 'failed');
  await commit({ other: `t=${makeToken()}\n` });
  const fresh = await scanSecrets(request(), ports);
  assert.deepEqual([exitCodeOf(fresh), fresh.outputs['new-count']], [1, 1]);
});

test('allow comments, excluded paths, an extended configuration and odd names are honoured', async (t) => {
  const { commit, git, ports, request } = await makeRepository(t);
  await commit({ a: 'a\n' });
  git('switch', '-qc', 'topic');
  await commit({
    'allowed.env': `t=${makeToken()} # gitleaks:allow\n`,
    'docs/x.env': `t=${makeToken()}\n`,
    '-odd\n::error::"näme.env': `t=${makeToken()}\n`,
    '.gitleaks.toml': '[extend]\npath = "policy/base.toml"\n',
    'policy/base.toml':
      '[extend]\nuseDefault = true\n[[rules]]\nid = "house"\ndescription = "House token."\nregex = "house-[0-9]{6}"\n',
    'house.txt': `see house-${String(process.pid).padStart(6, '0').slice(0, 6)}\n`,
  });
  const report = await scanSecrets(request({ exclude: 'docs/**' }), ports);
  assert.deepEqual(lines(report.findings), [
    'secret/github-pat -odd\n::error::"näme.env:1',
    'secret/house house.txt:1',
  ]);
});

test('a name that gitleaks cannot read hides neither its file nor the commits before it', async (t) => {
  const { commit, git, ports, request } = await makeRepository(t);
  const base = await commit({ 'a\\': '-- /dev/null\nx\n1\n2\ny\n', 'b\\': 'b\n', z: 'z\n' });
  git('switch', '-qc', 'topic');
  const secret = `t=${makeToken()}\n`;
  await commit({ older: secret });
  // Read as a new file that had lines before, this ends gitleaks' reading without a word.
  await commit({ 'a\\': '++ b/x\nx\n1\n2\nz\n', z: secret });
  git('rm', '-q', 'b\\');
  await commit({ 'd/\\': secret, 'c\\\\': `\n${secret}` });
  const report = await scanSecrets(request({ base }), ports);
  assert.deepEqual(lines(report.findings), [
    'secret/github-pat c\\\\:2',
    'secret/github-pat d/\\:1',
    'secret/github-pat older:1',
    'secret/github-pat z:1',
  ]);
  const tree = await scanSecrets(request({ scope: 'tree' }), ports);
  assert.equal(tree.outputs['leaks-count'], 4);
});

test('a text in UTF-16, as PowerShell writes it, is scanned like another', async (t) => {
  const { commit, git, ports, request, root } = await makeRepository(t);
  const base = await commit({ a: 'a\n' });
  git('switch', '-qc', 'topic');
  const encode = (text: string, isBigEndian = false) => {
    const bytes = Buffer.from(`\ufeff${text}`, 'utf16le');
    return isBigEndian ? bytes.swap16() : bytes;
  };
  const [token, password] = [makeToken(), `K${randomBytes(4).toString('hex')}`];
  await writeFile(join(root, 'le.txt'), encode(`one\r\nt=${token}\r\n`));
  await writeFile(join(root, 'be.env'), encode(`t=${token} # gitleaks:allow\nt=${makeToken()}\n`, true));
  await writeFile(join(root, 'values.yaml'), encode(`a: 1\npassword: ${password}\n`));
  await writeFile(join(root, 'noise.dat'), randomBytes(4096));
  await commit({});
  const report = await scanSecrets(request({ base }), ports);
  const expected = [
    'secret/github-pat be.env:2',
    'secret/github-pat le.txt:2',
    'secret/values-credential values.yaml:2',
  ];
  assert.deepEqual(lines(report.findings), expected);
  assert.deepEqual(lines((await scanSecrets(request({ scope: 'tree' }), ports)).findings), expected);
  assert.equal(ports.redactor.redact(`x ${password} ${token}`), 'x *** ***');
});

test('ranges that only delete, only carry binaries, or hold empty commits pass', async (t) => {
  const { commit, git, ports, request } = await makeRepository(t);
  const base = await commit({ a: `t=${makeToken()}\n` });
  git('rm', '-q', 'a');
  git('commit', '-qm', 'delete');
  const deleted = await scanSecrets(request({ base }), ports);
  assert.equal(deleted.verdict, 'passed');
  await commit({ bin: '\0\0\0' });
  assert.equal((await scanSecrets(request({ base: 'HEAD~1' }), ports)).verdict, 'passed');
  await commit({});
  assert.equal((await scanSecrets(request({ base: 'HEAD~1' }), ports)).outputs['commits-scanned'], 1);
  assert.equal((await scanSecrets(request({ base: 'HEAD' }), ports)).outputs['commits-scanned'], 0);
});

test('what cannot be scanned whole is an error, never a pass', async (t) => {
  const { commit, git, ports, request, root, write } = await makeRepository(t);
  await commit({ a: 'a\n' });
  await commit({ a: 'b\n' });
  git('clone', '-q', '--depth=1', `file://${root}`, join(root, 'shallow'));
  const shallow = createGit({ process: createProcessRunner(), root: join(root, 'shallow') });
  await assert.rejects(scanSecrets(request({ scope: 'history' }), { ...ports, git: shallow }), {
    code: 'git/shallow-clone',
  });
  await assert.rejects(scanSecrets(request({ 'gitleaks-config': 'none.toml' }), ports), {
    code: 'secrets/config-not-found',
  });
  await write({ '.gitleaks.toml': 'not toml [[' });
  await assert.rejects(scanSecrets(request(), ports), { code: 'secrets/scanner-failed' });
  await write({ '.gitleaks.toml': '', 'b.json': '{"version":2}' });
  await assert.rejects(scanSecrets(request({ baseline: 'b.json' }), ports), { code: 'secrets/bad-baseline' });
  await assert.rejects(scanSecrets(request({ baseline: '../b.json' }), ports), {
    code: 'files/outside-workspace',
  });
  const { '.gitleaks.toml': _, ...rest } = { '.gitleaks.toml': '', ok: '' };
  await write(rest);
  for (const answer of [
    { stderr: '1 ERR [git] fatal: bad object\n1 INF 2 commits scanned.', stdout: '[]' },
    { stderr: '1 INF 0 commits scanned.', stdout: '[]' },
    { stderr: '', stdout: '[]' },
    { stderr: '1 INF 2 commits scanned.', stdout: '[{"Secret":' },
    { stderr: '1 INF 2 commits scanned.', stdout: '[{}]' },
    { exitCode: 1, stderr: '1 INF 2 commits scanned.', stdout: '[]' },
    // It ends so at a patch that it cannot read.
    { stderr: '1 INF 1 commits scanned.', stdout: '[]' },
  ]) {
    const gitleaks = fakeProcess([{ program: 'gitleaks', args: () => true, answer }]);
    const process = {
      run: (command: Command) => (command.args[0] === 'git' ? gitleaks : ports.process).run(command),
    };
    await assert.rejects(scanSecrets(request(), { ...ports, process }), { code: /^secrets\// });
    gitleaks.assertAllUsed();
  }
});

test('nothing is left in the temporary folder', async (t) => {
  const { commit, ports, request } = await makeRepository(t);
  await commit({ a: `t=${makeToken()}\n` });
  const { readdir } = await import('node:fs/promises');
  const mine = async () => (await readdir(tmpdir())).filter((name) => /^zakenak-secrets-(?!test)/.test(name));
  const before = await mine();
  await scanSecrets(request(), ports);
  assert.deepEqual(await mine(), before);
});
