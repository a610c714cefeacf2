// How many bytes follow each WebAssembly opcode. It reads one instruction and says whether the metering cares
// about it. An opcode outside the table is an error, so that a newer compiler's output is refused, not mangled.
// Source: the binary format of the WebAssembly specification, with exceptions, tail calls, SIMD and threads.

import type { WasmReader } from "./wasm-reader.ts";

/** What the metering must know of an instruction. */
export type InstructionKind = "loop" | "block" | "end" | "switch" | "memory.copy" | "memory.fill" | "other";

type Immediates = (reader: WasmReader) => void;

const none: Immediates = () => undefined;
const index: Immediates = (reader) => reader.skipLeb();
const twoIndices: Immediates = (reader) => {
  reader.skipLeb();
  reader.skipLeb();
};
const bytes =
  (count: number): Immediates =>
  (reader) =>
    reader.skip(count);

const refNullable = 0x63;
const refNonNull = 0x64;

/** A value type: one byte, or a reference prefix and a heap type. */
export function skipValueType(reader: WasmReader): void {
  const code = reader.byte();
  if (code === refNullable || code === refNonNull) {
    reader.skipLeb();
  }
}

/** Empty, one value type, or the index of a function type (a positive LEB128, whose last byte is below 0x40). */
const blockType: Immediates = (reader) => {
  const code = reader.peek();
  if (code === refNullable || code === refNonNull) {
    skipValueType(reader);
  } else {
    reader.skipLeb();
  }
};

/** Alignment, whose bit 6 says that a memory index follows, then the offset. */
const memoryArgument: Immediates = (reader) => {
  if (reader.unsigned() & 0x40) {
    reader.skipLeb();
  }
  reader.skipLeb();
};

const branchTable: Immediates = (reader) => {
  for (let left = reader.unsigned(); left >= 0; left -= 1) {
    reader.skipLeb();
  }
};

const selectTypes: Immediates = (reader) => {
  for (let left = reader.unsigned(); left > 0; left -= 1) {
    skipValueType(reader);
  }
};

/** Block type, then the catch clauses: tags come only with `catch` (0) and `catch_ref` (1). */
const tryTable: Immediates = (reader) => {
  blockType(reader);
  for (let left = reader.unsigned(); left > 0; left -= 1) {
    const clause = reader.byte();
    if (clause < 2) {
      reader.skipLeb();
    }
    reader.skipLeb();
  }
};

function tableOf(ranges: readonly (readonly [from: number, to: number, immediates: Immediates])[]) {
  const table = new Map<number, Immediates>();
  for (const [from, to, immediates] of ranges) {
    for (let code = from; code <= to; code += 1) {
      table.set(code, immediates);
    }
  }
  return table;
}

/** Opcodes that open or close a structure, or choose among many ways. */
const structure: ReadonlyMap<number, InstructionKind> = new Map([
  [0x02, "block"],
  [0x03, "loop"],
  [0x04, "block"], // if
  [0x06, "block"], // try
  [0x0b, "end"],
  [0x0e, "switch"], // br_table
  [0x18, "end"], // delegate closes its try
  [0x1f, "block"], // try_table
]);
const miscPrefix = 0xfc;
const vectorPrefix = 0xfd;
const atomicPrefix = 0xfe;

const plain = tableOf([
  [0x00, 0x01, none], // unreachable, nop
  [0x02, 0x04, blockType], // block, loop, if
  [0x05, 0x05, none], // else
  [0x06, 0x06, blockType], // try
  [0x07, 0x09, index], // catch, throw, rethrow
  [0x0a, 0x0b, none], // throw_ref, end
  [0x0c, 0x0d, index], // br, br_if
  [0x0e, 0x0e, branchTable],
  [0x0f, 0x0f, none], // return
  [0x10, 0x10, index], // call
  [0x11, 0x11, twoIndices], // call_indirect
  [0x12, 0x12, index], // return_call
  [0x13, 0x13, twoIndices], // return_call_indirect
  [0x14, 0x15, index], // call_ref, return_call_ref
  [0x18, 0x18, index], // delegate
  [0x19, 0x1b, none], // catch_all, drop, select
  [0x1c, 0x1c, selectTypes],
  [0x1f, 0x1f, tryTable],
  [0x20, 0x26, index], // locals, globals, table.get, table.set
  [0x28, 0x3e, memoryArgument], // loads and stores
  [0x3f, 0x40, index], // memory.size, memory.grow
  [0x41, 0x42, index], // i32.const, i64.const
  [0x43, 0x43, bytes(4)],
  [0x44, 0x44, bytes(8)],
  [0x45, 0xc4, none], // arithmetic
  [0xd0, 0xd0, index], // ref.null
  [0xd1, 0xd1, none], // ref.is_null
  [0xd2, 0xd2, index], // ref.func
  [0xd3, 0xd4, none], // ref.eq, ref.as_non_null
  [0xd5, 0xd6, index], // br_on_null, br_on_non_null
]);

const misc = tableOf([
  [0, 7, none], // saturating truncation
  [8, 8, twoIndices], // memory.init
  [9, 9, index], // data.drop
  [10, 10, twoIndices], // memory.copy
  [11, 11, index], // memory.fill
  [12, 12, twoIndices], // table.init
  [13, 13, index], // elem.drop
  [14, 14, twoIndices], // table.copy
  [15, 17, index], // table.grow, table.size, table.fill
]);

const memoryCopyCode = 10;
const memoryFillCode = 11;

const vector = tableOf([
  [0, 11, memoryArgument],
  [12, 13, bytes(16)], // v128.const, i8x16.shuffle
  [14, 20, none],
  [21, 34, bytes(1)], // lane access
  [35, 83, none],
  [
    84,
    91, // lane loads and stores
    (reader) => {
      memoryArgument(reader);
      reader.skip(1);
    },
  ],
  [92, 93, memoryArgument],
  [94, 275, none], // to the end of relaxed SIMD
]);

const atomic = tableOf([
  [0, 2, memoryArgument],
  [3, 3, bytes(1)], // atomic.fence
  [16, 78, memoryArgument],
]);

function skipFrom(table: ReadonlyMap<number, Immediates>, code: number, prefix: string, reader: WasmReader): void {
  const immediates = table.get(code);
  if (immediates === undefined) {
    throw new Error(`unknown WebAssembly opcode ${prefix}${code.toString(16)} at byte ${reader.at}`);
  }
  immediates(reader);
}

/** Reads one instruction whole and says what it is to the metering. */
export function readInstruction(reader: WasmReader): InstructionKind {
  const opcode = reader.byte();
  switch (opcode) {
    case miscPrefix: {
      const code = reader.unsigned();
      skipFrom(misc, code, "fc ", reader);
      return code === memoryCopyCode ? "memory.copy" : code === memoryFillCode ? "memory.fill" : "other";
    }
    case vectorPrefix:
      skipFrom(vector, reader.unsigned(), "fd ", reader);
      return "other";
    case atomicPrefix:
      skipFrom(atomic, reader.unsigned(), "fe ", reader);
      return "other";
    default:
      skipFrom(plain, opcode, "", reader);
      return structure.get(opcode) ?? "other";
  }
}
