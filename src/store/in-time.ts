// A call to a store that must not hold up what it is only a help for.

import { openDeadline } from "../lib/deadline.ts";

/** Rejects where the call has not settled by then; it may still go on. */
export async function inTime<T>(timeoutMs: number, call: () => Promise<T>): Promise<T> {
  const deadline = openDeadline(timeoutMs, null);
  const { promise, reject } = Promise.withResolvers<never>();
  deadline.signal.addEventListener("abort", () => reject(deadline.signal.reason));
  try {
    return await Promise.race([call(), promise]);
  } finally {
    deadline.close();
  }
}
