import { parseStatus } from './status.ts';
import type { Answer, Outgoing } from './transport.ts';

/** What an API server says of a path that it does not serve; of an object that is not there it sends a Status. */
const unservedPath = '404 page not found';

/**
 * What an answer that is no refusal holds; undefined where no API server has sent it so: a page of what stands in between, half a text. Every object, list and
 * Status names its kind (https://kubernetes.io/docs/reference/using-api/api-concepts/#standard-api-terminology); the server's version alone does not. A log is any text.
 */
export function bodyOf({ status, text }: Pick<Answer, 'status' | 'text'>, asked: Outgoing): unknown {
  if (status === 404) return parseStatus(text) ?? (text.trim() === unservedPath ? {} : undefined);
  if (asked.accept === '*/*') return text;
  try {
    const body: unknown = JSON.parse(text);
    const { kind, gitVersion } = body as { readonly kind?: unknown; readonly gitVersion?: unknown };
    return typeof kind === 'string' || typeof gitVersion === 'string' ? body : undefined;
  } catch {
    return undefined;
  }
}
