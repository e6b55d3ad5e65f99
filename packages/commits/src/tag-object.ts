import { hasId, type Malformed, parseIdentity, type Signable, splitHeaders } from './commit-object.ts';

/** An annotated tag as its object says. */
export interface Tag extends Signable {
  readonly id: string;
  /** The name that was signed; a ref may carry another. */
  readonly name: string;
  readonly target: { readonly id: string; readonly kind: string };
  readonly signatures: readonly string[];
}

const signatureStart = /^-----BEGIN (?:PGP SIGNATURE|PGP MESSAGE|SSH SIGNATURE|SIGNED MESSAGE)-----/gm;

/**
 * Parses a tag object (git's tag.c, and parse_signed_buffer for the payload: the last line that begins a signature begins it). Stricter than git: exactly object,
 * type, tag, tagger in this order, so that a signature header of the other hash is refused too. `text` holds bytes one to one (latin1).
 */
export function parseTag(id: string, text: string): Tag | Malformed {
  const refuse = (malformed: string): Malformed => ({ id, malformed });
  if (!hasId(id, text, 'tag')) return refuse('its content does not have its object id');
  const end = text.indexOf('\n\n');
  const head = end < 0 ? text : text.slice(0, end + 1);
  if (text.includes('\0')) return refuse('a NUL byte stands in it, which hides what follows');
  if (!head.endsWith('\n')) return refuse('its headers do not end');
  const headers = splitHeaders(head);
  if (headers?.map(({ name }) => name).join(' ') !== 'object type tag tagger')
    return refuse('its headers are not object, type, tag, tagger in this order, each once');
  const [target = '', kind = '', name = '', by = ''] = headers.map(({ value }) => value);
  const committer = parseIdentity(by);
  if (!committer) return refuse('its tagger is not `Name <address> time zone`');
  if (!/^[0-9a-f]+$/.test(target) || target.length !== id.length) return refuse('it points to no object');
  const start = [...text.matchAll(signatureStart)].at(-1)?.index;
  return {
    id,
    name: Buffer.from(name, 'latin1').toString('utf8'),
    target: { id: target, kind },
    committer,
    signatures: start === undefined ? [] : [text.slice(start)],
    payload: Buffer.from(text.slice(0, start), 'latin1'),
  };
}
