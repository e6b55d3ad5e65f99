import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { verifyCommits } from '@zakenak/commits';
import { address, makeRepository } from './commits-fixture.ts';

test('signed tags get git’s verdict; a tag under another name and a nested unsigned one are refused besides', async (t) => {
  const repository = await makeRepository(t);
  const { commit, makeSshKey, makeGpgKey, exportKey, write, root, env, run, git, ports, request } =
    repository;
  const [key, stranger] = [await makeSshKey(), await makeSshKey()];
  const gpg = makeGpgKey(`signer <${address}>`);
  await write('.zakenak/allowed_signers', `${address} ${key.publicKey}\n`);
  await write('.zakenak/keyring/signer.asc', exportKey(gpg));
  commit({ ssh: key.path });
  const tag = (name: string, by: string, target = 'HEAD', email = address) => {
    const signing = by === '' ? [] : ['-s', '-u', by];
    const format = by.startsWith('/') ? ['-c', 'gpg.format=ssh'] : [];
    run('git', [...format, 'tag', '-a', '-m', `release ${name}`, ...signing, name, target], {
      GIT_COMMITTER_NAME: 'tagger',
      GIT_COMMITTER_EMAIL: email,
    });
  };
  tag('v1-ssh', key.path);
  tag('v1-gpg', gpg);
  tag('v1-stranger', stranger.path);
  tag('v1-annotated', '');
  tag('v1-principal', key.path, 'HEAD', 'x@example.com');
  tag('v1-nested', key.path, 'v1-gpg');
  tag('v1-nested-unsigned', key.path, 'v1-annotated');
  git('tag', 'v1-light');
  git('update-ref', 'refs/tags/v1-renamed', git('rev-parse', 'refs/tags/v1-ssh'));
  const text = execFileSync('git', ['cat-file', 'tag', 'v1-ssh'], { cwd: root, encoding: 'latin1' });
  const other = execFileSync('git', ['cat-file', 'tag', 'v1-nested'], { cwd: root, encoding: 'latin1' });
  const signatureOf = (object: string) => object.slice(object.indexOf('-----BEGIN'));
  const place = (name: string, object: string) => {
    const args = ['hash-object', '-t', 'tag', '-w', '--stdin', '--literally'];
    git('update-ref', `refs/tags/${name}`, run('git', args, {}, Buffer.from(object, 'latin1')));
  };
  const renamed = (name: string) => text.replace('tag v1-ssh', `tag ${name}`);
  place('v1-tampered', renamed('v1-tampered'));
  place(
    'v1-moved',
    text.replace(signatureOf(text), signatureOf(other)).replace('tag v1-ssh', 'tag v1-moved'),
  );
  place('v1-ssh-again', text.replace('release', 'another'));
  place(
    'v1-two-taggers',
    renamed('v1-two-taggers').replace(/^(tagger .*\n)/m, '$1tagger x <y@example.com> 1 +0000\n'),
  );
  git('tag', 'other', 'HEAD');

  const { outputs, findings } = await verifyCommits(request({ tags: 'v1-*,v1-ssh' }), ports);
  const unverified = outputs.unverified as Readonly<Record<string, string>>;
  const verified = outputs['signer-map'] as Readonly<Record<string, string>>;
  const signers = `gpg.ssh.allowedSignersFile=${join(root, '.zakenak/allowed_signers')}`;
  const verdicts = Object.fromEntries(
    git('tag', '--list', 'v1-*')
      .split('\n')
      .map((name) => {
        const status = spawnSync('git', ['-c', signers, 'verify-tag', name], { cwd: root, env }).status;
        const ref = `refs/tags/${name}`;
        return [name.slice(3), [verified[ref] ? 'verified' : unverified[ref], status === 0]];
      }),
  );
  assert.deepEqual(verdicts, {
    ssh: ['verified', true],
    gpg: ['verified', true],
    stranger: ['tag/unknown-signer', false],
    annotated: ['tag/unsigned', false],
    principal: ['tag/wrong-principal', true],
    nested: ['verified', true],
    'nested-unsigned': ['tag/unsigned', true],
    light: ['tag/unsigned', false],
    renamed: ['tag/wrong-tag', true],
    tampered: ['tag/bad-signature', false],
    moved: ['tag/bad-signature', false],
    'ssh-again': ['tag/wrong-tag', false],
    'two-taggers': ['tag/malformed', false],
  });
  assert.deepEqual([outputs.total, outputs.verified], [14, 4]);
  assert.ok(findings.every(({ remedy }) => remedy));
});

test('a repository of SHA-256 objects is verified, and only by the header that git reads there', async (t) => {
  const { commit, makeSshKey, write, readCommit, writeCommit, gitSaysGood, ports, request } =
    await makeRepository(t, 'sha256');
  const key = await makeSshKey();
  await write('.zakenak/allowed_signers', `${address} ${key.publicKey}\n`);
  const good = commit({ ssh: key.path });
  assert.equal(good.length, 64);
  const text = readCommit(good);
  assert.match(text, /^gpgsig-sha256 /m);
  const misplaced = writeCommit(text.replace('gpgsig-sha256', 'gpgsig'));
  const judge = async (head: string) => {
    const range = async () => ({ bases: [], head, reason: 'one' });
    const { outputs } = await verifyCommits(request({}, { range }), ports);
    return { ...(outputs.unverified as Readonly<Record<string, string>>) }[head] ?? 'verified';
  };
  assert.deepEqual([await judge(good), gitSaysGood(good)], ['verified', true]);
  assert.deepEqual([await judge(misplaced), gitSaysGood(misplaced)], ['commit/malformed', false]);
});

test('what stands in the message, in a mergetag or behind a continuation is no signature; a huge commit is not read', async (t) => {
  const { commit, makeSshKey, write, readCommit, writeCommit, gitSaysGood, ports, request } =
    await makeRepository(t);
  const key = await makeSshKey();
  await write('.zakenak/allowed_signers', `${address} ${key.publicKey}\n`);
  const text = readCommit(commit({ ssh: key.path }));
  const signature = /^gpgsig .*\n(?: .*\n)+/m.exec(text)?.[0] ?? '';
  const bare = text.replace(signature, '');
  const hidden = signature.replace(/^/gm, ' ').trimEnd();
  const cases: Record<string, readonly [string, string]> = {
    message: [`${bare}\n${signature}`, 'commit/unsigned'],
    mergetag: [bare.replace('\n\n', `\nmergetag object 1\n${hidden}\n\n`), 'commit/unsigned'],
    encoding: [bare.replace('\n\n', `\nencoding x\n${hidden}\n\n`), 'commit/unsigned'],
    encodingAdded: [text.replace(/^gpgsig /m, 'encoding latin1\ngpgsig '), 'commit/bad-signature'],
    nulInHeader: [text.replace(/^author /m, 'author \0'), 'commit/malformed'],
    nulInMessage: [text.replace('change', 'change\0 more'), 'commit/malformed'],
    huge: [`${text}${'x'.repeat(5 * 1024 * 1024)}\n`, 'commit/malformed'],
  };
  for (const [name, [object, rule]] of Object.entries(cases)) {
    const id = writeCommit(object);
    const range = async () => ({ bases: [], head: id, reason: name });
    const { outputs } = await verifyCommits(request({}, { range }), ports);
    assert.equal((outputs.unverified as Readonly<Record<string, string>>)[id], rule, name);
    assert.equal(gitSaysGood(id), false, name);
  }
});
