// A `setTimeout` whose callbacks never enter a paused program, and which says how late each of them is: an event loop that
// others held up must not look like a program that waits. It knows nothing of what the callbacks do.

/** How soon a timer looks again that is due during a pause. */
const pausedLookMs = 1;
/** No timer is due sooner: a loop of empty waits is waiting too. */
const minDelayMs = 1;

export interface TimerHooks {
  readonly now: () => number;
  /** Callbacks wait while it says so. */
  readonly isPaused: () => boolean;
  /** Told before each callback when it was due. */
  readonly onFire: (dueMs: number) => void;
  /** Told when a callback has returned. */
  readonly onReturn: () => void;
}

type StartTimer = (callback: () => void, delayMs: number) => unknown;

export function createGatedTimeout(start: StartTimer, hooks: TimerHooks) {
  return (callback: () => unknown, delayMs = 0): unknown => {
    // A delay may be anything a program wrote, NaN for one.
    const dueMs = hooks.now() + (delayMs > minDelayMs ? delayMs : minDelayMs);
    const fire = (): void => {
      // The callback may enter the interpreter, whose stack belongs to the paused program alone.
      if (hooks.isPaused()) {
        start(fire, pausedLookMs);
        return;
      }
      hooks.onFire(dueMs);
      callback();
      hooks.onReturn();
    };
    return start(fire, delayMs);
  };
}
