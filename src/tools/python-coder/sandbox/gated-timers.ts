// A `setTimeout` whose callbacks never enter a paused program, nor the interpreter after the end of the program that asked
// for them, and which says how late each of them is: an event loop that others held up must not look like a program that
// waits. It knows nothing of what the callbacks do.

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

export type StartTimer = (callback: () => unknown, delayMs?: number) => unknown;

export class GatedTimers {
  readonly #start: StartTimer;
  readonly #hooks: TimerHooks;
  #ended = 0;

  constructor(start: StartTimer, hooks: TimerHooks) {
    this.#start = start;
    this.#hooks = hooks;
  }

  /** In place of the global one, so that it needs no `this`. */
  readonly setTimeout: StartTimer = (callback, delayMs) => this.ofProgram()(callback, delayMs);

  /** The timers of the program that runs now: what is asked of them after its end is in vain too. */
  ofProgram(): StartTimer {
    const ended = this.#ended;
    return (callback, delayMs = 0) => {
      // A delay may be anything a program wrote, NaN for one.
      const dueMs = this.#hooks.now() + (delayMs > minDelayMs ? delayMs : minDelayMs);
      const fire = (): void => {
        if (ended !== this.#ended) {
          return; // whoever runs by now must not be disturbed, and between programs nothing is metered
        }
        // The callback may enter the interpreter, whose stack belongs to the paused program alone.
        if (this.#hooks.isPaused()) {
          this.#start(fire, pausedLookMs);
          return;
        }
        this.#hooks.onFire(dueMs);
        callback();
        this.#hooks.onReturn();
      };
      return this.#start(fire, delayMs);
    };
  }

  /** A program has ended: none of its callbacks fires any more. */
  endProgram(): void {
    this.#ended += 1;
  }
}
