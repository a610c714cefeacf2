import * as fc from "fast-check";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { meterWasm, type MeterOptions } from "../../scripts/sandbox/meter-wasm.ts";
import { pyodideDirectory } from "../../scripts/sandbox/sandbox-paths.ts";
import { signedLeb, unsignedLeb } from "../../scripts/sandbox/wasm-writer.ts";
import { WasmReader } from "../../scripts/sandbox/wasm-reader.ts";
import { countdown, op, smallModule, startModule } from "../support/small-wasm.ts";

const options: MeterOptions = {
  refuelImport: "refuel",
  pauseImport: "pause",
  fuelExport: "__fuel",
  maxMemoryMib: null,
};

/** Runs a metered module with much fuel and tells how much it burned. */
function burned(bytes: Uint8Array, argument: number): number {
  const metered = meterWasm(bytes, options);
  const module = startModule(metered.bytes, () => expect.unreachable("there was fuel left"));
  const full = 1_000_000;
  module.fuel.value = full;
  module.run(argument);
  return full - Number(module.fuel.value);
}

describe("a metered module", () => {
  test("computes what it computed before", () => {
    const module = startModule(meterWasm(countdown(), options).bytes, () => undefined);
    expect(module.run(42)).toBe(42);
  });

  test("burns one unit for each turn of a short loop", () => {
    expect(burned(countdown(), 1)).toBe(1);
    expect(burned(countdown(), 1_000)).toBe(1_000);
  });

  test("burns for each turn of a nested loop, and for the outer one's", () => {
    // for (i = n; i; i -= 1) for (j = 2; j; j -= 1) {}: n * (1 + 2)
    const count = [op.localGet(1), op.constant(1), op.subtract, op.localTee(1), op.branchIf(0)].flat();
    const outer = [op.localGet(0), op.constant(1), op.subtract, op.localTee(0), op.branchIf(0)].flat();
    const inner = [op.constant(2), op.localSet(1), op.loop, count, op.end].flat();
    expect(burned(smallModule(op.loop, inner, outer, op.end, op.localGet(0)), 10)).toBe(30);
  });

  test("burns more in a turn of a long body, up to a cap", () => {
    const nops = (count: number): number[] => Array.from({ length: count }, () => op.nop).flat();
    expect(burned(countdown(nops(58)), 100)).toBe(200);
    expect(burned(countdown(nops(100_000)), 100)).toBe(1_600);
  });

  test("burns the same for each turn that holds a switch, however long", () => {
    const nops = Array.from({ length: 1_000 }, () => op.nop).flat();
    const choice = [op.block, op.constant(0), op.branchTable([0], 0), op.end, nops].flat();
    expect(burned(countdown(choice), 100)).toBe(400);
  });

  test("burns for the call of a long function without a loop", () => {
    const nops = Array.from({ length: 320 }, () => op.nop).flat();
    expect(burned(smallModule(nops, op.localGet(0)), 1)).toBe(10);
    expect(burned(smallModule(op.localGet(0)), 1)).toBe(0);
    const many = Array.from({ length: 100_000 }, () => op.nop).flat();
    expect(burned(smallModule(many, op.localGet(0)), 1)).toBe(64);
  });

  test("burns for memory by its length and still writes it", () => {
    const fill = smallModule(op.constant(0), op.constant(9), op.localGet(0), op.memoryFill, op.localGet(0));
    const module = startModule(meterWasm(fill, options).bytes, () => expect.unreachable("there was fuel left"));
    module.fuel.value = 2_000;
    module.run(65_536);
    expect(Number(module.fuel.value)).toBe(2_000 - 65_536 / 64);
    expect(new Uint8Array(module.memory.buffer).every((byte) => byte === 9)).toBe(true);
  });

  test("copies memory as before", () => {
    const copy = smallModule(op.constant(32), op.constant(0), op.localGet(0), op.memoryCopy, op.localGet(0));
    const module = startModule(meterWasm(copy, options).bytes, () => undefined);
    new Uint8Array(module.memory.buffer).set([1, 2, 3]);
    module.run(3);
    expect([...new Uint8Array(module.memory.buffer).subarray(32, 36)]).toEqual([1, 2, 3, 0]);
  });

  test("is left by an error of the refuel import, out of an endless loop", () => {
    const endless = smallModule(op.loop, op.branch(0), op.end, op.unreachable);
    const state = { refuels: 0 };
    const module = startModule(meterWasm(endless, options).bytes, () => {
      state.refuels += 1;
      if (state.refuels === 3) {
        throw new Error("enough");
      }
      module.fuel.value = 1_000;
    });
    expect(() => module.run(0)).toThrow("enough");
    expect(state.refuels).toBe(3);
  });

  test("calls for fuel once for each portion", () => {
    const state = { refuels: 0 };
    const module = startModule(meterWasm(countdown(), options).bytes, () => {
      state.refuels += 1;
      module.fuel.value = 99;
    });
    module.run(1_000);
    // The first turn finds the tank empty; from then on a portion of 99 and the turn that overdraws it are 100.
    expect(state.refuels).toBe(10);
  });

  test("pauses only where the refuelling left it without fuel, and goes on as it was", () => {
    const seen: string[] = [];
    const module = startModule(
      meterWasm(countdown(), options).bytes,
      () => {
        seen.push("refuel");
        module.fuel.value = seen.length === 2 ? -1 : 99;
      },
      () => {
        seen.push("pause");
        module.fuel.value = 99;
      },
    );
    expect(module.run(250)).toBe(250);
    expect(seen).toEqual(["refuel", "refuel", "pause", "refuel"]);
  });

  test("may not grow its memory beyond the cap", () => {
    const bytes = meterWasm(smallModule(op.localGet(0)), { ...options, maxMemoryMib: 1 }).bytes;
    const { memory } = startModule(bytes, () => undefined);
    memory.grow(15);
    expect(() => memory.grow(1)).toThrow(RangeError);
  });

  test("burns in proportion to the turns, whatever their number", () => {
    const bytes = countdown();
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), (turns) => {
        expect(burned(bytes, turns)).toBe(turns);
      }),
    );
  });
});

describe("metering refuses", () => {
  test("what is no WebAssembly", () => {
    expect(() => meterWasm(new TextEncoder().encode("not wasm at all"), options)).toThrow("not a WebAssembly module");
  });

  test("a module without the imports", () => {
    expect(() => meterWasm(countdown(), { ...options, refuelImport: "other" })).toThrow("does not import");
    expect(() => meterWasm(countdown(), { ...options, pauseImport: "other" })).toThrow("does not import");
  });

  test("an opcode it does not know", () => {
    expect(() => meterWasm(smallModule([0xff]), options)).toThrow("unknown WebAssembly opcode ff");
    expect(() => meterWasm(smallModule([0xfc, 99]), options)).toThrow("unknown WebAssembly opcode fc 63");
  });

  test("a cap below what the module starts with", () => {
    expect(() => meterWasm(countdown(), { ...options, maxMemoryMib: 0 })).toThrow("above the cap");
  });

  test("a module that is cut off", () => {
    const whole = countdown();
    expect(() => meterWasm(whole.subarray(0, whole.length - 3), options)).toThrow(RangeError);
  });
});

test("LEB128 numbers come back as they were", () => {
  fc.assert(
    fc.property(fc.nat(), (value) => {
      expect(new WasmReader(Uint8Array.from(unsignedLeb(value))).unsigned()).toBe(value);
      expect((signedLeb(value).at(-1) ?? 0x40) & 0x40).toBe(0);
    }),
  );
});

test("Pyodide's interpreter is metered whole and stays valid", async () => {
  const original = await readFile(join(pyodideDirectory, "pyodide.asm.wasm"));
  const imports = { refuelImport: "emscripten_debugger", pauseImport: "_emscripten_runtime_keepalive_clear" };
  const metered = meterWasm(original, { ...options, ...imports, maxMemoryMib: 96 });
  expect(WebAssembly.validate(metered.bytes)).toBe(true);
  expect(metered.loops).toBeGreaterThan(10_000);
  expect(metered.bulkWrites).toBeGreaterThan(1_000);
});
