import { createHash } from 'node:crypto';

/** Author or committer of a commit. */
export interface Identity {
  readonly name: string;
  readonly email: string;
  /** Seconds since 1970. */
  readonly time: number;
}

/** A commit as its object says, byte for byte where signatures need it. */
export interface Commit {
  readonly id: string;
  readonly parents: readonly string[];
  readonly author: Identity;
  readonly committer: Identity;
  readonly message: string;
  /** First line of the message, at most 72 characters, without control characters. */
  readonly subject: string;
  /** Every header whose name starts with `gpgsig`: one on a signed commit, two or more on a forged one. */
  readonly signatures: readonly string[];
  /** What the signature covers: the object without its signature headers. */
  readonly payload: Uint8Array;
}

/** What a signature's judgement needs of the object that it stands in: a commit, or a tag with its tagger. */
export type Signable = Pick<Commit, 'payload' | 'committer'>;

/** Why an object is not accepted as a commit. */
export interface Malformed {
  readonly id: string;
  readonly malformed: string;
}

/** Whether parseCommit or parseTag refused the object. */
export function isMalformed(parsed: object): parsed is Malformed {
  return 'malformed' in parsed;
}

const identityForm = /^([^<>\n\0]*?) ?<([^<>\n\0]*)> (\d{1,12}) [+-]\d{4}$/;

/**
 * Parses a commit object (git's commit.c, and parse_buffer_signed_by_header for the payload), stricter than git: headers in git's order, one author, one
 * committer, whole ids, no NUL, an identity with one address. What git would read in two ways is refused. `text` holds bytes one to one (latin1).
 */
export function parseCommit(id: string, text: string): Commit | Malformed {
  const refuse = (malformed: string): Malformed => ({ id, malformed });
  if (!hasId(id, text)) return refuse('its content does not have its object id');
  const end = text.indexOf('\n\n');
  const head = end < 0 ? text : text.slice(0, end + 1);
  // Git shows nothing behind it: room for the bytes that a crafted collision of SHA-1 needs.
  if (text.includes('\0')) return refuse('a NUL byte stands in it, which hides what follows');
  if (!head.endsWith('\n')) return refuse('its headers do not end');
  const headers = splitHeaders(head);
  if (headers === undefined) return refuse('a continuation line comes before the first header');
  const names = headers.map(({ name }) => name);
  if (
    !/^tree (parent )*author committer( (?!(tree|parent|author|committer) )\S+)* $/.test(
      `${names.join(' ')} `,
    )
  )
    return refuse('its headers are not tree, parents, author, committer in this order, each once');
  const ids = headers.filter(({ name }) => name === 'tree' || name === 'parent');
  if (!ids.every(({ value }) => value.length === id.length && /^[0-9a-f]+$/.test(value)))
    return refuse('its tree or a parent is no object id');
  const valueOfHeader = (name: string) => headers.find((header) => header.name === name)?.value ?? '';
  const author = parseIdentity(valueOfHeader('author'));
  const committer = parseIdentity(valueOfHeader('committer'));
  if (!author || !committer) return refuse('its author or committer is not `Name <address> time zone`');
  const message = decode(end < 0 ? '' : text.slice(end + 2));
  const signed = headers.filter(({ name }) => name.startsWith('gpgsig'));
  const readByGit = id.length === 64 ? 'gpgsig-sha256' : 'gpgsig';
  if (signed.length === 1 && signed[0]?.name !== readByGit)
    return refuse(`its signature does not stand in ${readByGit}, where git reads it`);
  const unsigned = headers.filter(({ name }) => !name.startsWith('gpgsig')).map(({ raw }) => raw);
  return {
    id,
    parents: headers.filter(({ name }) => name === 'parent').map(({ value }) => value),
    author,
    committer,
    message,
    subject: (message.split('\n', 1)[0] ?? '').replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ').slice(0, 72),
    signatures: signed.map(({ value }) => value),
    payload: Buffer.from(unsigned.join('') + text.slice(head.length), 'latin1'),
  };
}

interface Header {
  readonly name: string;
  readonly value: string;
  readonly raw: string;
}

/** Headers in their order, continuation lines joined; undefined where the first line continues nothing. */
export function splitHeaders(head: string): readonly Header[] | undefined {
  const headers: { name: string; lines: string[]; raw: string }[] = [];
  for (const line of head.slice(0, -1).split('\n')) {
    const last = headers.at(-1);
    if (line.startsWith(' ')) {
      if (!last) return undefined;
      last.lines.push(line.slice(1));
      last.raw += `${line}\n`;
      continue;
    }
    const space = line.indexOf(' ');
    const name = space < 0 ? line : line.slice(0, space);
    headers.push({ name, lines: [space < 0 ? '' : line.slice(space + 1)], raw: `${line}\n` });
  }
  return headers.map(({ name, lines, raw }) => ({ name, value: lines.join('\n'), raw }));
}

/** Reads `Name <address> seconds zone`; undefined where it is anything else or could be read in two ways. */
export function parseIdentity(value: string): Identity | undefined {
  const match = identityForm.exec(value);
  if (!match) return undefined;
  return { name: decode(match[1] ?? ''), email: decode(match[2] ?? ''), time: Number(match[3]) };
}

/** Whether the bytes have that object id. Where the id is SHA-1, a crafted collision passes here as in git. */
export function hasId(id: string, text: string, kind: 'commit' | 'tag' = 'commit'): boolean {
  const hash = createHash(id.length === 64 ? 'sha256' : 'sha1');
  return hash.update(`${kind} ${text.length}\0${text}`, 'latin1').digest('hex') === id;
}

function decode(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8');
}
