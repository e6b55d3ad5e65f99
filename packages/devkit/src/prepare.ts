import { createRedactor, type Progress } from '@zakenak/core';
import {
  createEventStream,
  createHttp,
  createProcessRunner,
  createProgressLines,
  createSystemClock,
} from '@zakenak/machine';
import { createToolchain, type ToolName } from '@zakenak/toolchain';

/** What a task needs to be on the machine. */
const needs: Readonly<Record<'unit' | 'demo' | 'all', readonly ToolName[]>> = {
  unit: ['git', 'ssh-keygen', 'gpg', 'helm', 'gitleaks', 'kubeconform'],
  demo: [
    'git',
    'ssh-keygen',
    'kubeconform',
    'helm',
    'gitleaks',
    'kwok',
    'registry',
    'kubernetes',
    'buildctl',
    'buildkitd',
  ],
  all: [
    'git',
    'ssh-keygen',
    'gpg',
    'kubeconform',
    'helm',
    'helm3',
    'gitleaks',
    'actionlint',
    'kwok',
    'registry',
    'kubernetes',
    'buildctl',
    'buildkitd',
    'syft',
    'sops',
    'gitsign',
  ],
};

/** Debian packages that the end-to-end tests, the sandbox's real node and image builds with RUN steps use; only root on Debian can get them. */
const debianPackages = [
  'runc',
  'containerd',
  'containernetworking-plugins',
  'iptables',
  'busybox-static',
  'gnupg',
  'openssl',
  'openssh-client',
  // gitlab-ci-local copies with it, the components download with curl.
  'rsync',
  'curl',
] as const;

/** Installs the third-party programs of a task, with progress; throws the toolchain's errors. */
export async function prepare(_root: string, task: keyof typeof needs): Promise<void> {
  const env = process.env;
  const progress = createEventStream({
    clock: createSystemClock(),
    redactor: createRedactor(),
    runId: 'prepare',
  });
  progress.attach(createProgressLines({ write: (text) => void process.stderr.write(text) }));
  const runner = createProcessRunner(env);
  const isRoot = await isRootOnDebian(runner);
  if (task !== 'unit' && isRoot) await installDebianPackages(runner, progress);
  const names = [...needs[task], ...(task === 'all' && isRoot ? (['sandbox-node'] as const) : [])];
  await createToolchain({ process: runner, env, http: createHttp(), progress }).prepare(names);
}

type Runner = ReturnType<typeof createProcessRunner>;

async function installDebianPackages(runner: Runner, progress: Progress): Promise<void> {
  const missing: string[] = [];
  for (const name of debianPackages) {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own format.
    const { stdout } = await runner.run({ program: 'dpkg-query', args: ['-W', '-f', '${Status}', name] });
    if (!stdout.includes('ok installed')) missing.push(name);
  }
  if (missing.length === 0) return;
  const subject = missing.join(' ');
  progress.emit({ stage: 'install', subject, state: 'started', message: 'apt-get install' });
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  await runner.run({ program: 'apt-get', args: ['update', '-q'], env, timeoutMs: 300_000 });
  const { exitCode: code, stderr } = await runner.run({
    program: 'apt-get',
    args: ['install', '-y', '-q', '--no-install-recommends', ...missing],
    env,
    timeoutMs: 600_000,
  });
  progress.emit({
    stage: 'install',
    subject,
    state: code === 0 ? 'done' : 'failed',
    message: code === 0 ? '' : (stderr.trim().split('\n').at(-1) ?? ''),
  });
}

async function isRootOnDebian(runner: Runner): Promise<boolean> {
  return process.getuid?.() === 0 && (await exitCode(runner, 'dpkg-query', ['--version'])) === 0;
}

async function exitCode(runner: Runner, program: string, args: readonly string[]): Promise<number> {
  return runner.run({ program, args }).then(
    (result) => result.exitCode,
    () => 127,
  );
}
