import { createContext, Script } from 'node:vm';

/** Runs `body` at once and returns true; false where it took longer than `ms`, and was stopped amid whatever it did, expressions included. */
export function createWatchdog(ms: number): (body: () => void) => boolean {
  const context = createContext({ body: () => {} });
  const script = new Script('body()');
  return (body) => {
    context.body = body;
    try {
      script.runInContext(context, { timeout: ms });
      return true;
    } catch (thrown) {
      if ((thrown as { code?: unknown }).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return false;
      throw thrown;
    }
  };
}
