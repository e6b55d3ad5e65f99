import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { scanSecrets } from '@zakenak/secrets';
import { makeRepository, makeToken } from './secrets-fixture.ts';

const lines = (findings: Awaited<ReturnType<typeof scanSecrets>>['findings']) =>
  findings.map(({ ruleId, location }) => `${ruleId} ${location?.path}:${location?.startLine}`);
/** Too short for gitleaks' own rules, as people's passwords are. */
const makePassword = () => `K${randomBytes(4).toString('hex')}`;
const encode = (text: string) => Buffer.from(text).toString('base64');

test('a Secret’s value is found in the commit that brought it, named by gitleaks or by us but once, and told nowhere', async (t) => {
  const { commit, git, ports, request } = await makeRepository(t);
  const [old, fresh, token] = [makePassword(), makePassword(), makeToken()];
  const values = (more: string) => `db:\n  password: ${old}\n${more}`;
  await commit({ 'values.yaml': values('') });
  git('switch', '-qc', 'topic');
  await commit({
    'values.yaml': values(`cache:\n  password: ${fresh}\n`),
    'x.yaml': `kind: Secret\nstringData:\n  token: ${token}\n`,
  });
  const report = await scanSecrets(request(), ports);
  assert.deepEqual(lines(report.findings), [
    'secret/values-credential values.yaml:4',
    'secret/github-pat x.yaml:3',
  ]);
  assert.deepEqual(
    report.findings.map(({ tool }) => tool),
    ['zakenak', 'gitleaks'],
  );
  const written = JSON.stringify([report, ports.log.lines, ports.progress]);
  for (const canary of [old, fresh, token.slice(4), encode(fresh)])
    assert.equal(written.includes(canary), false);
  assert.equal(ports.redactor.redact(`x ${fresh}`), 'x ***');
  const tree = await scanSecrets(request({ scope: 'tree' }), ports);
  assert.equal(tree.outputs['leaks-count'], 3);
  const without = await scanSecrets(request({ 'kubernetes-rules': 'false' }), ports);
  assert.deepEqual(
    without.findings.filter(({ tool }) => tool === 'zakenak'),
    [],
  );
});

test('a value that a merge itself writes is found, one that a parent brought is not', async (t) => {
  const { commit, git, ports, request, write } = await makeRepository(t);
  await commit({ 'values.yaml': 'a: 1\n' });
  git('switch', '-qc', 'topic');
  await commit({ 'values.yaml': 'a: 2\n' });
  git('switch', '-q', 'main');
  const ofMain = `password: ${makePassword()}\n`;
  await commit({ 'values.yaml': `a: 3\n${ofMain}` });
  git('switch', '-q', 'topic');
  assert.throws(() => git('merge', '-q', 'main'));
  await write({ 'values.yaml': `a: 4\n${ofMain}token: ${makePassword()}\n` });
  git('add', '-A');
  git('commit', '-qm', 'merge');
  const report = await scanSecrets(request(), ports);
  assert.deepEqual(lines(report.findings.filter(({ tool }) => tool === 'zakenak')), [
    'secret/values-credential values.yaml:3',
  ]);
});

test('the reference platform holds no secret', async (t) => {
  const { git, ports, request, root } = await makeRepository(t);
  cpSync(join(import.meta.dirname, '../../examples/platform'), root, { recursive: true });
  git('add', '-A');
  git('commit', '-qm', 'platform');
  assert.deepEqual(lines((await scanSecrets(request({ scope: 'tree' }), ports)).findings), []);
});
