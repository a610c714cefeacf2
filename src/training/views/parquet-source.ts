// The rows of a frozen dataset from its Parquet files, by ranges: one row group of the asked columns in memory. It
// trusts the files, which were validated when they were made; one that cannot be read is a fault and throws.

import type { Codecs } from "../dataset/codecs.ts";
import type { Manifest } from "../dataset/manifest.ts";
import { openTable } from "../dataset/read-table.ts";
import type { RowSource } from "./row-source.ts";

/** Bytes from `start` up to `end`, which is excluded. Rejects where there are none. */
export type ReadRange = (path: string, start: number, end: number) => Promise<Uint8Array>;

export function createParquetSource(
  manifest: Pick<Manifest, "files">,
  readRange: ReadRange,
  codecs: Codecs,
): RowSource {
  return {
    async *rowGroups(table, columns) {
      const files = manifest.files.filter((file) => file.table === table);
      for (const { path, bytes } of files.toSorted((left, right) => (left.path < right.path ? -1 : 1))) {
        const reader = { byteLength: bytes, read: (start: number, end: number) => readRange(path, start, end) };
        const file = await openTable(table, reader, codecs);
        yield* file.rowGroups(columns);
      }
    },
  };
}
