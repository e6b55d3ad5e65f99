import { cancelled } from '@zakenak/core';

/** An abort signal that fires on Ctrl-C and SIGTERM with a `run/cancelled` error; a second Ctrl-C ends at once. `dispose` stops listening. */
export function listenForCancellation(): { readonly signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  const listeners = (['SIGINT', 'SIGTERM'] as const).map((name) => {
    const listener = () => {
      if (controller.signal.aborted) process.exit(name === 'SIGINT' ? 130 : 143);
      process.stderr.write(`\n${name}: stopping; once more ends at once.\n`);
      controller.abort(cancelled(name));
    };
    process.on(name, listener);
    return { name, listener };
  });
  return {
    signal: controller.signal,
    dispose: () => {
      for (const { name, listener } of listeners) process.off(name, listener);
    },
  };
}
