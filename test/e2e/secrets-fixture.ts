import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { createRedactor, parseInputs } from '@zakenak/core';
import { collectingLog, collectingProgress } from '@zakenak/core/testing';
import { createGit, resolveRange } from '@zakenak/git';
import { createFiles, createHttp, createProcessRunner } from '@zakenak/machine';
import { type ScanSecretsRequest, spec } from '@zakenak/secrets';
import { createToolchain } from '@zakenak/toolchain';

const quiet = { emit() {} };
const toolchain = createToolchain({
  process: createProcessRunner(),
  env: process.env,
  http: createHttp(),
  progress: quiet,
});

/** A credential that gitleaks recognises, made up anew at each call. */
export function makeToken(): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  const text = [...randomBytes(36)].map((byte) => letters[byte % letters.length]).join('');
  return ['ghp', text].join('_');
}

/** A real repository in a folder of its own, with everything that a scan needs. */
export async function makeRepository(t: TestContext) {
  const root = await mkdtemp(join(tmpdir(), 'zakenak-secrets-test-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.invalid', '-c', 'commit.gpgsign=false'];
  const git = (...args: string[]) =>
    execFileSync('git', [...identity, ...args], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  git('init', '-q', '-b', 'main');
  const write = async (files: Readonly<Record<string, string>>) => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
  };
  const commit = async (files: Readonly<Record<string, string>>, message = 'change') => {
    await write(files);
    git('add', '-A');
    git('commit', '-qm', message, '--allow-empty');
    return git('rev-parse', 'HEAD');
  };
  const redactor = createRedactor();
  const ports = {
    process: toolchain,
    files: createFiles(root),
    git: createGit({ process: toolchain, root }),
    log: collectingLog(),
    progress: collectingProgress(),
    redactor,
  };
  const request = (
    inputs: Readonly<Record<string, string>> = {},
    more: Partial<ScanSecretsRequest> = {},
  ): ScanSecretsRequest => ({
    ...parseInputs(spec, (name) => inputs[name]),
    range: () => resolveRange({ kind: 'local' }, ports.git),
    ...more,
  });
  return { root, git, write, commit, ports, request };
}
