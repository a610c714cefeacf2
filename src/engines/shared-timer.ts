// Many deadlines over one timer of the platform. Each call of a run has its deadlines, and nearly none is ever reached;
// setting and clearing a timer for each took a thirtieth of a run's processor time. A timer that is no longer needed is
// left to ring once for nothing.

import type { Clock } from "./clock.ts";

export interface SharedTimer extends Pick<Clock, "after"> {
  /** Nothing fires any more. */
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
    armed = null;
    for (const deadline of [...deadlines].filter(({ dueMs }) => dueMs <= clock.now())) {
      deadlines.delete(deadline);
      deadline.fire();
    }
    if (deadlines.size > 0) {
      arm(Math.min(...[...deadlines].map(({ dueMs }) => dueMs)));
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
      deadlines.clear();
      armed?.stop();
      armed = null;
    },
  };
}
