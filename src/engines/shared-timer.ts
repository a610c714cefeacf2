// Many deadlines over one timer of the platform. Each call of a run has its deadlines, and nearly none is ever reached;
// setting and clearing a timer for each took a thirtieth of a run's processor time. A timer that is no longer needed is
// left to ring once for nothing.

import type { Clock } from "./clock.ts";

export interface SharedTimer extends Pick<Clock, "after"> {
  /** The time of every deadline that still stands is over now: what it watches must not outlive the run. */
  close(): void;
}

interface Deadline {
  readonly dueMs: number;
  readonly fire: () => void;
}

export function createSharedTimer(clock: Pick<Clock, "now" | "after">): SharedTimer {
  const deadlines = new Set<Deadline>();
  let armed: { readonly dueMs: number; readonly stop: () => void } | null = null;

  function arm(dueMs: number): void {
    if (armed === null || dueMs < armed.dueMs) {
      armed?.stop();
      armed = { dueMs, stop: clock.after(Math.max(0, dueMs - clock.now()), ring) };
    }
  }

  function ring(): void {
    // A clock that is set back must not put off what the timer has waited for.
    const nowMs = Math.max(clock.now(), armed?.dueMs ?? 0);
    armed = null;
    fireAll([...deadlines].filter(({ dueMs }) => dueMs <= nowMs));
    if (deadlines.size > 0) {
      arm(Math.min(...[...deadlines].map(({ dueMs }) => dueMs)));
    }
  }

  /** One of them may stop another. */
  function fireAll(due: readonly Deadline[]): void {
    for (const deadline of due) {
      if (deadlines.delete(deadline)) {
        deadline.fire();
      }
    }
  }

  return {
    after(ms, fire) {
      const deadline = { dueMs: clock.now() + ms, fire };
      deadlines.add(deadline);
      arm(deadline.dueMs);
      return () => {
        deadlines.delete(deadline);
      };
    },
    close() {
      armed?.stop();
      armed = null;
      fireAll([...deadlines]);
    },
  };
}
