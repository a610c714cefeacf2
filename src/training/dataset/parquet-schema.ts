// The Parquet schema of a table and the physical values of its columns. Nothing is inferred from data: a file of no
// rows has the same schema as one of many.

import type { SchemaElement } from "hyparquet";
import type { ColumnSource } from "hyparquet-writer";
import { unreachable } from "../../lib/unreachable.ts";
import { type Column, columnsOf, type ColumnType, type Table } from "./columns.ts";

export function parquetSchema(table: Table): SchemaElement[] {
  const columns = columnsOf(table);
  return [{ name: "schema", num_children: columns.length }, ...columns.flatMap(columnElements)];
}

function columnElements({ name, type, nullable }: Column): SchemaElement[] {
  const repetition_type = nullable ? "OPTIONAL" : "REQUIRED";
  switch (type) {
    case "messages":
      return [
        ...listOf(name, repetition_type),
        { name: "element", repetition_type: "REQUIRED", num_children: 2 },
        { name: "role", repetition_type: "REQUIRED", ...leaf("string") },
        { name: "content", repetition_type: "REQUIRED", ...leaf("string") },
      ];
    case "list<int8>":
      return [
        ...listOf(name, repetition_type),
        { name: "element", repetition_type: "REQUIRED", type: "INT32", converted_type: "INT_8" },
      ];
    case "list<int32>":
      return [...listOf(name, repetition_type), { name: "element", repetition_type: "REQUIRED", ...leaf("int32") }];
    case "list<float32>":
      return [...listOf(name, repetition_type), { name: "element", repetition_type: "REQUIRED", type: "FLOAT" }];
    case "list<string>":
      return [...listOf(name, repetition_type), { name: "element", repetition_type: "REQUIRED", ...leaf("string") }];
    default:
      return [{ name, repetition_type, ...leaf(type) }];
  }
}

function listOf(name: string, repetition_type: "OPTIONAL" | "REQUIRED"): SchemaElement[] {
  return [
    { name, repetition_type, converted_type: "LIST", logical_type: { type: "LIST" }, num_children: 1 },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
  ];
}

type LeafType = Exclude<ColumnType, "messages" | `list<${string}>`>;

function leaf(type: LeafType): Pick<SchemaElement, "type" | "converted_type" | "logical_type"> {
  switch (type) {
    case "string":
      return { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } };
    case "int32":
      return { type: "INT32" };
    case "int64":
      return { type: "INT64" };
    case "float64":
      return { type: "DOUBLE" };
    case "bool":
      return { type: "BOOLEAN" };
    case "timestamp":
      return {
        type: "INT64",
        converted_type: "TIMESTAMP_MILLIS",
        logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MILLIS" },
      };
    default:
      return unreachable(type);
  }
}

/** How a column is written. Long texts and lists of numbers have no use for a dictionary or for bounds. */
export function writeOptions({ name, type }: Column): Omit<ColumnSource, "data" | "type"> {
  switch (type) {
    case "messages":
    case "list<string>":
      return { name, statistics: false };
    case "list<int8>":
    case "list<int32>":
    case "list<float32>":
      return { name, statistics: false, encoding: "PLAIN" };
    default:
      return longTexts.has(name) ? { name, statistics: false, encoding: "PLAIN" } : { name };
  }
}

const longTexts = new Set(["response_text", "reasoning_text", "query", "reference", "answer", "reward_components"]);

/** A row's value as the writer takes it: 64-bit columns want bigints. */
export function toParquetValue({ type }: Column, value: unknown): unknown {
  if (value === null || value === undefined) {
    return null;
  }
  if (type === "int64" && typeof value === "number") {
    return BigInt(value);
  }
  return type === "timestamp" && typeof value === "string" ? BigInt(Date.parse(value)) : value;
}
