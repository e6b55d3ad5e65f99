/** Runs at most a fixed number of bodies at a time; the others wait in order. */
export type Limiter = <T>(body: () => Promise<T>) => Promise<T>;

/** A limiter of `width` places. */
export function createLimiter(width: number): Limiter {
  const waiting: (() => void)[] = [];
  let free = width;
  return async (body) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await body();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    }
  };
}
