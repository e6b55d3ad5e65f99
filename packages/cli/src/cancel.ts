import { cancelled } from '@zakenak/core';

/** An abort signal that fires on Ctrl-C, SIGTERM and a terminal that closes, with a `run/cancelled` error; a second one ends at once; `print` shows what it says. `dispose` stops listening. */
export function listenForCancellation(print: (text: string) => void): {
  readonly signal: AbortSignal;
  dispose(): void;
} {
  const controller = new AbortController();
  const listeners = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((name) => {
    const error = cancelled(name === 'SIGINT' ? 'SIGINT' : 'SIGTERM');
    const listener = () => {
      if (controller.signal.aborted) process.exit(error.exitCode);
      print(`\n${name}: stopping; once more ends at once.\n`);
      controller.abort(error);
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
