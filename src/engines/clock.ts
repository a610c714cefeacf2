// Time as a port: what the engines and the retries need of it. Nothing here reads the wall clock; the entry
// point hands in `now`, and a test hands in whatever it likes.

export interface Clock {
  /** Milliseconds since the epoch; only `Retry-After` dates and the age of what was learnt need it. */
  now(this: void): number;
  /** Resolves after `ms`, or at once when the signal aborts; never rejects. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Calls `fire` once after `ms`, unless the returned function is called before: a deadline costs less than a sleep. */
  after(this: void, ms: number, fire: () => void): () => void;
}

/** A clock with real timers. The timer is cleared on abort: a pending one would keep a Durable Object in memory. */
export function createClock(now: () => number): Clock {
  return {
    now,
    sleep(ms, signal) {
      if (signal.aborted) {
        return Promise.resolve();
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      signal.addEventListener("abort", wake);
      return promise;
    },
    after(ms, fire) {
      const timer = setTimeout(fire, ms);
      return () => {
        clearTimeout(timer);
      };
    },
  };
}
