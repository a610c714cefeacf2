// How large a row is in a Parquet file before compression, a little over rather than under, so that a row group's bound
// can be kept while it is filled. Text counts in UTF-8, a number of a list four bytes and its share of the levels.

import { Buffer } from "node:buffer";
import { unreachable } from "../../lib/unreachable.ts";
import { type Column, columnsOf, type RowOf, type Table } from "./columns.ts";

/** DATASET: at most 16 MB raw in a row group; what is left covers the headers of its pages. */
export const maxRawBytes = 15_900_000;

/** A length before each text, and levels that a nullable or repeated value may need. */
const textOverhead = 5;
const listItemBytes = 4.5;

export function rawBytesOf<T extends Table>(table: T, row: RowOf[T]): number {
  const values: Readonly<Record<string, unknown>> = { ...row };
  return Math.ceil(columnsOf(table).reduce((sum, column) => sum + valueBytes(column, values[column.name]), 0));
}

function valueBytes({ type }: Column, value: unknown): number {
  if (value === null) {
    return 1;
  }
  switch (type) {
    case "string":
      return textBytes(value);
    case "bool":
    case "int32":
      return 5;
    case "int64":
    case "float64":
    case "timestamp":
      return 9;
    case "list<int8>":
    case "list<int32>":
    case "list<float32>":
      return 1 + (Array.isArray(value) ? value.length * listItemBytes : 0);
    case "list<string>":
      return itemsOf(value).reduce<number>((sum, item) => sum + textBytes(item) + 1, 1);
    case "messages":
      return itemsOf(value).reduce<number>((sum, item) => sum + messageBytes(item), 1);
    default:
      return unreachable(type);
  }
}

function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function messageBytes(message: unknown): number {
  return typeof message === "object" && message !== null
    ? Object.values(message).reduce<number>((sum, text) => sum + textBytes(text) + 1, 0)
    : 0;
}

function textBytes(text: unknown): number {
  return typeof text === "string" ? Buffer.byteLength(text, "utf8") + textOverhead : 0;
}
