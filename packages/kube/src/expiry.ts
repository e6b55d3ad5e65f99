import { X509Certificate } from 'node:crypto';
import type { Credential } from './credentials.ts';

/**
 * Why a server turned a credential away, where the credential itself tells: its certificate or its token (RFC 7519, `exp`) has run out. The server's own reason is
 * only in its log. Signatures are not looked at, and nothing of the credential but the date is told.
 */
export function expiryOf(credential: Credential, now: Date = new Date()): string | undefined {
  const dated = [
    { what: 'the client certificate', ended: certificateEnd(credential.certificate) },
    { what: 'the token', ended: tokenEnd(credential.headers['authorization']) },
  ];
  const found = dated.find(({ ended }) => ended !== undefined && ended <= now.getTime());
  return found && `${found.what} expired ${new Date(found.ended ?? 0).toISOString()}`;
}

/** Milliseconds since the epoch. */
function certificateEnd(pem: string | undefined): number | undefined {
  if (pem === undefined) return undefined;
  try {
    return new X509Certificate(pem).validToDate.getTime();
  } catch {
    return undefined;
  }
}

function tokenEnd(authorization: string | readonly string[] | undefined): number | undefined {
  const [, payload] = /^Bearer [\w-]+\.([\w-]+)\.[\w-]*$/.exec(String(authorization ?? '')) ?? [];
  if (payload === undefined) return undefined;
  try {
    const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as { exp?: unknown };
    return typeof exp === 'number' && Number.isFinite(exp) ? exp * 1_000 : undefined;
  } catch {
    return undefined;
  }
}
