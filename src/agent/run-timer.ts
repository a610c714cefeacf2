// The run's own clock: it counts time with a loop alive and stands still during an engine's back-off and while a tool
// waits behind other runs, so that neither a busy server nor a full pool eats a run's `max_seconds`.

import type { Clock } from "../engines/clock.ts";
import { createSharedTimer } from "../engines/shared-timer.ts";

export interface RunTimer {
  /** Counted milliseconds so far, earlier incarnations of the loop included. */
  activeMs(): number;
  /** Sleeps without counting the time. */
  backOff(ms: number, signal: AbortSignal): Promise<void>;
  /** Stands still until the promise settles, but for all of a run's holds together no longer than `maxHeldMs`. */
  hold(until: Promise<unknown>): void;
  /** Aborts once `limitMs` have been counted in all. One limit is watched at a time, the one asked for last. */
  limitSignal(limitMs: number): AbortSignal;
  /** As the clock's, over one timer for all deadlines of the run's calls. */
  readonly after: Clock["after"];
  /** Ends the watch and all deadlines. */
  close(): void;
}

/** How often to look during a back-off: with little time left, the time left would be far too often. */
const pausedLookMs = 100;

export function createRunTimer(clock: Clock, earlierMs: number, maxHeldMs: number): RunTimer {
  const startedAt = clock.now();
  const deadlines = createSharedTimer(clock);
  let pausedMs = 0;
  let pausedAt = startedAt;
  // A tool may have two calls in back-off at once: the clock stands from the first one's start to the last one's end.
  let pauses = 0;
  const activeMs = (): number => earlierMs + (pauses > 0 ? pausedAt : clock.now()) - startedAt - pausedMs;

  let watched: {
    readonly limitMs: number;
    readonly limit: AbortController;
    readonly finished: AbortController;
  } | null = null;

  async function watch(limitMs: number, limit: AbortController, finished: AbortSignal): Promise<void> {
    // A back-off moves the deadline, so look again each time the alarm clock rings.
    while (!finished.aborted && activeMs() < limitMs) {
      await clock.sleep(Math.max(pauses > 0 ? pausedLookMs : 1, limitMs - activeMs()), finished);
    }
    if (!finished.aborted) {
      limit.abort();
    }
  }

  async function during(pause: Promise<unknown>): Promise<void> {
    if (pauses === 0) {
      pausedAt = clock.now();
    }
    pauses += 1;
    await pause;
    pauses -= 1;
    if (pauses === 0) {
      pausedMs += clock.now() - pausedAt;
    }
  }

  // All of a run's holds together: where they overlap the time counts once.
  let holds = 0;
  let heldMs = 0;
  let heldAt = 0;
  const heldSoFarMs = (): number => heldMs + (holds > 0 ? clock.now() - heldAt : 0);

  async function heldFor(until: Promise<unknown>): Promise<void> {
    const settled = new AbortController();
    const bound = clock.sleep(Math.max(0, maxHeldMs - heldSoFarMs()), settled.signal);
    heldAt = holds === 0 ? clock.now() : heldAt;
    holds += 1;
    await Promise.race([until.catch(() => undefined), bound]);
    settled.abort();
    holds -= 1;
    heldMs += holds === 0 ? clock.now() - heldAt : 0;
  }

  return {
    activeMs,
    backOff: (ms, signal) => during(clock.sleep(ms, signal)),
    hold(until) {
      void during(heldFor(until));
    },
    limitSignal(limitMs) {
      if (watched?.limitMs !== limitMs) {
        watched?.finished.abort("finished");
        watched = { limitMs, limit: new AbortController(), finished: new AbortController() };
        void watch(limitMs, watched.limit, watched.finished.signal);
      }
      return watched.limit.signal;
    },
    after: deadlines.after,
    close() {
      watched?.finished.abort("finished");
      watched = null;
      deadlines.close();
    },
  };
}
