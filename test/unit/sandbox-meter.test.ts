import { describe, expect, test } from "vitest";
import { HardStop, Meter, type MeteredExports } from "../../src/tools/python-coder/sandbox/meter.ts";

const unit = 1 << 20;

function setUp() {
  const clock = { ms: 0 };
  const meter = new Meter(() => clock.ms);
  const exports: MeteredExports = {
    fuel: new WebAssembly.Global({ value: "i32", mutable: true }, 0),
    memory: new WebAssembly.Memory({ initial: 1 }),
    signalHandlingAddress: 8,
  };
  meter.adopt(exports);
  const stops: HardStop[] = [];
  const arm = (limits: { timeMs: number; maxFuel: number }) => meter.arm(limits, (stop) => stops.push(stop));
  return { clock, meter, exports, stops, arm };
}

describe("the meter", () => {
  test("makes CPython look for signals", () => {
    const { exports, arm } = setUp();
    arm({ timeMs: 1_000, maxFuel: 100 });
    expect(new Uint8Array(exports.memory.buffer)[8]).toBe(1);
  });

  test("leaves a program alone within its limits and counts its fuel", () => {
    const { clock, meter, exports, arm } = setUp();
    arm({ timeMs: 1_000, maxFuel: 100 });
    clock.ms = 999;
    meter.onRefuel(exports);
    meter.onRefuel(exports);
    expect(meter.onSignalCheck(exports)).toBe(0);
    expect(meter.disarm()).toEqual({ fuel: 2, reason: null });
  });

  test("counts what was overdrawn at once", () => {
    const { meter, exports, arm } = setUp();
    arm({ timeMs: 1_000, maxFuel: 100 });
    exports.fuel.value = -3 * unit;
    meter.onRefuel(exports);
    expect(meter.disarm().fuel).toBe(4);
  });

  test("interrupts at the time limit, and again for a program that goes on", () => {
    const { clock, meter, exports, arm } = setUp();
    arm({ timeMs: 1_000, maxFuel: 100 });
    clock.ms = 1_000;
    expect(meter.onSignalCheck(exports)).toBe(2);
    expect(meter.onSignalCheck(exports)).toBe(0);
    clock.ms = 1_300;
    expect(meter.onSignalCheck(exports)).toBe(2);
    expect(meter.disarm().reason).toBe("time_limit");
  });

  test("stops a program hard that outlives its grace, and keeps stopping it", () => {
    const { clock, meter, exports, stops, arm } = setUp();
    arm({ timeMs: 1_000, maxFuel: 100 });
    clock.ms = 1_600;
    expect(() => meter.onRefuel(exports)).toThrow(HardStop);
    expect(() => meter.onSignalCheck(exports)).toThrow(HardStop);
    expect(stops.map((stop) => stop.reason)).toEqual(["time_limit"]);
  });

  test("stops by fuel alone where the clock stands still", () => {
    const { meter, exports, arm } = setUp();
    arm({ timeMs: 1_000, maxFuel: 80 });
    for (let used = 0; used < 81; used += 1) {
      meter.onRefuel(exports);
    }
    expect(meter.onSignalCheck(exports)).toBe(2);
    const goOn = (): void => {
      for (let used = 0; used < 50; used += 1) {
        meter.onRefuel(exports);
      }
    };
    expect(goOn).toThrow("stopped: time_limit");
  });

  test("stops a flood of output for that reason", () => {
    const { clock, meter, exports, arm } = setUp();
    arm({ timeMs: 1_000, maxFuel: 100 });
    meter.interrupt("output_limit");
    expect(meter.onSignalCheck(exports)).toBe(2);
    clock.ms = 600;
    expect(() => meter.onRefuel(exports)).toThrow("stopped: output_limit");
  });

  test("stops an interpreter that was replaced", () => {
    const { meter, exports } = setUp();
    meter.adopt({ ...exports, fuel: new WebAssembly.Global({ value: "i32", mutable: true }, 0) });
    expect(() => meter.onRefuel(exports)).toThrow(HardStop);
  });

  test("charges work done in JavaScript", () => {
    const { meter, exports, arm } = setUp();
    arm({ timeMs: 1_000, maxFuel: 100 });
    meter.charge(unit + 5);
    expect(exports.fuel.value).toBe(-5);
  });

  test("does not stop an interpreter between programs", () => {
    const { clock, meter, exports, arm } = setUp();
    arm({ timeMs: 1_000, maxFuel: 100 });
    meter.disarm();
    clock.ms = 1_000_000;
    meter.onRefuel(exports);
    expect(meter.onSignalCheck(exports)).toBe(0);
  });
});
