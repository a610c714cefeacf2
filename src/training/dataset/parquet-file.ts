// Writes one table as a Parquet file, row by row, to a byte sink; in memory is one row group. The bytes are a function
// of the rows, of this version and of the codec: no date, no random name, and bounds of row groups that depend on the
// rows alone.

import { ByteWriter, type ColumnSource, ParquetWriter } from "hyparquet-writer";
import type { Codecs, Hasher } from "./codecs.ts";
import { type Column, columnsOf, exporter, type RowOf, type Table } from "./columns.ts";
import { parquetSchema, toParquetValue, writeOptions } from "./parquet-schema.ts";
import { maxRawBytes, rawBytesOf } from "./row-size.ts";
import { largePieceBytes } from "./zstd-frames.ts";

/** DATASET. */
export const maxGroupRows = 2000;
const createdBy = `${exporter.name} version ${exporter.version}`;

/** The bytes may be used until the promise settles; their buffer is then filled anew. */
export type ByteSink = (bytes: Uint8Array) => Promise<void>;

export interface FileFacts {
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
}

export interface ParquetFile<T extends Table> {
  /** Before compression, of all rows so far. */
  readonly rawBytes: number;
  readonly rows: number;
  /** One call at a time: the next waits for this one. */
  write(row: RowOf[T]): Promise<void>;
  /** The end of the file; nothing may follow. */
  close(): Promise<FileFacts>;
}

export function createParquetFile<T extends Table>(table: T, codecs: Codecs, sink: ByteSink): ParquetFile<T> {
  return new RowGroupWriter(table, codecs, sink);
}

class RowGroupWriter<T extends Table> implements ParquetFile<T> {
  rawBytes = 0;
  rows = 0;
  readonly #table: T;
  readonly #columns: readonly Column[];
  readonly #sink: ByteSink;
  readonly #buffer = new ByteWriter();
  readonly #writer: ParquetWriter;
  readonly #hash: Hasher;
  #pending: ColumnSource[];
  #pendingRows = 0;
  #pendingBytes = 0;

  constructor(table: T, codecs: Codecs, sink: ByteSink) {
    this.#table = table;
    this.#columns = columnsOf(table);
    this.#sink = sink;
    this.#hash = codecs.sha256();
    this.#writer = new ParquetWriter({
      writer: this.#buffer,
      schema: parquetSchema(table),
      codec: "ZSTD",
      compressors: { ZSTD: (bytes) => codecs.compress(bytes) },
      createdBy,
    });
    this.#pending = this.#emptyColumns();
  }

  async write(row: RowOf[T]): Promise<void> {
    const bytes = rawBytesOf(this.#table, row);
    if (this.#pendingRows === maxGroupRows || this.#pendingBytes + bytes > maxRawBytes) {
      await this.#endRowGroup();
    }
    const values: Readonly<Record<string, unknown>> = { ...row };
    for (const [index, column] of this.#columns.entries()) {
      const { data } = this.#pending[index] ?? {};
      if (Array.isArray(data)) {
        data.push(toParquetValue(column, values[column.name]));
      }
    }
    this.#pendingRows += 1;
    this.#pendingBytes += bytes;
    this.rows += 1;
    this.rawBytes += bytes;
  }

  async close(): Promise<FileFacts> {
    await this.#endRowGroup();
    await this.#writer.finish();
    await this.#flush();
    return { rows: this.rows, bytes: this.#buffer.offset, sha256: this.#hash.digest() };
  }

  async #endRowGroup(): Promise<void> {
    if (this.#pendingRows === 0) {
      return;
    }
    await this.#writer.write({ columnData: this.#pending, rowGroupSize: maxGroupRows, pageSize: largePieceBytes });
    this.#pending = this.#emptyColumns();
    this.#pendingRows = 0;
    this.#pendingBytes = 0;
    await this.#flush();
  }

  async #flush(): Promise<void> {
    const bytes = this.#buffer.getBytes();
    this.#hash.update(bytes);
    await this.#sink(bytes);
    this.#buffer.index = 0;
  }

  #emptyColumns(): ColumnSource[] {
    return this.#columns.map((column) => ({ ...writeOptions(column), data: [] }));
  }
}
