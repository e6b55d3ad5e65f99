import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Command } from '@zakenak/core';
import { scanSecrets } from '@zakenak/secrets';
import { makeSample } from './re2-samples.ts';
import { makeRepository, makeToken } from './secrets-fixture.ts';

type Repository = Awaited<ReturnType<typeof makeRepository>>;
type Change = () => string | Buffer;
interface Rule {
  readonly id: string;
  readonly regex?: string;
  readonly path?: string;
}

const quote = (path: string) => `"${path.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`;
const file = (path: string, content: string | Buffer, mode = '100644') => {
  const bytes = Buffer.from(content);
  return Buffer.concat([
    Buffer.from(`M ${mode} inline ${quote(path)}\ndata ${bytes.length}\n`),
    bytes,
    Buffer.from('\n'),
  ]);
};
/** Forms in which gitleaks finds a secret, or does not: both are to be the same. */
const forms: readonly ((text: string) => string | Buffer)[] = [
  (text) => text,
  (text) => `first line\nsee ${text}\nlast line`,
  (text) => `änderung 🙂 ${text} ſ\r\n`,
  (text) => `übrig\n${text}\r\n🙂\n`,
  (text) => Buffer.concat([Buffer.from([0xff, 0xfe, 0x0a]), Buffer.from(text)]),
  (text) => `x: ${Buffer.from(text).toString('base64')}\n`,
  (text) => `x: ${Buffer.from(text).toString('base64url')}`,
  (text) => `x: ${Buffer.from(text).toString('hex')}\n`,
  (text) => `x: ${Buffer.from(Buffer.from(text).toString('base64')).toString('base64')}\n`,
  (text) => `x: ${encodeURIComponent(text)}\n`,
  (text) => [...text].map((letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''),
  (text) => text.toUpperCase(),
  (text) => `${text} # gitleaks:allow\n`,
];

async function defaultRules({ ports }: Repository): Promise<readonly Rule[]> {
  const program = readFileSync(await ports.process.resolve('gitleaks'));
  const config = program.toString('latin1', program.indexOf('title = "gitleaks config"'));
  const text = /^[\t\n\x20-\x7e]*/.exec(config)?.[0] ?? '';
  return text
    .split('[[rules]]\n')
    .map((table) => {
      const read = (key: string) => new RegExp(`^${key} = (?:'''|")(.*?)(?:'''|")$`, 'ms').exec(table)?.[1];
      const [id = '', regex, path] = [read('id'), read('regex'), read('path')];
      return { id, ...(regex ? { regex } : {}), ...(path ? { path } : {}) };
    })
    .filter(({ id }) => id !== '');
}

/** A history of well over a thousand commits: every rule's texts in every form, edits, names, merges, and much that is nothing. */
function growHistory({ root }: Repository, rules: readonly Rule[]): void {
  const changes: Change[] = [];
  for (const { id, regex, path } of rules)
    for (const form of [
      forms[0],
      forms[1 + randomInt(forms.length - 1)],
      forms[1 + randomInt(forms.length - 1)],
    ]) {
      const name = path ? makeSample(path) : `rules/${id}.txt`;
      changes.push(() => file(name.replace(/^\/+/, 'd/'), form?.(regex ? makeSample(regex) : 'text') ?? ''));
    }
  for (let index = 0; index < 800; index++)
    changes.push(() =>
      file(
        `plain/${index % 40}.txt`,
        Array.from({ length: 1 + (index % 30) }, () => `key ${randomBytes(15).toString('base64')} api`).join(
          '\n',
        ),
      ),
    );
  const token = () => `t=${makeToken()}\n`;
  const base = `${'line\n'.repeat(60)}`;
  for (const name of [
    '-odd',
    'with space',
    'quo"te',
    'back\\slash',
    'tab\tx',
    'new\nline',
    'näme',
    '::error::x',
    'a => b',
    'c {d}',
  ])
    changes.push(
      () => file(name, token()),
      () => file(name, `${token()}${token()}`),
      () => file(`n/${name}`, token()),
    );
  changes.push(
    () => file('moved.txt', base + token()),
    () => 'R moved.txt moved again.txt\n',
    () => Buffer.concat([Buffer.from('R "moved again.txt" m3.txt\n'), file('m3.txt', `${base}${token()}`)]),
    () => 'D m3.txt\n',
    () => file('bin', `\0${token()}`),
    () => file('bin', token()),
    () => file('link', token().trim(), '120000'),
    () => file('link', token()),
    () => file('edit', `${base}${base}`),
    () => file('edit', `${token()}${base}${token()}${base}${token().trim()}`),
    () => file('edit', base),
    () => file('store.p12', 'text\ntext2\n'),
    () => file('store.p12', 'text\n'),
    () =>
      file(
        'diff',
        `diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+${token()}commit ${'a'.repeat(40)}\n`,
      ),
    () => file('diff', `@@ -1 +1 @@\n\\ No newline at end of file\n++ ${token()}-- ${token()}`),
    () => file('long', `${'x '.repeat(100_000)}${token()}`),
    () => file('empty', ''),
    () => '',
  );
  grow({ root }, changes);
}

/** Commits of one change each, with a merge that writes a secret itself after every 150. */
function grow({ root }: Pick<Repository, 'root'>, changes: readonly Change[]): void {
  const token = () => `t=${makeToken()}\n`;
  const parts: Buffer[] = [];
  let mark = 0;
  const commit = (ref: string, body: string | Buffer, parents: readonly number[]) => {
    mark += 1;
    const [first, ...others] = parents.map((parent) => `:${parent}\n`);
    const lines = [
      `commit refs/heads/${ref}\nmark :${mark}\n`,
      `committer t <t@example.invalid> ${1_700_000_000 + mark} +0000\ndata 5\nwork\n\n`,
      first ? `from ${first}` : '',
      ...others.map((parent) => `merge ${parent}`),
    ];
    parts.push(Buffer.from(lines.join('')), Buffer.from(body), Buffer.from('\n'));
    return mark;
  };
  let tip = commit('main', file('begin', ''), []);
  for (const [index, change] of changes.entries()) {
    const former = tip;
    tip = commit('main', change(), [former]);
    if (index % 150 !== 149) continue;
    const side = commit('side', file(`side/${index}`, token()), [former]);
    tip = commit('main', file(`side/${index}`, `own ${token()}`), [tip, side]);
  }
  const { status, stderr } = spawnSync('git', ['fast-import', '--quiet', '--force'], {
    cwd: root,
    input: Buffer.concat(parts),
  });
  assert.equal(status, 0, String(stderr));
  execFileSync('git', ['reset', '-q', '--hard'], { cwd: root });
}

/** One pass of gitleaks itself: per rule, secret and file the first commit by id, which is how a report names a find. */
async function onePass(
  { ports, root }: Repository,
  more: readonly string[] = [],
): Promise<readonly string[]> {
  const { stdout } = await ports.process.run({
    program: 'gitleaks',
    args: [
      'git',
      root,
      '--exit-code=0',
      '--max-decode-depth=2',
      '--report-format=json',
      '--report-path=-',
      '--log-opts=--full-history --all',
      ...more,
    ],
    maxOutputBytes: 512 * 1024 * 1024,
    env: { GIT_CONFIG_GLOBAL: '/dev/null' },
  });
  const found = JSON.parse(stdout) as Record<'RuleID' | 'Secret' | 'Match' | 'File' | 'Commit', string>[];
  const first = new Map<string, string>();
  for (const { RuleID, Secret, Match, File, Commit } of found) {
    const key = JSON.stringify([RuleID, Secret || Match, File]);
    if (!first.has(key) || Commit < (first.get(key) ?? '')) first.set(key, Commit);
  }
  return [...first]
    .map(([key, commit]) => {
      const [rule, , path] = JSON.parse(key) as readonly string[];
      return JSON.stringify([`secret/${rule}`, path, commit.slice(0, 12)]);
    })
    .sort();
}

async function ours({ git, ports, request }: Repository, canFilter = true) {
  const selections: string[] = [];
  const process = {
    ...(canFilter ? { resolve: ports.process.resolve } : {}),
    run: (command: Command, signal?: AbortSignal) => {
      if (command.program === 'gitleaks' && command.args[0] === 'git')
        selections.push(command.args.find((arg) => arg.startsWith('--log-opts=')) ?? '');
      return ports.process.run(command, signal);
    },
  };
  const report = await scanSecrets(request({ scope: 'history', 'kubernetes-rules': 'false' }), {
    ...ports,
    process,
  });
  const merges = new Set(
    git('rev-list', '--merges', '--all')
      .split('\n')
      .map((id) => id.slice(0, 12)),
  );
  const named = report.findings.map(
    ({ ruleId, location, message }) =>
      [ruleId, location?.path, /commit ([0-9a-f]{12})/.exec(message)?.[1]] as const,
  );
  const own = named.filter(([, , commit]) => merges.has(commit ?? ''));
  const lines = named
    .filter((one) => !own.includes(one))
    .map((one) => JSON.stringify(one))
    .sort();
  return { report, lines, ofMerges: own.length, selections };
}

test('of a long history only commits that may leak are given to gitleaks, and what is found is what one pass finds', async (t) => {
  const repository = await makeRepository(t);
  const rules = await defaultRules(repository);
  assert.ok(rules.length > 200);
  growHistory(repository, rules);
  const expected = await onePass(repository);
  assert.ok(new Set(expected.map((line) => (JSON.parse(line) as string[])[0])).size > 100);
  const filtered = await ours(repository);
  assert.deepEqual(filtered.selections, [
    '--log-opts=--no-ext-diff --no-textconv --no-walk=unsorted --glob=refs/zakenak/scan/*',
  ]);
  assert.deepEqual(filtered.lines, expected);
  assert.ok(filtered.ofMerges > 3);
  const whole = await ours(repository, false);
  assert.match(whole.selections.join(), /--full-history --all$/);
  assert.deepEqual({ ...filtered.report, timings: [] }, { ...whole.report, timings: [] });
});

test('the same holds for rules, allowlists and ignored finds of the repository’s own', async (t) => {
  const repository = await makeRepository(t);
  growHistory(repository, (await defaultRules(repository)).slice(0, 120));
  const [ignored] = await onePass(repository);
  const [rule = '', path = ''] = JSON.parse(ignored ?? '[]') as string[];
  const config =
    '[extend]\nuseDefault = true\ndisabledRules = ["github-app-token"]\n' +
    '[[rules]]\nid = "house"\ndescription = "x"\nregex = "(?i)key [a-z]{3}[0-9]"\nkeywords = ["KEY"]\n' +
    '[[rules]]\nid = "names"\ndescription = "x"\npath = "^rules/.*a.*z"\n' +
    '[[rules]]\nid = "github-pat"\nkeywords = ["t="]\nregex = "t=(ghp_[0-9a-zA-Z]{36})"\n' +
    '[allowlist]\npaths = ["^n/"]\nregexes = ["^ghp_a"]\n';
  await repository.write({
    '.gitleaks.toml': config,
    '.gitleaksignore': `${path}:${rule.slice(7)}:1\n# x\n`,
  });
  const expected = await onePass(repository);
  assert.ok(
    expected.some((line) => line.includes('secret/house')) &&
      expected.some((line) => line.includes('secret/names')),
  );
  const filtered = await ours(repository);
  assert.match(filtered.selections.join(), /refs\/zakenak\/scan/);
  assert.deepEqual(filtered.lines, expected);
});

test('a text that an expression is slow with costs seconds, and gitleaks scans all', async (t) => {
  const repository = await makeRepository(t);
  const slow = `${'a'.repeat(60_000)}!\n`;
  const token = makeToken();
  const text = (index: number) => (index === 700 ? slow : `${index} t=${token}\n`);
  grow(
    repository,
    Array.from({ length: 1_100 }, (_, index) => () => file('f', text(index))),
  );
  const config =
    '[extend]\nuseDefault = true\n[[rules]]\nid = "slow"\nregex = "(a+)+(a+)+b"\nkeywords = ["aaa"]\n';
  await repository.write({ '.gitleaks.toml': config });
  const started = performance.now();
  const { lines, selections } = await ours(repository);
  assert.match(selections.join(), /--full-history --all$/);
  assert.deepEqual(lines, await onePass(repository));
  assert.ok(lines.length > 0);
  assert.ok(performance.now() - started < 60_000);
});
