// Whether a file of a dataset is the one of the manifest (rule 6) and the table that it should be: size and hash over
// all its bytes, then rows, schema and the bounds of its row groups. Faults of the source itself pass through.

import type { Codecs } from "./codecs.ts";
import type { Table } from "./columns.ts";
import type { Findings } from "./findings.ts";
import type { DatasetFile } from "./manifest.ts";
import { maxGroupRows } from "./parquet-file.ts";
import { parquetSchema } from "./parquet-schema.ts";
import type { WatchedSource } from "./dataset-source.ts";
import { openTable, type RangeReader, schemaText, type TableFile } from "./read-table.ts";

/** Of a row group before compression (DATASET). */
const maxGroupBytes = 16_000_000n;
const hashStepBytes = 4 * 1024 * 1024;

export interface FileCheck {
  readonly source: WatchedSource;
  readonly codecs: Codecs;
  readonly findings: Findings;
}

/** The file if its bytes are the manifest's. */
export async function checkBytes(check: FileCheck, file: DatasetFile): Promise<RangeReader | null> {
  const { source, codecs, findings } = check;
  const reader = await source.open(file.path);
  if (reader === null) {
    findings.add("rule_6", file.path, "the file is missing");
    return null;
  }
  if (reader.byteLength !== file.bytes) {
    findings.add("rule_6", file.path, `${reader.byteLength} bytes, and the manifest says ${file.bytes}`);
    return null;
  }
  const hash = codecs.sha256();
  for (let start = 0; start < file.bytes; start += hashStepBytes) {
    hash.update(await reader.read(start, Math.min(start + hashStepBytes, file.bytes)));
  }
  if (hash.digest() !== file.sha256) {
    findings.add("rule_6", file.path, "its hash is not the manifest's");
    return null;
  }
  return reader;
}

/** The table if it can be walked. */
export async function checkTable(check: FileCheck, table: Table, file: DatasetFile): Promise<TableFile | null> {
  const reader = await checkBytes(check, file);
  if (reader === null) {
    return null;
  }
  const { findings, codecs, source } = check;
  const opened = await source.reading(findings, file.path, () => openTable(table, reader, codecs));
  if (opened === null) {
    return null;
  }
  if (opened.rows !== file.rows) {
    findings.add("rule_6", file.path, `${opened.rows} rows, and the manifest says ${file.rows ?? "null"}`);
  }
  const tooLarge = opened.metadata.row_groups.findIndex(
    (group) => group.num_rows > maxGroupRows || group.total_byte_size > maxGroupBytes,
  );
  if (tooLarge >= 0) {
    findings.add("schema", file.path, `row group ${tooLarge} is larger than ${maxGroupRows} rows or 16 MB`);
  }
  if (schemaText(opened.metadata) !== schemaText({ schema: parquetSchema(table) })) {
    findings.add("schema", file.path, `its columns are not those of ${table}`);
    return null;
  }
  return opened;
}
