// The bound of an export: reads the same records from R2, parses them and writes the same turn rows as Parquet to R2. It
// checks nothing, derives nothing and hashes nothing; the rollouts' and groups' tables, a hundredth of the bytes, are
// left out.

import { ByteWriter, type ColumnSource, ParquetWriter } from "hyparquet-writer";
import * as z from "zod";
import { zstdCodecs } from "../../../src/training/dataset/codecs.ts";
import { columnsOf } from "../../../src/training/dataset/columns.ts";
import { largePieceBytes } from "../../../src/training/dataset/zstd-frames.ts";
import { parquetSchema, toParquetValue, writeOptions } from "../../../src/training/dataset/parquet-schema.ts";

/** About as many rows as fit into 16 MB. */
const rowsPerRowGroup = 600;
const partBytes = 5 * 1024 * 1024;
const readAhead = 4;

const AnyRecord = z.object({ turns: z.array(z.record(z.string(), z.unknown())) });
/** What an export derives; here it is the same everywhere. */
const derived = { advantage: 0.5, loss_weight: 0.001, reward: 1, valid: true, rollout_attempt: 1 };

export interface BoundRollout {
  readonly key: string;
  readonly names: Readonly<Record<string, unknown>>;
}

/** Gives the rows that were written. */
export async function writeBound(bucket: R2Bucket, path: string, rollouts: readonly BoundRollout[]): Promise<number> {
  const columns = columnsOf("turns");
  const buffer = new ByteWriter();
  const writer = new ParquetWriter({
    writer: buffer,
    schema: parquetSchema("turns"),
    codec: "ZSTD",
    compressors: { ZSTD: (bytes) => zstdCodecs.compress(bytes) },
  });
  const upload = await bucket.createMultipartUpload(path);
  const parts = new Parts(upload);
  const empty = (): ColumnSource[] => columns.map((column) => ({ ...writeOptions(column), data: [] }));
  let data = empty();
  let pending = 0;
  let rows = 0;
  const flush = async (): Promise<void> => {
    await writer.write({ columnData: data, rowGroupSize: rowsPerRowGroup, pageSize: largePieceBytes });
    await parts.add(buffer.getBytes());
    buffer.index = 0;
    data = empty();
    pending = 0;
  };
  for await (const { turns, names } of readAll(bucket, rollouts)) {
    for (const turn of turns) {
      const row: Readonly<Record<string, unknown>> = { ...turn, ...names, ...derived };
      for (const [index, column] of columns.entries()) {
        const values = data[index]?.data;
        if (Array.isArray(values)) {
          values.push(toParquetValue(column, row[column.name]));
        }
      }
      pending += 1;
      rows += 1;
      if (pending === rowsPerRowGroup) {
        await flush();
      }
    }
  }
  await flush();
  await writer.finish();
  await parts.add(buffer.getBytes());
  await parts.end();
  return rows;
}

async function* readAll(bucket: R2Bucket, rollouts: readonly BoundRollout[]) {
  const ahead: { names: BoundRollout["names"]; opened: Promise<R2ObjectBody | null> }[] = [];
  for (let next = 0; next < rollouts.length || ahead.length > 0;) {
    for (let one = rollouts[next]; ahead.length < readAhead && one !== undefined; one = rollouts[next]) {
      ahead.push({ names: one.names, opened: bucket.get(one.key) });
      next += 1;
    }
    const first = ahead.shift();
    const object = await first?.opened;
    // Only the shape that the loop needs: its columns are written as they come.
    yield { turns: AnyRecord.parse(JSON.parse((await object?.text()) ?? "")).turns, names: first?.names ?? {} };
  }
}

class Parts {
  readonly #upload: R2MultipartUpload;
  readonly #done: R2UploadedPart[] = [];
  readonly #buffer = new Uint8Array(partBytes);
  #filled = 0;

  constructor(upload: R2MultipartUpload) {
    this.#upload = upload;
  }

  async add(bytes: Uint8Array): Promise<void> {
    for (let offset = 0; offset < bytes.length;) {
      const piece = bytes.subarray(offset, offset + partBytes - this.#filled);
      this.#buffer.set(piece, this.#filled);
      this.#filled += piece.length;
      offset += piece.length;
      if (this.#filled === partBytes) {
        await this.#send();
      }
    }
  }

  async end(): Promise<void> {
    if (this.#filled > 0) {
      await this.#send();
    }
    await this.#upload.complete(this.#done);
  }

  async #send(): Promise<void> {
    this.#done.push(await this.#upload.uploadPart(this.#done.length + 1, this.#buffer.slice(0, this.#filled)));
    this.#filled = 0;
  }
}
