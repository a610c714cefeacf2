// Reads a dataset's Parquet file row group by row group through byte ranges, as rows of the contract: bigints become
// numbers and timestamps RFC 3339. In memory is one row group of the columns that are asked for. It throws on a file
// that is not Parquet of the table's schema; callers decide whether that is their bug or somebody's file.

import {
  type AsyncBuffer,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from "hyparquet";
import type { Codecs } from "./codecs.ts";
import { columnsOf, type ColumnType, type Table } from "./columns.ts";

/** Reads at once of one file; the platform has six slots for all that wait for an answer. */
const maxReads = 4;

export interface RangeReader {
  readonly byteLength: number;
  /** `end` is exclusive. */
  read(start: number, end: number): Promise<Uint8Array>;
}

/** A row by column name; the table's schema reads it where types are wanted. */
export type RawRow = Record<string, unknown>;

export interface TableFile {
  readonly metadata: FileMetaData;
  readonly rows: number;
  /** All columns where none are named. */
  rowGroups(columns?: readonly string[]): AsyncGenerator<readonly RawRow[]>;
}

export async function openTable(table: Table, reader: RangeReader, codecs: Codecs): Promise<TableFile> {
  const file = limitReads(reader);
  const metadata = await parquetMetadataAsync(file);
  const compressors = { ZSTD: (bytes: Uint8Array, length: number) => codecs.decompress(bytes, length) };
  return {
    metadata,
    rows: Number(metadata.num_rows),
    async *rowGroups(columns) {
      const known = columnsOf(table).filter(({ name }) => columns === undefined || columns.includes(name));
      let rowStart = 0;
      for (const group of metadata.row_groups) {
        const rowEnd = rowStart + Number(group.num_rows);
        const names = known.map(({ name }) => name);
        const rows = await parquetReadObjects({
          file,
          metadata,
          compressors,
          parsers,
          columns: names,
          rowStart,
          rowEnd,
        });
        yield rows.map((row) =>
          Object.fromEntries(known.map(({ name, type }) => [name, fromParquet(type, row[name])])),
        );
        rowStart = rowEnd;
      }
    },
  };
}

/** The leaves of the file's schema in order, as text that two files of one schema share. */
export function schemaText(metadata: Pick<FileMetaData, "schema">): string {
  const lines: string[] = [];
  const visit = (node: ReturnType<typeof parquetSchema>, depth: number) => {
    const { name, type, converted_type, repetition_type } = node.element;
    const what = depth === 0 ? "schema" : `${name} ${repetition_type ?? ""} ${type ?? "group"} ${converted_type ?? ""}`;
    lines.push("  ".repeat(depth) + what.trimEnd());
    for (const child of node.children) {
      visit(child, depth + 1);
    }
  };
  visit(parquetSchema(metadata), 0);
  return lines.join("\n");
}

const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });
/** The library's own reader of text drops a byte order mark, which is part of the text. */
const parsers = {
  stringFromBytes: (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : decoder.decode(bytes)),
};

function fromParquet(type: ColumnType, value: unknown): unknown {
  if (value === null || value === undefined) {
    return null;
  }
  if (value instanceof Date) {
    return value.toISOString();
  }
  return type === "int64" && typeof value === "bigint" ? Number(value) : value;
}

/** Bytes that are a view of more are copied: Node's own buffers mostly are. */
function wholeBuffer(bytes: Uint8Array): ArrayBuffer {
  const { buffer } = bytes;
  return buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength
    ? buffer
    : new Uint8Array(bytes).buffer;
}

function limitReads(reader: RangeReader): AsyncBuffer {
  let running = 0;
  const waiting: (() => void)[] = [];
  const slice = async (start: number, end = reader.byteLength): Promise<ArrayBuffer> => {
    if (running < maxReads) {
      running += 1;
    } else {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
      });
    }
    try {
      return wholeBuffer(await reader.read(start, end));
    } finally {
      // Whoever waits takes over the place.
      const next = waiting.shift();
      running -= next === undefined ? 1 : 0;
      next?.();
    }
  };
  return { byteLength: reader.byteLength, slice };
}
