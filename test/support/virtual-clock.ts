// Time for tests: a Clock whose hours pass only when told, or, by itself, when everything waits. Nothing here
// sleeps for real: "everything waits" means that the microtasks have run dry and only sleepers are left.

import type { Clock } from "../../src/engines/clock.ts";
import { afterBySleep } from "./after-by-sleep.ts";

export interface VirtualClock extends Clock {
  /** Moves time and wakes, in order, whoever is due by then. */
  advance(ms: number): Promise<void>;
  /** Moves time and wakes nobody: the hours in which the machine was off. */
  skip(ms: number): void;
  /** Sleepers that have not been woken. */
  readonly sleeping: number;
}

export interface VirtualClockOptions {
  readonly startMs?: number;
  /** `jump` (the default): when everything waits, go to the first sleeper's hour. `stay`: only `advance` moves time. */
  readonly whenIdle?: "jump" | "stay";
}

/** 2026-01-01T00:00:00Z, so that golden logs have readable times. */
export const epochMs = 1_767_225_600_000;

interface Sleeper {
  readonly dueMs: number;
  readonly wake: () => void;
}

export function createVirtualClock({ startMs = epochMs, whenIdle = "jump" }: VirtualClockOptions = {}): VirtualClock {
  const sleepers = new Set<Sleeper>();
  let nowMs = startMs;
  let jumpPlanned = false;

  function first(): Sleeper | null {
    let found: Sleeper | null = null;
    for (const sleeper of sleepers) {
      found = found === null || sleeper.dueMs < found.dueMs ? sleeper : found;
    }
    return found;
  }

  function planJump(): void {
    if (whenIdle === "stay" || jumpPlanned || sleepers.size === 0) {
      return;
    }
    jumpPlanned = true;
    setImmediate(() => {
      jumpPlanned = false;
      const sleeper = first();
      if (sleeper !== null) {
        nowMs = Math.max(nowMs, sleeper.dueMs);
        sleeper.wake();
        planJump();
      }
    });
  }

  function sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) {
      return Promise.resolve();
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = () => {
      sleepers.delete(sleeper);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const sleeper: Sleeper = { dueMs: nowMs + ms, wake };
    sleepers.add(sleeper);
    signal.addEventListener("abort", wake);
    planJump();
    return promise;
  }

  return {
    now: () => nowMs,
    get sleeping() {
      return sleepers.size;
    },
    sleep,
    after: afterBySleep(sleep),
    skip(ms) {
      nowMs += ms;
    },
    async advance(ms) {
      const untilMs = nowMs + ms;
      await settle();
      for (let due = first(); due !== null && due.dueMs <= untilMs; due = first()) {
        nowMs = Math.max(nowMs, due.dueMs);
        due.wake();
        await settle();
      }
      nowMs = untilMs;
    },
  };
}

/** Lets every microtask run that is ready, and those that they make ready. */
export function settle(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setImmediate(resolve);
  return promise;
}
