import { cancelled } from '@zakenak/core';

/** What an aborted signal stands for: its own reason when that is one of our errors. */
export function reasonOf(signal: AbortSignal): unknown {
  return signal.reason instanceof Error && 'remedy' in signal.reason ? signal.reason : cancelled();
}

/** Stops waiting when the signal fires; what was asked goes on for others. Where it has fired before, this is the tidying up, which is waited for. */
export async function waitUntil<T>(signal: AbortSignal | undefined, answer: Promise<T>): Promise<T> {
  if (!signal || signal.aborted) return answer;
  const over = Promise.withResolvers<never>();
  const onAbort = () => over.reject(reasonOf(signal));
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([answer, over.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
