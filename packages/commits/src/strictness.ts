/** How strong and how fresh a key has to be. */
export interface Strictness {
  /** Of an RSA key, also of an authority. */
  readonly fewestRsaBits: number;
  /** Milliseconds for which an expired key or certificate still counts; a revoked one never does. */
  readonly graceMs: number;
}

/** The least that is ever demanded. */
export const leastStrict: Strictness = { fewestRsaBits: 2048, graceMs: 0 };
