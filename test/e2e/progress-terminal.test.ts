import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import type { Sandbox } from '@zakenak/sandbox';
import { cliPath, plainEnvironment } from './cli-fixture.ts';
import { makeTestSet, type TestSet } from './rollout-fixture.ts';
import { until } from './sandbox-cli.ts';
import { startTestSandbox } from './sandbox-fixture.ts';

let sandbox: Sandbox;
before(async () => {
  sandbox = await startTestSandbox();
});
after(() => sandbox[Symbol.asyncDispose]());

const prompt = process.getuid?.() === 0 ? '#' : '$';
const skip = hasTmux() ? false : 'tmux is not on this machine: it is the terminal that is looked at';

/** A real terminal (tmux), with a shell's prompt in it. */
interface RealTerminal {
  /** What is to be seen, without blank lines at the end. */
  screen(): readonly string[];
  /** Everything that was to be seen, the scrolled away lines too. */
  history(): readonly string[];
  type(...keys: readonly string[]): void;
  resize(columns: number, rows: number): void;
}

async function openTerminal(t: TestContext, columns: number, rows: number): Promise<RealTerminal> {
  const folder = await mkdtemp(join(tmpdir(), 'zakenak-tmux-'));
  const tmux = (...args: readonly string[]): string =>
    execFileSync('tmux', ['-S', join(folder, 'socket'), '-f', '/dev/null', ...args], {
      encoding: 'utf8',
      env: { ...plainEnvironment(), TERM: 'xterm-256color', LC_ALL: 'C.UTF-8', PS1: '$ ' },
    });
  t.after(async () => {
    tmux('kill-server');
    await rm(folder, { recursive: true, force: true });
  });
  tmux('-u', 'new-session', '-d', '-x', String(columns), '-y', String(rows), 'sh');
  tmux('set', '-g', 'window-size', 'manual');
  const capture = (...more: readonly string[]) =>
    tmux('capture-pane', '-p', ...more)
      .trimEnd()
      .split('\n')
      .map((line) => line.trimEnd());
  return {
    screen: () => capture(),
    history: () => capture('-S', '-'),
    type: (...keys) => void tmux('send-keys', ...keys),
    resize: (toColumns, toRows) => void tmux('resize-window', '-x', String(toColumns), '-y', String(toRows)),
  };
}

function hasTmux(): boolean {
  try {
    execFileSync('tmux', ['-V']);
    return true;
  } catch {
    return false;
  }
}

async function start(terminal: RealTerminal, set: TestSet, more: readonly string[] = []): Promise<void> {
  const words = [
    'deploy',
    '--environment',
    'test',
    '--directory',
    set.workspace.root,
    '--kubeconfig',
    sandbox.kubeconfig,
    ...more,
  ];
  const end = join(set.workspace.root, 'exit-code');
  // A command line of its own: the shell would show a long one wrapped.
  await set.workspace.write({
    'run.sh': `${process.execPath} ${cliPath} ${words.join(' ')} > out.txt\necho "exit $?"; stty -a | grep -c ' echo ' > ${end}\n`,
  });
  terminal.type(`cd ${set.workspace.root}; clear; . ./run.sh`, 'Enter');
}

const shows = (terminal: RealTerminal, pattern: RegExp) =>
  until(String(pattern), () => pattern.test(terminal.screen().join('\n')), 30_000);

/** Waits for the end; returns how often stty then says that the terminal echoes. */
async function ends(terminal: RealTerminal, set: TestSet, exitCode: number): Promise<string> {
  await shows(terminal, new RegExp(`^exit ${exitCode}$`, 'm'));
  const path = join(set.workspace.root, 'exit-code');
  const read = async () => (await readFile(path, 'utf8').catch(() => '')).trim();
  await until('stty has looked', async () => (await read()) !== '');
  return read();
}

test('on a terminal a table shows where every release stands, in place, and one line of it stays', {
  skip,
}, async (t) => {
  const set = await makeTestSet(t, sandbox);
  await set.setValues({ api: { readyAfter: '3s' } });
  const terminal = await openTerminal(t, 90, 20);
  await start(terminal, set);
  await shows(terminal, /^… api {3}waiting {2}3\/4 +\ds {2}Deployment shop-[^ ]+\/api: .+$/m);
  const screen = terminal.screen().join('\n');
  assert.match(screen, /^✔ base {2}ready {4}4\/4 {2}\d\.\ds$/m);
  assert.match(screen, /^… web {3}queued +\ds {2}waits for api$/m);
  assert.match(screen, /^deploy {2}wait {2}1 ready, 1 waiting, 1 queued {2}\ds$/m);
  await ends(terminal, set, 0);
  const left = terminal.history().filter((line) => line !== '');
  assert.deepEqual(
    left.map((line) => line.replace(/[\d.]+s$/, 'Ns')),
    ['✔ deploy  3 ready  Ns', 'exit 0', prompt],
  );
  assert.match(
    await readFile(join(set.workspace.root, 'out.txt'), 'utf8'),
    /SIMULATED {2}Deployed and ready/,
  );
});

test('a terminal that is made narrower and wider again shows one table at its end', { skip }, async (t) => {
  const set = await makeTestSet(t, sandbox);
  await set.setValues({ base: { readyAfter: '6s' } });
  const terminal = await openTerminal(t, 100, 20);
  await start(terminal, set);
  await shows(terminal, /^… base {2}waiting/m);
  let changes = 0;
  for (const [columns, rows] of [
    [34, 20],
    [70, 5],
    [100, 20],
  ] as const) {
    terminal.resize(columns, rows);
    await new Promise((resolve) => setTimeout(resolve, 1_300));
    const [base = '', api = '', web = '', sum = '', ...more] = terminal.screen().slice(-4);
    const shown = terminal.screen().join('\n');
    assert.match(base, /^… base {2}waiting/, shown);
    assert.match(api, /^… api/, shown);
    assert.match(web, /^… web/, shown);
    assert.match(sum, /^deploy/, shown);
    assert.equal(more.length, 0);
    for (const line of [base, api, web, sum]) assert.ok(line.length < columns, line);
    // What the terminal itself scrolls away while it wraps anew is out of reach: one frame for each change at most.
    changes += 1;
    const frames = terminal.history().filter((line) => /^… base/.test(line)).length;
    assert.ok(frames <= changes + 1, terminal.history().join('\n'));
  }
  await ends(terminal, set, 0);
});

test('Ctrl-C leaves whole lines, the cursor at a prompt, and an echoing terminal', { skip }, async (t) => {
  const set = await makeTestSet(t, sandbox);
  await set.setValues({ base: { readyAfter: '60s' } });
  const terminal = await openTerminal(t, 100, 20);
  await start(terminal, set, ['--events', 'events.ndjson']);
  await shows(terminal, /^… base {2}waiting/m);
  terminal.type('C-c');
  assert.equal(await ends(terminal, set, 130), '1', 'the terminal echoes');
  const lines = terminal.history().filter((line) => line !== '');
  assert.equal(lines.filter((line) => /^(…|·) /.test(line)).length, 0, lines.join('\n'));
  assert.ok(lines.includes('SIGINT: stopping; once more ends at once.'), lines.join('\n'));
  assert.match(lines.at(-3) ?? '', /^✖ deploy {2}.*\d\.\ds$/);
  assert.equal(lines.at(-1), prompt);
  const last = JSON.parse(
    (await readFile(join(set.workspace.root, 'events.ndjson'), 'utf8')).trimEnd().split('\n').at(-1) ?? '',
  );
  assert.deepEqual([last.type, last.exitCode, last.errorCode], ['verdict', 130, 'run/cancelled']);
});

test('on a CI host, with --quiet, on a dumb terminal there is no table', { skip }, async (t) => {
  const set = await makeTestSet(t, sandbox);
  for (const [before, more, pattern] of [
    ['CI=true', [], /^ +\d\.\ds ✔ apply {4}web 4\/4$/m],
    ['TERM=dumb', [], /^ +\d\.\ds ✔ apply {4}web 4\/4$/m],
    ['', ['--quiet'], /^exit 0$/m],
  ] as const) {
    const terminal = await openTerminal(t, 100, 50);
    if (before) terminal.type(`export ${before}`, 'Enter');
    await start(terminal, set, more);
    await ends(terminal, set, 0);
    const screen = terminal.screen().join('\n');
    assert.match(screen, pattern);
    assert.doesNotMatch(screen, /^✔ deploy/m);
  }
});
