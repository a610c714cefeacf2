// Ends a program that merely waits, for which no meter looks at the limits. It looks again where the time went into
// computing or pauses. One that computes is the meter's.

/** Longer than the shortest delay, so that every timer that is due by then has its turn before. */
const secondLookMs = 2;

export interface WaitWatch {
  readonly maxWaitMs: number;
  readonly waitedMs: () => number;
  /** Returns what stops the timer. */
  readonly startTimer: (callback: () => void, delayMs: number) => () => void;
  readonly onTooLong: () => void;
}

/** Returns what ends the watch. */
export function watchWait({ maxWaitMs, waitedMs, startTimer, onTooLong }: WaitWatch): () => void {
  const look = (onNothingLeft: () => void): void => {
    const leftMs = maxWaitMs - waitedMs();
    if (leftMs > 0) {
      stop = startTimer(() => look(lookAgain), leftMs);
    } else {
      onNothingLeft();
    }
  };
  // Where nothing fired for long, the program's own timers are due as well; how late those are is not its waiting.
  const lookAgain = (): void => {
    stop = startTimer(() => look(onTooLong), secondLookMs);
  };
  let stop = startTimer(() => look(lookAgain), maxWaitMs);
  return () => stop();
}
