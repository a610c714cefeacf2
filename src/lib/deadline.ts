// A time limit for one piece of I/O, beside the caller's signal. AbortSignal.timeout would do, but its timer runs on
// after the work is done, and a pending timer keeps a Durable Object in memory.

export interface Deadline {
  /** Aborts with the caller, or with a TimeoutError when the time is over. */
  readonly signal: AbortSignal;
  /** To be called when the work is done, however it ended. */
  close(): void;
}

export function openDeadline(timeoutMs: number, caller: AbortSignal | null): Deadline {
  const controller = new AbortController();
  const onAbort = () => controller.abort(caller?.reason);
  const timer = setTimeout(() => controller.abort(new DOMException("The time is over.", "TimeoutError")), timeoutMs);
  caller?.addEventListener("abort", onAbort, { once: true });
  if (caller?.aborted === true) {
    onAbort();
  }
  return {
    signal: controller.signal,
    close() {
      clearTimeout(timer);
      caller?.removeEventListener("abort", onAbort);
    },
  };
}
