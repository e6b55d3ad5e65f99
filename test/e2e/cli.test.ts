import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { suite, test } from 'node:test';
import {
  assertCoded,
  assertTidy,
  type Coded,
  cliPath,
  makeWorkspace,
  plainEnvironment,
  reportOf,
  runCli,
} from './cli-fixture.ts';

const verbs = [
  ...['check', 'lint', 'secrets', 'verify', 'build', 'plan', 'deploy', 'converge', 'status'],
  ...['history', 'audit', 'unlock', 'sync', 'rollback'],
  ...['smoke', 'doctor', 'release', 'sign', 'init', 'sandbox'],
];

const mistakes: Readonly<Record<string, { readonly args: readonly string[] } & Coded>> = {
  'an unknown verb': {
    args: ['secrts'],
    code: 'usage/unknown-verb',
    exitCode: 2,
    remedy: /^Run zakenak secrets\.$/,
  },
  'a verb like none': { args: ['xyzzy'], code: 'usage/unknown-verb', exitCode: 2, remedy: /--help/ },
  'a flag before any verb': {
    args: ['--jsno', 'lint'],
    code: 'usage/unknown-flag',
    exitCode: 2,
    remedy: /--json/,
  },
  'an unknown flag': {
    args: ['lint', '--strikt'],
    code: 'usage/unknown-flag',
    exitCode: 2,
    remedy: /^Write --strict\.$/,
  },
  'a flag with one dash': {
    args: ['lint', '-strict'],
    code: 'usage/unknown-flag',
    exitCode: 2,
    remedy: /--strict/,
  },
  'a --no- for what is no switch': { args: ['lint', '--no-charts'], code: 'usage/unknown-flag', exitCode: 2 },
  'a name of JavaScript’s objects': {
    args: ['lint', '--constructor'],
    code: 'usage/unknown-flag',
    exitCode: 2,
  },
  'a verb of JavaScript’s objects': { args: ['constructor'], code: 'usage/unknown-verb', exitCode: 2 },
  'a flag without its value': { args: ['lint', '--charts'], code: 'usage/missing-value', exitCode: 2 },
  'a flag that would eat the next': {
    args: ['lint', '--charts', '--strict'],
    code: 'usage/missing-value',
    exitCode: 2,
  },
  'a word too many': {
    args: ['secrets', 'tree', 'range'],
    code: 'usage/unexpected-word',
    exitCode: 2,
    message: /'range'/,
  },
  'a word beside its flag': {
    args: ['secrets', '--scope', 'tree', 'range'],
    code: 'usage/unexpected-word',
    exitCode: 2,
  },
  'a choice that is none': {
    args: ['secrets', '--scope=everything'],
    code: 'input/invalid',
    exitCode: 2,
    message: /range, tree, history/,
  },
  'a number that is none': { args: ['secrets', '--decode-depth=deep'], code: 'input/invalid', exitCode: 2 },
  'a switch that is neither on nor off': {
    args: ['lint', '--strict=perhaps'],
    code: 'input/invalid',
    exitCode: 2,
  },
  'a duration that is none': { args: ['smoke', '--timeout', 'soon'], code: 'input/invalid', exitCode: 2 },
  'a required input that is not there': {
    args: ['sandbox'],
    code: 'input/missing',
    exitCode: 2,
    message: /action/,
  },
  'a folder that is not there': {
    args: ['lint', '--directory', '/nonexistent'],
    code: 'usage/no-such-folder',
    exitCode: 2,
  },
  'a file for a folder': {
    args: ['lint', '--directory', cliPath],
    code: 'usage/no-such-folder',
    exitCode: 2,
  },
};

suite('the command line', { concurrency: 4 }, () => {
  for (const [name, { args, ...wanted }] of Object.entries(mistakes)) {
    test(`tells ${name}, in JSON where JSON was asked for`, async () => {
      assertCoded(await runCli(['--json', ...args]), wanted);
    });
  }

  test('writes its own mistakes to stderr where no JSON was asked for', async () => {
    const outcome = await runCli(['secrts']);
    assert.equal(outcome.stdout, '');
    assert.match(
      outcome.stderr,
      /There is no verb 'secrts'; did you mean 'secrets'\?\n {2}usage\/unknown-verb\n {2}remedy: Run/,
    );
    assertTidy(outcome);
  });

  test('shows every verb, and its version', async () => {
    const [help, none, version] = await Promise.all([runCli(['--help']), runCli([]), runCli(['--version'])]);
    assert.equal(help.exitCode, 0, help.stderr);
    assert.equal(none.stdout, help.stdout);
    for (const verb of verbs) assert.match(help.stdout, new RegExp(`^  ${verb} +\\S`, 'm'));
    assert.match(version.stdout, /^\d+\.\d+\.\d+(-\S+)?\n$/);
  });

  for (const verb of verbs) {
    test(`zakenak ${verb} --help tells usage, flags, those of every verb, and fits a page`, async () => {
      const { stdout, stderr, exitCode } = await runCli([verb, '--help']);
      assert.equal(exitCode, 0, stderr);
      assert.match(
        stdout,
        new RegExp(`^zakenak ${verb}: \\S.*\\n[\\s\\S]*^Usage: zakenak ${verb} .*\\[FLAGS\\]$`, 'm'),
      );
      for (const flag of ['config', 'output-dir', 'json', 'quiet', 'directory'])
        assert.match(stdout, new RegExp(`^  --${flag}\\b`, 'm'));
      assert.deepEqual(
        stdout.split('\n').filter((line) => line.length > 160),
        [],
      );
    });
  }

  test('takes its own flags before the verb, also --directory', async (t) => {
    const { root } = await makeWorkspace(t, { 'zakenak.yaml': 'nope: 1\n' });
    const outcome = await runCli(['--quiet', '--json', '--directory', root, 'lint']);
    assertCoded(outcome, { code: 'config/invalid', exitCode: 2 });
    assertCoded(await runCli(['--json', `--directory=${root}`, 'lint']), {
      code: 'config/invalid',
      exitCode: 2,
    });
  });

  test('works in --directory on a CI host too', async (t) => {
    const workspace = await makeWorkspace(t, { 'platform/zakenak.yaml': 'nope: 1\n' });
    const env = { GITHUB_ACTIONS: 'true', GITHUB_WORKSPACE: workspace.root, GITHUB_EVENT_NAME: 'push' };
    const outcome = await runCli(['check', '--only', 'config', '--json', '--directory', 'platform'], {
      env: { ...env, GITHUB_EVENT_PATH: '/dev/null' },
      cwd: workspace.root,
    });
    assertCoded(outcome, { code: 'host/bad-event-payload', exitCode: 2 });
    const local = await runCli(['lint', '--json', '--directory', 'platform'], { cwd: workspace.root });
    assertCoded(local, { code: 'config/invalid', exitCode: 2 });
  });

  test('paints on demand and never against a wish', async (t) => {
    const { root } = await makeWorkspace(t);
    const painted = async (env: Record<string, string>) => {
      const { stdout } = await runCli(['check', '--only', 'config', '--directory', root], { env });
      return stdout.includes('\u001b[');
    };
    const [pipe, forced, zero, no, both] = await Promise.all([
      painted({}),
      painted({ FORCE_COLOR: '1' }),
      painted({ FORCE_COLOR: '0' }),
      painted({ NO_COLOR: '1' }),
      painted({ NO_COLOR: '1', FORCE_COLOR: '1' }),
    ]);
    assert.deepEqual([pipe, forced, zero, no, both], [false, true, false, false, false]);
  });

  test('shows progress on stderr unless told to be quiet', async (t) => {
    const { root } = await makeWorkspace(t);
    const [loud, quiet] = await Promise.all([
      runCli(['check', '--only', 'secrets', '--directory', root]),
      runCli(['check', '--only', 'secrets', '--quiet', '--directory', root]),
    ]);
    assert.match(loud.stderr, /^ +\d+\.\ds . check +secrets/m);
    assert.equal(quiet.stderr, '');
  });

  test('a reader that goes away is no error', async () => {
    for (const args of [['--help'], ['lint', '--help'], ['lint', '--json', '--directory', '/nonexistent']]) {
      const child = spawn(process.execPath, [cliPath, ...args], {
        env: plainEnvironment(),
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      child.stdout.destroy();
      let stderr = '';
      child.stderr.on('data', (chunk) => {
        stderr += chunk;
      });
      const exitCode = await new Promise((end) => child.once('close', end));
      assert.equal(exitCode, args.includes('--json') ? 2 : 0, stderr);
      assert.equal(stderr, '');
    }
  });

  test('a report that cannot be printed is told and does not pass', async () => {
    const child = spawn(process.execPath, [cliPath, '--help'], {
      env: plainEnvironment(),
      stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
    });
    let stderr = '';
    child.stderr?.on('data', (chunk) => {
      stderr += chunk;
    });
    const exitCode = await new Promise((end) => child.once('close', end));
    assert.match(stderr, /output\/unwritable/);
    assert.doesNotMatch(stderr, /^\s+at /m);
    assert.equal(exitCode, 3);
  });

  // Stands for a bug: something throws once the shell stands.
  const bugs = {
    'throws in a callback': 'setTimeout(() => { throw new RangeError("a bug"); }, 0)',
    'rejects where nobody waits': 'setTimeout(() => Promise.reject(new RangeError("a bug")), 0)',
    'throws in the shell': 'process.cwd = () => { throw new RangeError("a bug"); }',
  };
  for (const [name, bug] of Object.entries(bugs)) {
    test(`an error that nobody expected (${name}) ends with 70, a code, and a stack only for who asks`, async (t) => {
      const { root } = await makeWorkspace(t);
      const script = `process.on('newListener', (event) => { if (event === 'uncaughtException') ${bug}; })`;
      const env = { NODE_OPTIONS: `--import="data:text/javascript,${encodeURIComponent(script)}"` };
      const args = ['lint', '--json', '--directory', root];
      const [plain, asked] = await Promise.all([
        runCli(args, { env }),
        runCli(args, { env: { ...env, ZAKENAK_DEBUG: '1' } }),
      ]);
      assertCoded(plain, { code: 'internal/bug', exitCode: 70, message: /a bug/, remedy: /ZAKENAK_DEBUG=1/ });
      assert.equal(reportOf(asked).error?.code, 'internal/bug');
      assert.match(asked.stderr, /RangeError: a bug\n\s+at /);
    });
  }
});
