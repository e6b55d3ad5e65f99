/** What keeps a write from being made too late. */
export interface Fence {
  /** Throws where it must not be sent any more: asked before each try, and again when a connection stands. */
  readonly guard: () => void;
  /** Milliseconds for which one that was sent may still go on; then it is given up, and the server gives it up where it has not been carried out. */
  readonly leftMs?: () => number;
}

/** Calls `giveUp` when a write whose answer did not come may not be carried out any more. Returns what ends the watch over it. */
export function giveUpInTime({ guard, leftMs }: Fence, giveUp: (refused: Error) => void): () => void {
  if (!leftMs) return () => {};
  const look = (): void => {
    const left = leftMs();
    if (left > 0) {
      timer = setTimeout(look, left);
      return;
    }
    try {
      guard();
    } catch (refused) {
      giveUp(refused as Error);
    }
  };
  let timer = setTimeout(look, leftMs());
  return () => clearTimeout(timer);
}
