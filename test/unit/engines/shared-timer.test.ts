// Many deadlines over one timer: each comes at its time, none comes that was stopped, and the platform is asked for as
// few timers as will do.

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createSharedTimer } from "../../../src/engines/shared-timer.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";

/** A clock that only the test moves, which counts the timers it is asked for. */
function counting() {
  const clock = createVirtualClock({ whenIdle: "stay" });
  const asked: number[] = [];
  const after = (ms: number, fire: () => void) => {
    asked.push(ms);
    return clock.after(ms, fire);
  };
  return { clock, asked, timer: createSharedTimer({ now: clock.now, after }) };
}

test("a deadline comes at its time, and once", async () => {
  const { clock, timer } = counting();
  const fired: number[] = [];
  const startMs = clock.now();
  timer.after(100, () => fired.push(clock.now() - startMs));
  await clock.advance(99);
  expect(fired).toEqual([]);
  await clock.advance(1000);
  expect(fired).toEqual([100]);
});

test("an earlier deadline does not wait for a later one, nor the later one for its turn", async () => {
  const { clock, timer } = counting();
  const fired: string[] = [];
  timer.after(120_000, () => fired.push("late"));
  timer.after(1000, () => fired.push("early"));
  await clock.advance(1000);
  expect(fired).toEqual(["early"]);
  await clock.advance(119_000);
  expect(fired).toEqual(["early", "late"]);
});

test("calls that end in time share one timer", async () => {
  const { clock, asked, timer } = counting();
  for (let call = 0; call < 14; call += 1) {
    const stop = timer.after(120_000, () => expect.unreachable("a call that had ended is timed out"));
    await clock.advance(5);
    stop();
  }
  expect(asked).toEqual([120_000]);
});

test("what fires may set a new deadline", async () => {
  const { clock, timer } = counting();
  const fired: string[] = [];
  timer.after(10, () => {
    fired.push("first");
    timer.after(10, () => fired.push("second"));
  });
  await clock.advance(20);
  expect(fired).toEqual(["first", "second"]);
});

test("what still stands at the end has its time over at once, and no timer is left", async () => {
  const { clock, timer } = counting();
  const fired: string[] = [];
  timer.after(10, () => fired.push("open"));
  timer.after(10, () => fired.push("stopped"))();
  timer.close();
  expect(fired).toEqual(["open"]);
  await clock.advance(20);
  expect(fired).toEqual(["open"]);
  expect(clock.sleeping).toBe(0);
});

test("what fires may stop another that is due at the same time", async () => {
  const { clock, timer } = counting();
  timer.after(10, () => stop());
  const stop = timer.after(10, () => expect.unreachable("a stopped deadline came"));
  await clock.advance(10);
});

test("a clock that is set back puts nothing off", async () => {
  const { clock } = counting();
  let setBackMs = 0;
  const timer = createSharedTimer({ now: () => clock.now() - setBackMs, after: clock.after });
  const fired: string[] = [];
  timer.after(100, () => fired.push("due"));
  setBackMs = 60_000;
  await clock.advance(100);
  expect(fired).toEqual(["due"]);
});

test("whatever is set and stopped, exactly what was not stopped in time fires, each at its time", async () => {
  const deadlines = fc.array(fc.record({ at: fc.nat(50), ms: fc.nat(100), stopAt: fc.option(fc.nat(200)) }));
  await fc.assert(
    fc.asyncProperty(deadlines, async (wanted) => {
      const { clock, timer } = counting();
      const startMs = clock.now();
      const fired: [index: number, atMs: number][] = [];
      const stops = new Map<number, () => void>();
      for (let atMs = 0; atMs <= 250; atMs += 1) {
        for (const [index, { at, ms, stopAt }] of wanted.entries()) {
          if (at === atMs) {
            stops.set(
              index,
              timer.after(ms, () => fired.push([index, clock.now() - startMs])),
            );
          }
          if (stopAt === atMs) {
            stops.get(index)?.();
          }
        }
        await clock.advance(1);
      }
      const due = wanted.flatMap(({ at, ms, stopAt }, index) => {
        const isStopped = stopAt !== null && stopAt >= at && stopAt < Math.max(at + ms, at + 1);
        return isStopped ? [] : [[index, at + ms] as const];
      });
      expect(fired.toSorted(([left], [right]) => left - right)).toEqual(due);
    }),
    { numRuns: 30 },
  );
});
