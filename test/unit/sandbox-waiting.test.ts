// What counts as a program's waiting when others hold up the event loop. The loop here is a fake one, so that nothing
// depends on how fast anything runs.

import { describe, expect, test } from "vitest";
import { GatedTimers } from "../../src/tools/python-coder/sandbox/gated-timers.ts";
import { ImportStack } from "../../src/tools/python-coder/sandbox/import-stack.ts";
import { ProgramTime } from "../../src/tools/python-coder/sandbox/program-time.ts";
import { watchWait } from "../../src/tools/python-coder/sandbox/watch-wait.ts";

interface Timer {
  readonly dueMs: number;
  readonly callback: () => unknown;
}

/** Timers fire in the order in which they are due, each when the clock has come that far. */
function createLoop() {
  const clock = { ms: 0 };
  const timers: Timer[] = [];
  return {
    now: () => clock.ms,
    start: (callback: () => unknown, delayMs = 0): (() => void) => {
      const timer = { dueMs: clock.ms + (delayMs > 0 ? delayMs : 0), callback };
      timers.push(timer);
      return () => timers.splice(timers.indexOf(timer), 1);
    },
    /** Somebody computes; nothing fires. */
    hold(ms: number): void {
      clock.ms += ms;
    },
    /** What is due in this time has its turn. */
    run(ms: number): void {
      const endMs = clock.ms + ms;
      for (;;) {
        timers.sort((left, right) => left.dueMs - right.dueMs);
        const next = timers[0];
        if (next === undefined || Math.max(next.dueMs, clock.ms) > endMs) {
          clock.ms = endMs;
          return;
        }
        timers.shift();
        clock.ms = Math.max(next.dueMs, clock.ms);
        next.callback();
      }
    },
  };
}

function setUp(maxWaitMs = 5_000) {
  const loop = createLoop();
  const time = new ProgramTime(loop.now);
  const timers = new GatedTimers(loop.start, {
    now: loop.now,
    isPaused: () => time.isPaused,
    onFire: (dueMs) => time.wake(dueMs),
    onReturn: () => time.look(),
  });
  const ends: string[] = [];
  time.start();
  watchWait({
    maxWaitMs,
    waitedMs: () => time.waitedMs,
    startTimer: loop.start,
    onTooLong: () => ends.push("waited for too long"),
  });
  return { loop, time, timers, sleep: timers.setTimeout, ends };
}

describe("waiting", () => {
  test("is what a program sleeps", () => {
    const { loop, time, sleep } = setUp();
    sleep(() => undefined, 300);
    loop.run(300);
    expect(time).toMatchObject({ waitedMs: 300, computedMs: 0 });
  });

  test("is not what it takes until the program begins", () => {
    const { loop, time, sleep, ends } = setUp();
    sleep(() => expect(time.waitedMs).toBe(1), 0);
    loop.hold(60_000);
    loop.run(1);
    expect.assertions(2);
    expect(ends).toEqual([]);
  });

  test("ends when a timer is due, however late others let it fire", () => {
    const { loop, time, sleep } = setUp();
    sleep(() => undefined, 300);
    loop.hold(10_000);
    loop.run(0);
    expect(time).toMatchObject({ waitedMs: 300, computedMs: 0 });
  });

  test("does not grow with each of many late timers, nor twice with two at once", () => {
    const { loop, time, sleep } = setUp();
    for (let turn = 0; turn < 1_000; turn += 1) {
      sleep(() => undefined, 0);
      sleep(() => undefined, 0);
      loop.hold(25);
      loop.run(0);
    }
    expect(time).toMatchObject({ waitedMs: 1_000, computedMs: 0 });
  });

  test.each([Number.NaN, -1, Number.POSITIVE_INFINITY, undefined])("is counted with a delay of %s too", (delayMs) => {
    const { loop, time, sleep } = setUp();
    loop.hold(10);
    time.look();
    sleep(() => undefined, delayMs);
    loop.run(1_000);
    expect(time.waitedMs).toBe(1_000);
  });

  test("begins after the computing of a callback has ended, and resumes after a pause", () => {
    const { loop, time, sleep } = setUp();
    sleep(() => loop.hold(40), 10);
    loop.run(50);
    expect(time).toMatchObject({ waitedMs: 10, computedMs: 40 });
    sleep(() => undefined, 5);
    time.pause();
    loop.run(20);
    time.resume();
    loop.run(1);
    expect(time.waitedMs).toBe(10); // the timer was due in the pause
  });

  test("begins after the computing that ends in a suspension", () => {
    const { loop, time } = setUp();
    const stack = new ImportStack({ onSuspend: () => time.look(), onResume: () => time.enter() });
    loop.hold(20);
    stack.suspend();
    loop.run(100);
    stack.resume();
    expect(time).toMatchObject({ waitedMs: 100, computedMs: 20 });
  });
});

describe("a program that has ended", () => {
  test("hears none of its timers, whether they were due before or after, or are asked for only now", () => {
    const { loop, time, timers, ends } = setUp();
    const fired: string[] = [];
    const first = timers.ofProgram();
    first(() => fired.push("first, due before"), 10);
    first(() => fired.push("first, due after"), 30);
    loop.hold(20);
    timers.endProgram();
    first(() => fired.push("first, late"), 10);
    timers.setTimeout(() => fired.push("second"), 20);
    loop.run(50);
    expect(fired).toEqual(["second"]);
    // What does not fire is no end of a wait either.
    expect(time.waitedMs).toBe(70);
    expect(ends).toEqual([]);
  });

  test("hears no timer that waited for the end of a pause", () => {
    const { loop, time, timers } = setUp();
    timers.setTimeout(() => expect.unreachable("its program has ended"), 5);
    time.pause();
    loop.run(10);
    timers.endProgram();
    time.resume();
    loop.run(10);
    expect(time.waitedMs).toBe(10);
  });
});

describe("the stack of a program can be suspended", () => {
  const nothing = { onSuspend: () => undefined, onResume: () => undefined };

  test("while no part of it waits", () => {
    const stack = new ImportStack(nothing);
    stack.suspend();
    stack.suspend();
    stack.resume();
    expect(stack.isPlain).toBe(false);
    stack.resume();
    expect(stack.isPlain).toBe(true);
  });

  test("whatever parts of an earlier one still wait", () => {
    const stack = new ImportStack(nothing);
    stack.suspend();
    stack.endProgram();
    expect(stack.isPlain).toBe(true);
    stack.suspend();
    expect(stack.isPlain).toBe(false);
  });

  test("while no JavaScript stands on it", () => {
    const stack = new ImportStack(nothing);
    const seen: boolean[] = [];
    const look = () => seen.push(stack.isPlain);
    const fail = () => {
      throw new Error("from JavaScript");
    };
    const charged: number[] = [];
    const imports = stack.watched({ look, fail, memory: new WebAssembly.Memory({ initial: 1 }) }, (steps) =>
      charged.push(steps),
    );
    Reflect.apply(Object(imports["look"]), null, []);
    expect(() => Reflect.apply(Object(imports["fail"]), null, [])).toThrow("from JavaScript");
    expect([...seen, stack.isPlain]).toEqual([false, true]);
    expect(charged).toEqual([128, 128]);
  });
});

describe("the watch over a program that waits", () => {
  test("ends it at its limit", () => {
    const { loop, ends } = setUp();
    loop.run(4_999);
    expect(ends).toEqual([]);
    loop.run(10);
    expect(ends).toEqual(["waited for too long"]);
  });

  test("looks again after timers that are due as well, because their lateness is no waiting", () => {
    const { loop, time, ends } = setUp();
    loop.hold(60_000);
    // In no order: the watch is first, the program's own timer second.
    loop.run(0);
    expect(ends).toEqual([]);
    time.wake(100);
    loop.run(4_000);
    expect(ends).toEqual([]);
    loop.run(1_000);
    expect(ends).toEqual(["waited for too long"]);
  });

  test("does not end a program that was merely served late", () => {
    const { loop, sleep, ends } = setUp();
    for (let turn = 0; turn < 10; turn += 1) {
      sleep(() => undefined, 100);
      loop.hold(10_000);
      loop.run(0);
    }
    expect(ends).toEqual([]);
  });

  test("goes on where the time went into computing", () => {
    const { loop, time, ends } = setUp();
    loop.hold(4_000);
    time.look();
    loop.run(4_999);
    expect(ends).toEqual([]);
    loop.run(10);
    expect(ends).toEqual(["waited for too long"]);
  });
});
