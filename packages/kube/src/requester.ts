import { setTimeout as delay } from 'node:timers/promises';
import { KubeStatusError, ZakenakError } from '@zakenak/core';
import { reasonOf } from './abort.ts';
import { bodyOf } from './answer-body.ts';
import { noApiServer, refusalOf, unauthorized, unreachable } from './errors.ts';
import { createHoldUps, type HoldUps } from './hold-ups.ts';
import { NotSent } from './http2-connection.ts';
import { createServerClock, type ServerClock } from './server-clock.ts';
import { retryAfterMs, toStatusError } from './status.ts';
import type { Answer, Outgoing, Transport } from './transport.ts';

/** A request, and whether doing it twice is the same as doing it once. */
export interface Request extends Outgoing {
  readonly idempotent: boolean;
  /** Hand a 404 back as an answer instead of throwing it. */
  readonly mayBeAbsent?: boolean;
}

/** What is retried, for how long. Milliseconds. */
export interface RetryPolicy {
  /** Longest time spent on one request that the server turns away (429, 503) or does not answer. */
  readonly patienceMs: number;
  /** The same while no request has succeeded yet: a wrong address should be told at once. */
  readonly firstPatienceMs: number;
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
}

/** Used where nothing is said. */
const defaultRetries: RetryPolicy = {
  patienceMs: 30_000,
  firstPatienceMs: 1_000,
  firstPauseMs: 100,
  longestPauseMs: 5_000,
};

/** Sends requests until they are answered for good. */
export interface Requester {
  /** Throws KubeStatusError for status >= 400, `kube/unreachable`, `kube/no-api-server`, `kube/unauthorized`, and the signal's reason. */
  send(request: Request): Promise<
    Answer & {
      /** Read as JSON, but for a log. */ readonly body: unknown;
      /** An earlier try was lost on the way and may have been carried out. */ readonly afterLoss: boolean;
    }
  >;
  /** Turns a thrown connection error into `kube/unreachable`, or `kube/unauthorized` where it was for our certificate; passes everything else. */
  explain(thrown: unknown): unknown;
  readonly transport: Transport;
  readonly retries: RetryPolicy;
  readonly aheadMs: ServerClock['aheadMs'];
  readonly heldUp: HoldUps['latest'];
}

/** A requester that obeys Retry-After, renews a refused credential once, and repeats what was lost when that is harmless. */
export function createRequester(
  transport: Transport,
  target: { readonly server: string; readonly context: string },
  retries: RetryPolicy = defaultRetries,
  holdUps: HoldUps = createHoldUps(target.context),
): Requester {
  let succeeded = false;
  const clock = createServerClock();
  const explain = (thrown: unknown) => {
    if (thrown instanceof ZakenakError || thrown instanceof KubeStatusError) return thrown;
    const refused = refusalOf(thrown, transport.expired());
    return refused === undefined
      ? unreachable(target.server, target.context, thrown)
      : unauthorized(target.server, target.context, refused);
  };

  const sendOut: Requester['send'] = async (request) => {
    const started = performance.now();
    let pause = retries.firstPauseMs;
    let renewed = false;
    let afterLoss = false;
    let failures = 0;
    const wait = async (failure: unknown, asked?: number) => {
      const waitMs = asked ?? pause * (0.5 + Math.random() / 2);
      const patience = succeeded ? retries.patienceMs : retries.firstPatienceMs;
      // What the server asks for is granted once even when it is longer than our patience for guesses.
      const limit = asked === undefined ? patience : retries.patienceMs;
      if (performance.now() - started + waitMs > limit) throw failure;
      holdUps.add(request, failure, performance.now() - started + waitMs);
      pause = Math.min(pause * 2, retries.longestPauseMs);
      await delay(waitMs, undefined, request.signal ? { signal: request.signal } : {}).catch(() => {
        throw request.signal ? reasonOf(request.signal) : failure;
      });
    };
    for (;;) {
      let answer: Answer;
      const sentAt = performance.now();
      try {
        answer = await transport.send(request);
      } catch (thrown) {
        const failure = explain(thrown);
        if (failure instanceof ZakenakError && failure.code !== 'kube/unreachable') throw failure;
        if (!isRefused(thrown)) {
          if (!request.idempotent) throw failure;
          afterLoss = true;
        }
        await wait(failure);
        continue;
      }
      clock.hear(answer.headers['date'], performance.now() - sentAt);
      if (answer.status < 400 || (answer.status === 404 && request.mayBeAbsent)) {
        const body = bodyOf(answer, request);
        succeeded ||= body !== undefined;
        if (body !== undefined) return { ...answer, body, afterLoss };
        // Whether it reached the server is not known, as where its answer is lost.
        const failure = noApiServer(target, describe(request, answer));
        if (!request.idempotent) throw failure;
        afterLoss = true;
        await wait(failure);
        continue;
      }
      succeeded ||= answer.status !== 401;
      const failure = toStatusError(answer);
      if (answer.status === 401) {
        if (renewed || !transport.renew(answer)) {
          const reason = transport.expired() ?? failure.message;
          throw unauthorized(target.server, target.context, reason);
        }
        renewed = true;
      } else if (isTurnedAway(answer, request)) await wait(failure, retryAfterMs(answer));
      else if (isFailure(answer, request) && ++failures < mostFailures) await wait(failure);
      else throw failure;
    }
  };
  const send: Requester['send'] = async (request) => {
    let isAnswered = false;
    try {
      const answer = await sendOut(request);
      isAnswered = true;
      return answer;
    } finally {
      holdUps.remove(request, isAnswered);
    }
  };
  return { send, explain, transport, retries, aheadMs: clock.aheadMs, heldUp: holdUps.latest };
}

function describe({ method, path }: Request, { status, headers }: Answer): string {
  const [asked] = path.split('?');
  return `the answer to ${method} ${asked} (${status}, ${headers['content-type'] ?? 'of no type'}) is none of Kubernetes' objects`;
}

/** The server has not worked on it: the connection could not even be opened, or was just ending. */
function isRefused(thrown: unknown): boolean {
  if (thrown instanceof NotSent) return true;
  const first = thrown instanceof AggregateError ? thrown.errors[0] : thrown;
  return (first as NodeJS.ErrnoException | undefined)?.code === 'ECONNREFUSED';
}

/** A new leader of etcd, a request that took the server too long. Most other 500s stay what they are, so few tries tell. */
const mostFailures = 4;

/** A webhook that cannot be called is for the caller to wait for; that a kind has no such field, which is told by a 500 too, stays so. */
function isFailure(answer: Answer, { idempotent }: Request): boolean {
  return answer.status === 500 && idempotent && !/webhook|failed to create typed/i.test(answer.text);
}

/** 429 was never worked on; a 5xx that names a time, or that a gateway made, is worth another try when that is harmless. */
function isTurnedAway(answer: Answer, { idempotent }: Request): boolean {
  if (answer.status === 429) return true;
  if (!idempotent || answer.status < 500) return false;
  return [502, 503, 504].includes(answer.status) || retryAfterMs(answer) !== undefined;
}
