// A bound for work that may never settle, as a call to a store that hangs. The work is told by its signal and is
// left behind where it does not listen; whatever it still does must be harmless when it is done again.

import type { Clock } from "../src/engines/clock.ts";

export async function within<T>(
  clock: Pick<Clock, "after">,
  limitMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const { promise: limit, reject } = Promise.withResolvers<never>();
  const stopTimer = clock.after(limitMs, () => {
    reject(new Error(`not done within ${limitMs} ms`));
    over.abort();
  });
  try {
    return await Promise.race([work(over.signal), limit]);
  } finally {
    stopTimer();
  }
}
