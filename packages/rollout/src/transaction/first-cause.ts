import { asZakenakError, KubeStatusError, ZakenakError } from '@zakenak/core';

/** Runs what deals with a failure. An error that ends it keeps its code, remedy and cause, and its message tells first why there was something to deal with; `cause` is redacted, and a sentence. */
export async function tellingFirst<T>(cause: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (thrown) {
    if (!(thrown instanceof ZakenakError || thrown instanceof KubeStatusError)) throw thrown;
    const { code, remedy, exitCode, message, cause: origin } = asZakenakError(thrown);
    // No error of its own: each code is listed in docs/errors.md from where it is first made.
    const told = {
      code,
      remedy,
      exitCode,
      message: `${cause} Then this failed too: ${message}`,
      cause: origin,
    };
    throw new ZakenakError(told);
  }
}
