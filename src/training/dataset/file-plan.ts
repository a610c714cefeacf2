// When a set of three files is full, and what its files are called (DATASET). Rows and bytes decide, never time, so
// that the same claim is always cut at the same groups.

import type { Table } from "./columns.ts";

const maxTurnRows = 50_000;
const maxSetBytes = 256_000_000;

export interface SetSize {
  readonly turnRows: number;
  /** Before compression, of the three files. */
  readonly rawBytes: number;
}

/** Asked after each group, since a group never crosses a file. */
export function isSetFull({ turnRows, rawBytes }: SetSize): boolean {
  return turnRows >= maxTurnRows || rawBytes >= maxSetBytes;
}

/** `index` counts sets from 0. */
export function filePath(table: Table, index: number): string {
  return `${table}-${String(index).padStart(5, "0")}.parquet`;
}
