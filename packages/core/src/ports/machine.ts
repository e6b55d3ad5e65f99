/** Time. */
export interface Clock {
  now(): Date;
  /** Milliseconds from an arbitrary start that never run backwards. */
  monotonicMs(): number;
  /** Resolves after `ms` milliseconds; rejects with `run/cancelled` when the signal fires. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** A response whose body has been read. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Plain HTTP for registries and downloads. Throws ZakenakError `http/unreachable` and `http/timed-out`; any status is a result. */
export interface Http {
  request(
    request: {
      readonly url: string;
      readonly method?: string;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string | Uint8Array;
      readonly timeoutMs?: number;
      /** PEM of additional certificate authorities. */
      readonly ca?: string;
      /** Address of a proxy that is given the whole request, unencrypted, for an http: address. */
      readonly proxy?: string;
    },
    signal?: AbortSignal,
  ): Promise<HttpResponse>;
}
