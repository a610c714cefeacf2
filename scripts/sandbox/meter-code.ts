// Puts the fuel checks into the code section of a WebAssembly module: at the heads of loops and of long functions, and
// in place of bulk memory writes. It computes what each costs; where the fuel lies is meter-wasm.ts's to say.

import { readInstruction, skipValueType } from "./wasm-opcodes.ts";
import type { WasmReader } from "./wasm-reader.ts";
import { concatBytes, signedLeb, unsignedLeb, vectorBytes } from "./wasm-writer.ts";

/** Where the items added by the metering stand in their index spaces. */
export interface AddedIndices {
  readonly refuelImport: number;
  readonly pauseImport: number;
  /** The function that calls these two. */
  readonly refuel: number;
  readonly fuel: number;
  /** Of the two that write; the next one is that of `refuel`. */
  readonly type: number;
  readonly copy: number;
  readonly fill: number;
}

/** log2 of how many bytes of memory.copy or memory.fill cost as much as one loop turn (about 2 ns either way). */
const bulkShift = 6;
/** So many instructions burn one unit of fuel. */
const instructionsPerFuel = 32;
/** A longer loop body seldom runs as a whole. */
const maxLoopCost = 16;
/** Calls of functions that burn less are free: the check would cost more than the function. */
const minCallCost = 4;
/** A long function mostly returns early; unrolled ones, as of a hash, do not. */
const maxCallCost = 64;
/** A body that holds a switch runs only a part of itself, but more than a short loop's. */
const switchCost = 4;
const op = {
  if: 0x04,
  end: 0x0b,
  call: 0x10,
  localGet: 0x20,
  globalGet: 0x23,
  globalSet: 0x24,
  i32Const: 0x41,
  i32LtSigned: 0x48,
  i32Sub: 0x6b,
  i32ShrUnsigned: 0x76,
  misc: 0xfc,
} as const;
const emptyBlock = 0x40;

/** `if (fuel < 0) callee()` */
function callIfEmpty(added: AddedIndices, callee: number): number[] {
  const compare = [op.globalGet, ...unsignedLeb(added.fuel), op.i32Const, 0, op.i32LtSigned];
  return [...compare, op.if, emptyBlock, op.call, ...unsignedLeb(callee), op.end];
}

function refuelCheck(added: AddedIndices): number[] {
  return callIfEmpty(added, added.refuel);
}

/** A function that refuels, and pauses if there is still no fuel: a call that suspends is never made but then. */
function refuelFunction(added: AddedIndices): Uint8Array {
  const refuel = [op.call, ...unsignedLeb(added.refuelImport), ...callIfEmpty(added, added.pauseImport)];
  const body = [0, ...refuel, op.end];
  return Uint8Array.from([...unsignedLeb(body.length), ...body]);
}

/** `fuel -= cost`, then the check: stands at the head of a loop or function and leaves the stack as it was. */
function burnCheck(added: AddedIndices, cost: number): Uint8Array {
  const fuel = unsignedLeb(added.fuel);
  const burn = [op.globalGet, ...fuel, op.i32Const, ...signedLeb(cost), op.i32Sub, op.globalSet, ...fuel];
  return Uint8Array.from([...burn, ...refuelCheck(added)]);
}

/** A function `(target, source or value, length)` that burns `length >> bulkShift`, checks, and does the bulk write. */
function bulkFunction(added: AddedIndices, bulkWrite: readonly number[]): Uint8Array {
  const fuel = unsignedLeb(added.fuel);
  const amount = [op.localGet, 2, op.i32Const, bulkShift, op.i32ShrUnsigned];
  const burn = [op.globalGet, ...fuel, ...amount, op.i32Sub, op.globalSet, ...fuel];
  const write = [op.localGet, 0, op.localGet, 1, op.localGet, 2, op.misc, ...bulkWrite];
  const body = [0, ...burn, ...refuelCheck(added), ...write, op.end];
  return Uint8Array.from([...unsignedLeb(body.length), ...body]);
}

/** An open block, loop or function body while its end is not yet read. */
interface Frame {
  /** Where in the output a loop's check goes; null for what is not a loop. */
  readonly checkAt: number | null;
  instructions: number;
  hasSwitch: boolean;
}

/**
 * What a turn of a loop costs: more for a long body, which a compiler makes by unrolling. Of a body with a switch the
 * length says nothing.
 */
function costOf(frame: Frame, maxCost: number): number {
  return frame.hasSwitch
    ? switchCost
    : Math.min(maxCost, Math.max(1, Math.floor(frame.instructions / instructionsPerFuel)));
}

interface MeteredBody {
  readonly bytes: Uint8Array;
  readonly loops: number;
  readonly bulkWrites: number;
}

function meterBody(body: WasmReader, added: AddedIndices): MeteredBody {
  const parts: Uint8Array[] = [];
  const frames: Frame[] = [];
  const bodyStart = body.at;
  let loops = 0;
  let bulkWrites = 0;
  for (let groups = body.unsigned(); groups > 0; groups -= 1) {
    body.skipLeb();
    skipValueType(body);
  }
  parts.push(body.slice(bodyStart, body.at), new Uint8Array());
  frames.push({ checkAt: 1, instructions: 0, hasSwitch: false });
  let copiedTo = body.at;
  while (!body.isAtEnd) {
    const start = body.at;
    const kind = readInstruction(body);
    const frame = frames.at(-1);
    if (frame === undefined) {
      throw new Error(`instructions after the end of a function, at byte ${start}`);
    }
    frame.instructions += 1;
    switch (kind) {
      case "block":
        frames.push({ checkAt: null, instructions: 0, hasSwitch: false });
        break;
      case "loop":
        parts.push(body.slice(copiedTo, body.at), new Uint8Array());
        frames.push({ checkAt: parts.length - 1, instructions: 0, hasSwitch: false });
        copiedTo = body.at;
        loops += 1;
        break;
      case "end":
        frames.pop();
        closeFrame(frame, frames.at(-1), parts, added);
        break;
      case "switch":
        frame.hasSwitch = true;
        break;
      case "memory.copy":
      case "memory.fill": {
        const target = kind === "memory.copy" ? added.copy : added.fill;
        parts.push(body.slice(copiedTo, start), Uint8Array.from([op.call, ...unsignedLeb(target)]));
        copiedTo = body.at;
        bulkWrites += 1;
        break;
      }
      case "other":
        break;
    }
  }
  parts.push(body.slice(copiedTo, body.end));
  return { bytes: concatBytes(parts), loops, bulkWrites };
}

/** A loop and a long function get their check; another block's length counts for what it stands in. */
function closeFrame(frame: Frame, parent: Frame | undefined, parts: Uint8Array[], added: AddedIndices): void {
  if (parent === undefined) {
    const cost = costOf(frame, maxCallCost);
    parts[frame.checkAt ?? 0] = cost < minCallCost ? new Uint8Array() : burnCheck(added, cost);
  } else if (frame.checkAt !== null) {
    parts[frame.checkAt] = burnCheck(added, costOf(frame, maxLoopCost));
  } else {
    parent.instructions += frame.instructions;
    parent.hasSwitch ||= frame.hasSwitch;
  }
}

/** The new code section: every function with its checks, behind them the two that do the bulk writes, then `refuel`. */
export function meterCode(reader: WasmReader, added: AddedIndices) {
  const count = reader.unsigned();
  const functions: Uint8Array[] = [];
  let loops = 0;
  let bulkWrites = 0;
  for (let left = count; left > 0; left -= 1) {
    const metered = meterBody(reader.section(reader.unsigned()), added);
    functions.push(Uint8Array.from(unsignedLeb(metered.bytes.length)), metered.bytes);
    loops += metered.loops;
    bulkWrites += metered.bulkWrites;
  }
  const copy = bulkFunction(added, [10, 0, 0]);
  const fill = bulkFunction(added, [11, 0]);
  return { loops, bulkWrites, section: vectorBytes(count + 3, ...functions, copy, fill, refuelFunction(added)) };
}
