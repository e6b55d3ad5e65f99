import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { cliPath, plainEnvironment } from './cli-fixture.ts';
import { type Change, makeChange, type Played, plays } from './forges-fixture.ts';

const root = join(import.meta.dirname, '../..');

test('the pipelines that the documentation shows for Bitbucket and Azure do what it says', async (t) => {
  const change = await makeChange(t);
  const page = await readFile(join(root, 'docs/hosts.md'), 'utf8');
  const [bitbucketYaml, azureYaml] = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text = '']) =>
    parse(text),
  );
  const run = await makeShell(change);
  const [{ step }] = bitbucketYaml.pipelines['pull-requests']['**'];
  const bitbucket = await plays.bitbucket(change);
  t.after(() => bitbucket.standIn.close());
  assert.deepEqual(bitbucketYaml.clone, { depth: 'full' });
  assert.equal(await run(step.script.join('\n'), bitbucket.env), 1);
  assert.equal(bitbucket.comments().length, 1);
  assert.deepEqual(bitbucket.statuses(), ['zakenak FAILED']);
  for (const path of step.artifacts) {
    const file = path.replace('**', 'report.sarif');
    assert.ok(existsSync(join(change.workspace.root, file)), file);
  }
  const azure = await plays.azure(change);
  t.after(() => azure.standIn.close());
  const [checkout, { script, env }] = azureYaml.steps;
  assert.equal(checkout.fetchDepth, 0);
  const given = Object.entries(env).map(([name, value]) => [
    name,
    value === '$(System.AccessToken)' ? change.token : value,
  ]);
  assert.equal(
    await run(script, { ...azure.env, SYSTEM_ACCESSTOKEN: undefined, ...Object.fromEntries(given) }),
    1,
  );
  assert.equal(azure.comments().length, 1);
  assert.deepEqual(azure.statuses(), ['pullRequests/7 failed']);
});

test('the three stages run by the commands of their pages, and keep a comment of their own each', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'zakenak-key-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'key')]);
  const change = await makeChange(t, {
    '.zakenak/allowed_signers': `t@example.invalid ${await readFile(join(folder, 'key.pub'), 'utf8')}`,
    'helm-charts/web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 0.1.0\n',
    'helm-charts/web/templates/all.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web }\n',
  });
  const run = await makeShell(change);
  const bitbucket = await plays.bitbucket(change);
  t.after(() => bitbucket.standIn.close());
  const ends = { 'lint-helm': 0, 'scan-secrets': 1, 'sign-verify-commits': 1 };
  for (const [name, exitCode] of Object.entries(ends)) {
    const page = readFileSync(join(root, 'actions', name, 'README.md'), 'utf8');
    const [, command = assert.fail(name)] = /^```sh\n(zakenak .*)\n```$/m.exec(page) ?? [];
    assert.equal(await run(`${command} --comment`, bitbucket.env), exitCode, name);
  }
  assert.deepEqual(
    bitbucket.comments().map((text) => text.slice(0, text.indexOf('\n'))),
    Object.keys(ends).map((name) => `[//]: # (zakenak:${name})`),
  );
});

/** A shell in the change's workspace that finds zakenak on its PATH; gives the exit code. */
async function makeShell({ workspace }: Change) {
  const bin = await mkdtemp(join(dirname(workspace.root), 'bin-'));
  const shim = `#!/bin/sh\nexec '${process.execPath}' '${cliPath}' "$@"\n`;
  await writeFile(join(bin, 'zakenak'), shim, { mode: 0o755 });
  return (script: string, env: Played['env']) =>
    new Promise<number | null>((end) => {
      const variables = { ...plainEnvironment(), ...env, PATH: `${bin}:${process.env.PATH}` };
      const options = { cwd: workspace.root, env: variables, stdio: 'ignore' } as const;
      spawn('bash', ['-euc', script], options).once('close', end);
    });
}
