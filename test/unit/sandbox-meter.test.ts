import { describe, expect, test } from "vitest";
import { HardStop, Meter, type MeteredExports } from "../../src/tools/python-coder/sandbox/meter.ts";
import type { ProgramLimits } from "../../src/tools/python-coder/sandbox/job.ts";

const unit = 1 << 20;
const limits: ProgramLimits = { maxFuel: 100, waitMs: 1_000, timeMs: 60_000 };

function setUp() {
  const clock = { ms: 0 };
  const stack = { isSuspendable: true };
  const meter = new Meter(() => clock.ms);
  const exports: MeteredExports = {
    fuel: new WebAssembly.Global({ value: "i32", mutable: true }, 0),
    memory: new WebAssembly.Memory({ initial: 1 }),
    signalHandlingAddress: 8,
    isSuspendable: () => stack.isSuspendable,
  };
  meter.adopt(exports);
  const stops: HardStop[] = [];
  const arm = (change: Partial<ProgramLimits> = {}) =>
    meter.arm({ ...limits, ...change }, (stop) => {
      stops.push(stop);
    });
  /** Computes for so long, with a look each 5 ms, which burns a unit. */
  const compute = (ms: number): void => {
    for (let left = ms; left > 0; left -= 5) {
      clock.ms += 5;
      meter.onRefuel(exports);
    }
  };
  /** Waits for a timer of its own, and computes again. */
  const wait = (ms: number): void => {
    clock.ms += ms;
    meter.time.enter();
  };
  const wantsPause = (): boolean => exports.fuel.value === -1;
  return { clock, stack, meter, exports, stops, arm, compute, wait, wantsPause };
}

describe("the meter", () => {
  test("makes CPython look for signals", () => {
    const { exports, arm } = setUp();
    arm();
    expect(new Uint8Array(exports.memory.buffer)[8]).toBe(1);
  });

  test("leaves a program alone within its limits and counts its fuel", () => {
    const { meter, exports, arm, compute, wait } = setUp();
    arm();
    compute(10);
    wait(999);
    expect(meter.onSignalCheck(exports)).toBe(0);
    expect(meter.disarm()).toEqual({ fuel: 2, reason: null });
  });

  test("counts what was overdrawn at once", () => {
    const { meter, exports, arm } = setUp();
    arm();
    exports.fuel.value = -3 * unit;
    meter.onRefuel(exports);
    expect(meter.disarm().fuel).toBe(4);
  });

  test("interrupts a program that has waited for too long, and ends one that goes on", () => {
    const { meter, exports, stops, arm, compute, wait } = setUp();
    arm();
    wait(600);
    compute(5);
    expect(meter.onSignalCheck(exports)).toBe(0);
    wait(400);
    expect(meter.onSignalCheck(exports)).toBe(2);
    expect(meter.onSignalCheck(exports)).toBe(0);
    expect(() => compute(1_000)).toThrow("stopped: time_limit");
    expect(stops.map((stop) => stop.reason)).toEqual(["time_limit"]);
  });

  test("does not take computing for waiting, however slow the machine is", () => {
    const { clock, meter, exports, arm } = setUp();
    arm();
    for (let looks = 0; looks < 50; looks += 1) {
      clock.ms += 1_000;
      meter.onRefuel(exports);
    }
    expect(meter.onSignalCheck(exports)).toBe(0);
    expect(meter.time).toMatchObject({ computedMs: 50_000, waitedMs: 0 });
  });

  test("says that the machine was too slow for a program that burned little in all its time", () => {
    const { clock, meter, exports, stops, arm } = setUp();
    arm();
    clock.ms = 59_999;
    meter.onRefuel(exports);
    clock.ms = 60_000;
    expect(() => meter.onRefuel(exports)).toThrow("stopped: overloaded");
    expect(() => meter.onSignalCheck(exports)).toThrow(HardStop);
    expect(stops.map((stop) => stop.reason)).toEqual(["overloaded"]);
  });

  test("interrupts a program that has burned its fuel, again and again, and then ends it", () => {
    const { meter, exports, arm, compute } = setUp();
    arm({ maxFuel: 80 });
    compute(81 * 5);
    expect(meter.onSignalCheck(exports)).toBe(2);
    expect(meter.onSignalCheck(exports)).toBe(0);
    compute(26 * 5);
    expect(meter.onSignalCheck(exports)).toBe(2);
    expect(() => compute(50 * 5)).toThrow("stopped: time_limit");
    expect(() => meter.onSignalCheck(exports)).toThrow(HardStop);
  });

  test("stops a flood of output for that reason", () => {
    const { meter, exports, arm, compute } = setUp();
    arm();
    meter.interrupt("output_limit");
    expect(meter.onSignalCheck(exports)).toBe(2);
    expect(() => compute(51 * 5)).toThrow("stopped: output_limit");
  });

  test("stops an interpreter that was replaced", () => {
    const { meter, exports } = setUp();
    meter.adopt({ ...exports, fuel: new WebAssembly.Global({ value: "i32", mutable: true }, 0) });
    expect(() => meter.onRefuel(exports)).toThrow(HardStop);
  });

  test("charges work done in JavaScript", () => {
    const { meter, exports, arm } = setUp();
    arm();
    meter.charge(unit + 5);
    expect(exports.fuel.value).toBe(-5);
  });

  test("does not stop an interpreter between programs", () => {
    const { clock, meter, exports, arm } = setUp();
    arm();
    meter.disarm();
    clock.ms = 1_000_000;
    meter.onRefuel(exports);
    meter.stop("cancelled");
    expect(meter.onSignalCheck(exports)).toBe(0);
  });
});

describe("a pause", () => {
  test("is due after 25 ms of computing, and counts as neither computing nor waiting", async () => {
    const { clock, meter, exports, arm, compute, wantsPause } = setUp();
    arm();
    compute(20);
    expect(wantsPause()).toBe(false);
    compute(5);
    expect(wantsPause()).toBe(true);
    await meter.onPause(exports, async () => {
      clock.ms += 10_000;
      expect(meter.time.isPaused).toBe(true);
    });
    expect(exports.fuel.value).toBe(unit);
    expect(meter.time).toMatchObject({ isPaused: false, computedMs: 25, waitedMs: 0 });
    compute(20);
    expect(wantsPause()).toBe(false);
  });

  test("is due after 64 units where the clock stands still", () => {
    const { meter, exports, arm, wantsPause } = setUp();
    arm();
    for (let units = 1; units < 64; units += 1) {
      meter.onRefuel(exports);
    }
    expect(wantsPause()).toBe(false);
    meter.onRefuel(exports);
    expect(wantsPause()).toBe(true);
  });

  test("is left out where the stack cannot be suspended, until it can", () => {
    const { stack, arm, compute, wantsPause } = setUp();
    arm();
    stack.isSuspendable = false;
    compute(100);
    expect(wantsPause()).toBe(false);
    stack.isSuspendable = true;
    compute(5);
    expect(wantsPause()).toBe(true);
  });

  test("ends with an error for a program that was cancelled meanwhile", async () => {
    const { meter, exports, stops, arm } = setUp();
    arm();
    const paused = meter.onPause(exports, async () => meter.stop("cancelled"));
    await expect(paused).rejects.toThrow("stopped: cancelled");
    expect(stops.map((stop) => stop.reason)).toEqual(["cancelled"]);
  });
});
