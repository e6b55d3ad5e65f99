import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { spec, verifyCommits } from '@zakenak/commits';
import { parseInputs } from '@zakenak/core';
import { createGit } from '@zakenak/git';
import { createFiles, createProcessRunner } from '@zakenak/machine';
import * as openpgp from 'openpgp';

// Verifying a history of signed commits: the engine of sign-verify-commits, whole, against a loop of `git verify-commit`. The loop is measured on a sample,
// half of it before and half after ours, and multiplied: a process per commit costs the same for each. gpgsm makes every X.509 signature itself, a process each, so that
// there are fewer of these: node test/bench/verify.ts [COMMITS [X.509-COMMITS]].
const [commits, fewer] = [2, 3].map((at) => Number(process.argv[at] ?? (at === 2 ? 10_000 : 2_000))) as [
  number,
  number,
];
const email = 'signer@example.invalid';
const wanted = { SSH: 30, OpenPGP: 15, 'X.509': 15 };

const folder = mkdtempSync(join(tmpdir(), 'zakenak-bench-'));
const home = join(folder, 'gnupg');
mkdirSync(home, { mode: 0o700 });
const env = { ...process.env, GNUPGHOME: home, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };
try {
  process.stdout.write(`Node ${process.version}, ${cpus().length} cores\n`);
  await measure('SSH', makeSsh(), commits);
  await measure('OpenPGP', await makeOpenPgp(), commits);
  await measure('X.509', makeX509(), fewer);
} finally {
  spawnSync('gpgconf', ['--kill', 'all'], { env });
  rmSync(folder, { recursive: true, force: true });
}

interface Signer {
  /** Writes what verifies the signatures, for us and for git. */
  trust(root: string): void;
  sign(payload: Buffer): string | Promise<string>;
}

async function measure(kind: keyof typeof wanted, signer: Signer, count: number): Promise<void> {
  const sample = Math.min(200, count);
  const root = join(folder, kind);
  const ids = await makeHistory(root, signer, count);
  signer.trust(root);
  const step = Math.floor(count / sample);
  const chosen = Array.from({ length: sample }, (_, index) => ids[index * step] ?? '');
  const git = (some: readonly string[]) =>
    time(() => {
      for (const id of some) {
        const { status, stderr } = spawnSync('git', ['verify-commit', id], {
          cwd: root,
          env,
          encoding: 'utf8',
        });
        if (status !== 0) throw new Error(`git does not verify ${id}: ${stderr}`);
      }
    });
  const half = Math.floor(sample / 2);
  const before = await git(chosen.slice(0, half));
  const ours = await time(() => verifyAll(root, count));
  const after = await git(chosen.slice(half));
  const loop = ((before + after) / sample) * count;
  const ratio = loop / ours;
  if (ratio < wanted[kind]) process.exitCode = 1;
  const line = [
    `${kind.padEnd(8)} ${count} commits`,
    `ours ${(ours / 1000).toFixed(2)} s, ${((ours / count) * 1000).toFixed(0)} µs a commit`,
    `git verify-commit ${((before + after) / sample).toFixed(1)} ms a commit (${sample} measured), ${(loop / 1000).toFixed(0)} s for all`,
    `${ratio.toFixed(0)} times faster; wanted ${wanted[kind]}`,
  ].join('; ');
  process.stdout.write(`${line}\n`);
}

async function verifyAll(root: string, count: number): Promise<void> {
  const git = createGit({ process: createProcessRunner(), root });
  const head = await git.resolve('HEAD');
  const request = {
    ...parseInputs(spec, () => undefined),
    range: async () => ({ bases: [], head, reason: 'bench' }),
  };
  const ports = { git, files: createFiles(root), progress: { emit() {} } };
  const { outputs } = await verifyCommits(request, ports);
  if (outputs.verified !== count) throw new Error(`${outputs.verified} of ${count} verified`);
}

async function time(body: () => void | Promise<void>): Promise<number> {
  const started = performance.now();
  await body();
  return performance.now() - started;
}

/** A line of signed commits, packed in process: git itself would take a process for each. */
async function makeHistory(root: string, signer: Signer, count: number): Promise<readonly string[]> {
  const git = (args: readonly string[], input: string | Buffer = '') =>
    execFileSync('git', args, { cwd: folder, env, input, encoding: 'utf8' }).trim();
  git(['init', '-q', '-b', 'main', root]);
  const tree = git(['-C', root, 'hash-object', '-t', 'tree', '-w', '--stdin']);
  const ids: string[] = [];
  const objects: Buffer[] = [];
  const start = Math.floor(Date.now() / 1000);
  for (let index = 0; index < count; index++) {
    const parent = index === 0 ? '' : `parent ${ids[index - 1]}\n`;
    const person = `signer <${email}> ${start} +0000`;
    const head = `tree ${tree}\n${parent}author ${person}\ncommitter ${person}\n`;
    const body = `\nfeat: change number ${index}\n\nWith a text of the usual length that says why.\n`;
    const armored = (await signer.sign(Buffer.from(head + body))).trimEnd().replaceAll('\n', '\n ');
    const text = Buffer.from(`${head}gpgsig ${armored}\n${body}`);
    ids.push(createHash('sha1').update(`commit ${text.length}\0`).update(text).digest('hex'));
    objects.push(text);
  }
  git(['-C', root, 'index-pack', '--stdin'], packOf(objects));
  git(['-C', root, 'update-ref', 'refs/heads/main', ids.at(-1) ?? '']);
  return ids;
}

/** gitformat-pack(5), commits only, none as a delta. */
function packOf(objects: readonly Buffer[]): Buffer {
  const head = Buffer.from('PACK\0\0\0\u0002\0\0\0\0', 'latin1');
  head.writeUInt32BE(objects.length, 8);
  const parts = [head];
  for (const object of objects) {
    const size = [(1 << 4) | (object.length & 15)];
    for (let rest = object.length >> 4; rest > 0; rest >>= 7) {
      size[size.length - 1] = (size.at(-1) ?? 0) | 0x80;
      size.push(rest & 0x7f);
    }
    parts.push(Buffer.from(size), deflateSync(object, { level: 1 }));
  }
  const pack = Buffer.concat(parts);
  return Buffer.concat([pack, createHash('sha1').update(pack).digest()]);
}

function makeSsh(): Signer {
  const text = (value: Uint8Array | string) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(Buffer.byteLength(value));
    return Buffer.concat([length, Buffer.from(value as Uint8Array)]);
  };
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const point = Buffer.from(String(publicKey.export({ format: 'jwk' }).x), 'base64url');
  const blob = Buffer.concat(['ssh-ed25519', point].map(text));
  return {
    trust(root) {
      const file = join(root, '.zakenak/allowed_signers');
      mkdirSync(join(root, '.zakenak'));
      writeFileSync(file, `${email} ssh-ed25519 ${blob.toString('base64')}\n`);
      execFileSync('git', ['-C', root, 'config', 'gpg.ssh.allowedSignersFile', file]);
    },
    sign(payload) {
      const hash = createHash('sha512').update(payload).digest();
      const data = Buffer.concat([Buffer.from('SSHSIG'), ...['git', '', 'sha512', hash].map(text)]);
      const inner = Buffer.concat(['ssh-ed25519', sign(null, data, privateKey)].map(text));
      const version = Buffer.from([0, 0, 0, 1]);
      const fields = [blob, 'git', '', 'sha512', inner].map(text);
      const base64 = Buffer.concat([Buffer.from('SSHSIG'), version, ...fields]).toString('base64');
      return `-----BEGIN SSH SIGNATURE-----\n${base64.replace(/.{70}(?=.)/g, '$&\n')}\n-----END SSH SIGNATURE-----`;
    },
  };
}

async function makeOpenPgp(): Promise<Signer> {
  const made = await openpgp.generateKey({
    userIDs: [{ name: 'signer', email }],
    date: new Date(Date.now() - 60_000),
    format: 'object',
  });
  const armored = made.publicKey.armor();
  return {
    trust(root) {
      mkdirSync(join(root, '.zakenak/keyring'), { recursive: true });
      writeFileSync(join(root, '.zakenak/keyring/signer.asc'), armored);
      execFileSync('gpg', ['--batch', '--quiet', '--import'], { env, input: armored });
    },
    async sign(payload) {
      const message = await openpgp.createMessage({ binary: payload });
      return String(await openpgp.sign({ message, signingKeys: made.privateKey, detached: true })).replaceAll(
        '\r',
        '',
      );
    },
  };
}

/** A certificate of openssl's own authority, and gpgsm that signs by it, one process a signature as git does. */
function makeX509(): Signer {
  const at = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const gpgsm = (args: readonly string[], input: string | Buffer = '') =>
    execFileSync('gpgsm', ['--batch', '--quiet', ...args], { env, input, stdio: ['pipe', 'pipe', 'pipe'] });
  const authority = 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n';
  writeFileSync(
    at('ca.cnf'),
    `[req]\ndistinguished_name=n\nprompt=no\nx509_extensions=x\n[n]\nCN=Root\n[x]\n${authority}`,
  );
  writeFileSync(at('leaf.cnf'), `keyUsage=critical,digitalSignature\nsubjectAltName=email:${email}\n`);
  const newKey = ['-newkey', 'rsa:2048', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-config',
    'ca.cnf',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    '30',
  );
  openssl('req', ...newKey, '-subj', '/CN=signer', '-keyout', 'leaf.key', '-out', 'leaf.csr');
  const by = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'leaf.cnf'];
  openssl('x509', '-req', '-in', 'leaf.csr', ...by, '-out', 'leaf.pem', '-days', '20');
  const legacy = ['-legacy', '-passout', 'pass:', '-out', 'leaf.p12'];
  openssl('pkcs12', '-export', '-in', 'leaf.pem', '-inkey', 'leaf.key', ...legacy);
  const print = String(openssl('x509', '-in', 'ca.pem', '-noout', '-fingerprint', '-sha1')).replace(
    /.*=/,
    '',
  );
  writeFileSync(join(home, 'trustlist.txt'), `${print.trim()} S relax\n`);
  writeFileSync(join(home, 'gpgsm.conf'), 'disable-crl-checks\ndisable-dirmngr\n');
  gpgsm(['--import', at('ca.pem')]);
  gpgsm(['--pinentry-mode', 'loopback', '--passphrase-fd', '0', '--import', at('leaf.p12')], '\n');
  return {
    trust(root) {
      mkdirSync(join(root, '.zakenak'));
      copyFileSync(at('ca.pem'), join(root, '.zakenak/ca_certificates'));
    },
    sign: (payload) => String(gpgsm(['--local-user', email, '--detach-sign', '--armor'], payload)),
  };
}
