import { createHash } from 'node:crypto';
import { isMalformed, parseCommit } from '../commit-object.ts';
import { parseTag } from '../tag-object.ts';
import { demand, type FuzzTarget } from './fuzz.ts';
import { mutateMore, noise, pick, type Random } from './mutation.ts';

/** The object id of bytes. */
export function idOf(kind: 'commit' | 'tag', text: string, hash: 'sha1' | 'sha256' = 'sha1'): string {
  return createHash(hash).update(`${kind} ${text.length}\0${text}`, 'latin1').digest('hex');
}

const armors = ['PGP SIGNATURE', 'PGP MESSAGE', 'SSH SIGNATURE', 'SIGNED MESSAGE'];
const armored = (random: Random) => {
  const kind = pick(armors, random);
  return `-----BEGIN ${kind}-----\n${Buffer.from(noise(60, random), 'latin1').toString('base64')}\n-----END ${kind}-----`;
};

function identity(random: Random): string {
  const name = pick(['a', '', 'a b', 'a <x@y>', noise(10, random)], random);
  const email = pick(['signer@example.invalid', '', 'a@b> <c', ' a@b ', noise(10, random)], random);
  const time = pick(['1700000000', '0', '-1', '99999999999999', '1.5', ''], random);
  const usual = random(3) > 0;
  return usual
    ? 'a <signer@example.invalid> 1700000000 +0000'
    : `${name} <${email}> ${time} ${pick(['+0000', '-1200', 'Z', ''], random)}`;
}

function header(random: Random): string {
  const hex = '1'.repeat(40);
  const name = pick(
    [
      'tree',
      'parent',
      'author',
      'committer',
      'encoding',
      'mergetag',
      'gpgsig',
      'gpgsig-sha256',
      'gpgsigx',
      noise(6, random),
    ],
    random,
  );
  if (name.startsWith('gpgsig')) return `${name} ${armored(random).replaceAll('\n', '\n ')}\n`;
  if (name === 'author' || name === 'committer') return `${name} ${identity(random)}\n`;
  if (name === 'mergetag')
    return `${name} object ${hex}\n type commit\n gpgsig ${armored(random).replaceAll('\n', '\n ')}\n`;
  return `${name} ${pick([hex, noise(12, random)], random)}\n`;
}

const several = (most: number, random: Random, make: (random: Random) => string) =>
  Array.from({ length: random(most + 1) }, () => make(random)).join('');

/** A commit, mostly of git's shape. */
function makeCommit(random: Random): string {
  const hex = '1'.repeat(pick([40, 40, 40, 64], random));
  const parents = several(3, random, () => `parent ${hex}\n`);
  const more = several(3, random, header);
  const first = random(10) === 0 ? header(random) : '';
  return `${first}tree ${hex}\n${parents}author ${identity(random)}\ncommitter ${identity(random)}\n${more}\n${noise(80, random)}`;
}

function makeTag(random: Random): string {
  const head = `object ${'1'.repeat(40)}\ntype ${pick(['commit', 'tag', 'blob'], random)}\ntag ${pick(['v1', '', noise(8, random)], random)}\n`;
  const more = random(8) === 0 ? header(random) : '';
  const message = several(3, random, (some) => pick([`${armored(some)}\n`, `${noise(20, some)}\n`], some));
  return `${head}tagger ${identity(random)}\n${more}\n${message}`;
}

/** Headers, read by git's rule alone: a line and those that continue it. */
function withoutSignatures(text: string): string {
  const end = text.indexOf('\n\n');
  const head = end < 0 ? text : text.slice(0, end + 1);
  let dropping = false;
  const kept = head.split(/(?<=\n)/).filter((line) => {
    if (!line.startsWith(' ')) dropping = line.startsWith('gpgsig');
    return !dropping;
  });
  return kept.join('') + text.slice(head.length);
}

function checkCommit(text: string): void {
  const id = idOf('commit', text, /^tree [0-9a-f]{64}\n/.test(text) ? 'sha256' : 'sha1');
  const commit = parseCommit(id, text);
  demand(commit.id === id, 'it has another id');
  if (isMalformed(commit)) return;
  const payload = Buffer.from(commit.payload).toString('latin1');
  demand(payload === withoutSignatures(text), 'the payload is not the object without its signatures');
  const end = payload.indexOf('\n\n');
  const head = end < 0 ? payload : payload.slice(0, end + 1);
  for (const name of ['tree', 'author', 'committer'])
    demand(head.split('\n').filter((line) => line.startsWith(`${name} `)).length === 1, `not one ${name}`);
  const by = head.split('\n').find((line) => line.startsWith('committer '));
  const address = Buffer.from(commit.committer.email).toString('latin1');
  demand(/\ufffd/.test(commit.committer.email) || by?.includes(`<${address}>`) === true, 'another address');
  demand(
    commit.signatures.length > 0 || !/^gpgsig/m.test(text.slice(0, head.length)),
    'it is called unsigned',
  );
  demand(
    commit.subject.length <= 72 && !/[\n\r\0]/.test(commit.subject),
    'its subject has control characters',
  );
}

function checkTag(text: string): void {
  const tag = parseTag(idOf('tag', text), text);
  if (isMalformed(tag)) return;
  demand(tag.signatures.length <= 1, 'a tag has one signature');
  const whole = Buffer.from(tag.payload).toString('latin1') + (tag.signatures[0] ?? '');
  demand(whole === text, 'payload and signature are not the object');
}

const target = (
  name: string,
  make: (random: Random) => string,
  check: (text: string) => void,
): FuzzTarget => ({
  name,
  generate: (random) => {
    const text = make(random);
    return { text: random(2) ? text : mutateMore(text, make(random), random) };
  },
  check: ({ text }) => check(text),
});

/** Commits and tags as git hands them out. */
export const objectTargets: readonly FuzzTarget[] = [
  target('commit object', makeCommit, checkCommit),
  target('tag object', makeTag, checkTag),
];
