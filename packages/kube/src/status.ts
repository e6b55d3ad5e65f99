import { KubeStatusError } from '@zakenak/core';
import type { Answer } from './transport.ts';

interface StatusBody {
  readonly kind?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly details?: {
    readonly causes?: KubeStatusError['causes'];
    readonly retryAfterSeconds?: number;
  };
}

const reasons: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Gone',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** An error answer as an exception: the server's Status object where it sent one, else its text. */
export function toStatusError(answer: Pick<Answer, 'status' | 'text'>): KubeStatusError {
  const body = parseStatus(answer.text);
  return new KubeStatusError({
    status: answer.status,
    reason: body?.reason || reasons[answer.status] || `HTTP ${answer.status}`,
    message:
      body?.message ||
      (body ? '' : answer.text.trim().slice(0, 500)) ||
      `the server answered ${answer.status}`,
    causes: causesOf(body).map(({ reason, message, field }) => ({
      ...(reason ? { reason } : {}),
      ...(message ? { message } : {}),
      ...(field ? { field } : {}),
    })),
  });
}

function causesOf(body: StatusBody | undefined): KubeStatusError['causes'] {
  const causes: unknown = body?.details?.causes;
  return Array.isArray(causes) ? causes.filter((cause) => typeof cause === 'object' && cause !== null) : [];
}

/** An ERROR event of a watch carries a Status object instead of the kind watched. */
export function eventToStatusError(object: unknown): KubeStatusError {
  return toStatusError({ status: (object as StatusBody)?.code ?? 500, text: JSON.stringify(object) });
}

/** Milliseconds that the server asks to wait: Retry-After in seconds, or the Status's retryAfterSeconds. Undefined where it names no time or none at all: our own pauses grow. */
export function retryAfterMs(answer: Pick<Answer, 'headers' | 'text'>): number | undefined {
  const seconds = Number(
    answer.headers['retry-after'] ?? parseStatus(answer.text)?.details?.retryAfterSeconds,
  );
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
}

/** The Status object that an answer is; undefined where it is none. */
export function parseStatus(text: string): StatusBody | undefined {
  if (!text.trimStart().startsWith('{')) return undefined;
  try {
    const body = JSON.parse(text) as StatusBody;
    return body.kind === 'Status' ? body : undefined;
  } catch {
    return undefined;
  }
}
