// Builds WebAssembly modules of one function for the tests of the metering, and compiles them.

import {
  concatBytes,
  nameBytes,
  SectionId,
  sectionBytes,
  unsignedLeb,
  vectorBytes,
} from "../../scripts/sandbox/wasm-writer.ts";

export const op = {
  unreachable: [0x00],
  block: [0x02, 0x40],
  loop: [0x03, 0x40],
  if: [0x04, 0x40],
  end: [0x0b],
  branch: (depth: number) => [0x0c, depth],
  branchIf: (depth: number) => [0x0d, depth],
  branchTable: (targets: readonly number[], fallback: number) => [0x0e, targets.length, ...targets, fallback],
  localGet: (index: number) => [0x20, index],
  localSet: (index: number) => [0x21, index],
  localTee: (index: number) => [0x22, index],
  constant: (value: number) => [0x41, value],
  nop: [0x01],
  equalsZero: [0x45],
  add: [0x6a],
  subtract: [0x6b],
  memoryCopy: [0xfc, 10, 0, 0],
  memoryFill: [0xfc, 11, 0],
} as const;

const i32 = 0x7f;

/**
 * A module with the imports `env.refuel` and `env.pause`, a memory of one page that may grow to a hundred, a global that is already
 * there, and the export `run(i32) -> i32` with one more local.
 */
export function smallModule(...instructions: readonly (readonly number[])[]): Uint8Array {
  const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
  const body = [1, 1, i32, ...instructions.flat(), ...op.end];
  return concatBytes([
    bytes(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0),
    sectionBytes(SectionId.type, vectorBytes(2, bytes(0x60, 0, 0, 0x60, 1, i32, 1, i32))),
    sectionBytes(
      SectionId.import,
      vectorBytes(2, ...["refuel", "pause"].map((name) => bytes(...nameBytes("env"), ...nameBytes(name), 0, 0))),
    ),
    sectionBytes(SectionId.function, vectorBytes(1, bytes(1))),
    sectionBytes(SectionId.memory, vectorBytes(1, bytes(1, 1, 100))),
    sectionBytes(SectionId.global, vectorBytes(1, bytes(i32, 1, 0x41, 7, 0x0b))),
    sectionBytes(
      SectionId.export,
      vectorBytes(2, bytes(...nameBytes("run"), 0, 2), bytes(...nameBytes("memory"), 2, 0)),
    ),
    sectionBytes(SectionId.code, vectorBytes(1, bytes(...unsignedLeb(body.length), ...body))),
  ]);
}

/** `for (let i = n; i !== 0; i -= 1) {}`, with `extra` instructions in each turn; returns n. */
export function countdown(extra: readonly number[] = []): Uint8Array {
  const step = [op.localGet(1), op.constant(1), op.subtract, op.localTee(1), op.branchIf(0)];
  return smallModule(op.localGet(0), op.localSet(1), op.loop, extra, ...step, op.end, op.localGet(0));
}

export interface RunningModule {
  readonly run: (argument: number) => number;
  readonly fuel: WebAssembly.Global;
  readonly memory: WebAssembly.Memory;
}

export function startModule(bytes: Uint8Array, refuel: () => void, pause = (): void => undefined): RunningModule {
  const module: WebAssembly.Module = Reflect.construct(WebAssembly.Module, [bytes]);
  const instance = new WebAssembly.Instance(module, { env: { refuel, pause } });
  const { run, memory, __fuel: fuel } = instance.exports;
  if (typeof run !== "function" || !(memory instanceof WebAssembly.Memory) || !(fuel instanceof WebAssembly.Global)) {
    throw new TypeError("the module was not metered");
  }
  return { run: (argument) => Number(run(argument)), fuel, memory };
}
