// Rewrites a WebAssembly module so that it can be stopped from inside: loop turns, calls of long functions and bulk
// memory writes burn a global, and when that is used up a given import is called, which may throw or ask for a pause. It
// adds at the ends of index spaces only, so no existing index moves, and it refuses what it cannot read.

import { meterCode, type AddedIndices } from "./meter-code.ts";
import { skipValueType } from "./wasm-opcodes.ts";
import { WasmReader } from "./wasm-reader.ts";
import { concatBytes, nameBytes, SectionId, sectionBytes, unsignedLeb, vectorBytes } from "./wasm-writer.ts";

export interface MeterOptions {
  /** Name of an imported function without parameters or results, called when the fuel is used up. */
  readonly refuelImport: string;
  /** One more of that kind, called where the fuel is below zero after the refuelling: the module asked to be suspended. */
  readonly pauseImport: string;
  /** Name under which the mutable i32 fuel global is exported. */
  readonly fuelExport: string;
  /** Caps the module's own memory; null keeps the cap it came with. */
  readonly maxMemoryMib: number | null;
}

export interface MeteredModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly loops: number;
  readonly bulkWrites: number;
}

interface Section {
  readonly id: number;
  readonly start: number;
  readonly end: number;
}

const pagesPerMib = 16;
/** Codes of the binary format. */
const i32 = 0x7f;
const i32Const = 0x41;
const end = 0x0b;
function readSections(bytes: Uint8Array): Section[] {
  const magic = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
  if (!magic.every((byte, at) => bytes[at] === byte)) {
    throw new Error("not a WebAssembly module of version 1");
  }
  const reader = new WasmReader(bytes, magic.length);
  const sections: Section[] = [];
  while (!reader.isAtEnd) {
    const id = reader.byte();
    const length = reader.unsigned();
    sections.push({ id, start: reader.at, end: reader.at + length });
    reader.skip(length);
  }
  return sections;
}

function skipLimits(reader: WasmReader): void {
  const flags = reader.byte();
  reader.skipLeb();
  if (flags & 1) {
    reader.skipLeb();
  }
}

function readImports(reader: WasmReader, { refuelImport, pauseImport }: MeterOptions) {
  const found = { functions: 0, globals: 0, refuel: -1, pause: -1 };
  for (let left = reader.unsigned(); left > 0; left -= 1) {
    reader.name();
    const name = reader.name();
    const kind = reader.byte();
    if (kind === 0) {
      found.refuel = name === refuelImport ? found.functions : found.refuel;
      found.pause = name === pauseImport ? found.functions : found.pause;
      found.functions += 1;
      reader.skipLeb();
    } else if (kind === 1) {
      skipValueType(reader);
      skipLimits(reader);
    } else if (kind === 2) {
      skipLimits(reader);
    } else if (kind === 3) {
      found.globals += 1;
      skipValueType(reader);
      reader.skip(1);
    } else if (kind === 4) {
      reader.skip(1);
      reader.skipLeb();
    } else {
      throw new Error(`unknown import kind ${kind}`);
    }
  }
  for (const [name, index] of [[refuelImport, found.refuel] as const, [pauseImport, found.pause] as const]) {
    if (index < 0) {
      throw new Error(`the module does not import a function ${name}`);
    }
  }
  return found;
}

/** The number of items a section says it has; 0 without the section. */
function countOf(bytes: Uint8Array, section: Section | undefined): number {
  return section === undefined ? 0 : new WasmReader(bytes, section.start, section.end).unsigned();
}

function cappedMemory(reader: WasmReader, maxMib: number): Uint8Array {
  const count = reader.unsigned();
  const flags = reader.byte();
  if (count !== 1 || flags > 1) {
    throw new Error("only one plain 32-bit memory can be capped");
  }
  const minPages = reader.unsigned();
  const maxPages = maxMib * pagesPerMib;
  if (minPages > maxPages) {
    throw new Error(`the module starts with ${minPages / pagesPerMib} MiB, above the cap of ${maxMib} MiB`);
  }
  return Uint8Array.from([1, 1, ...unsignedLeb(minPages), ...unsignedLeb(maxPages)]);
}

/** Types may stand in recursion groups, where one item is several indices; those modules are refused. */
function assertPlainTypes(reader: WasmReader): void {
  const functionType = 0x60;
  const skipTypes = (): void => {
    for (let left = reader.unsigned(); left > 0; left -= 1) {
      skipValueType(reader);
    }
  };
  for (let left = reader.unsigned(); left > 0; left -= 1) {
    if (reader.byte() !== functionType) {
      throw new Error("only plain function types are supported");
    }
    skipTypes(); // parameters
    skipTypes(); // results
  }
}

/** Pure: the same input gives the same bytes. Throws on a module it cannot meter completely. */
export function meterWasm(bytes: Uint8Array, options: MeterOptions): MeteredModule {
  const sections = readSections(bytes);
  const sectionOf = (id: number): Section => {
    const section = sections.find((candidate) => candidate.id === id);
    if (section === undefined) {
      throw new Error(`the module has no section ${id}`);
    }
    return section;
  };
  const readerOf = (section: Section): WasmReader => new WasmReader(bytes, section.start, section.end);
  assertPlainTypes(readerOf(sectionOf(SectionId.type)));
  const imports = readImports(readerOf(sectionOf(SectionId.import)), options);
  const ownFunctions = countOf(bytes, sectionOf(SectionId.function));
  const added: AddedIndices = {
    refuelImport: imports.refuel,
    pauseImport: imports.pause,
    fuel: imports.globals + countOf(bytes, sectionOf(SectionId.global)),
    type: countOf(bytes, sectionOf(SectionId.type)),
    copy: imports.functions + ownFunctions,
    fill: imports.functions + ownFunctions + 1,
    refuel: imports.functions + ownFunctions + 2,
  };
  const code = meterCode(readerOf(sectionOf(SectionId.code)), added);
  /** A section's items with more items behind them. */
  const extended = (section: Section, extra: readonly number[], extraCount = 1): Uint8Array => {
    const reader = readerOf(section);
    const count = reader.unsigned();
    return vectorBytes(count + extraCount, reader.slice(reader.at, section.end), Uint8Array.from(extra));
  };
  const rewritten = (section: Section): Uint8Array => {
    switch (section.id) {
      case SectionId.type:
        return extended(section, [0x60, 3, i32, i32, i32, 0, 0x60, 0, 0], 2);
      case SectionId.function:
        return extended(section, [added.type, added.type, added.type + 1].flatMap(unsignedLeb), 3);
      case SectionId.memory:
        return options.maxMemoryMib === null
          ? bytes.subarray(section.start, section.end)
          : cappedMemory(readerOf(section), options.maxMemoryMib);
      case SectionId.global:
        return extended(section, [i32, 1, i32Const, 0, end]);
      case SectionId.export:
        return extended(section, [...nameBytes(options.fuelExport), 3, ...unsignedLeb(added.fuel)]);
      case SectionId.code:
        return code.section;
      default:
        return bytes.subarray(section.start, section.end);
    }
  };
  const out = [bytes.subarray(0, 8), ...sections.map((section) => sectionBytes(section.id, rewritten(section)))];
  return { bytes: concatBytes(out), loops: code.loops, bulkWrites: code.bulkWrites };
}
