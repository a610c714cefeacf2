// The Parquet files themselves: what DuckDB and hyparquet read is what was written, field by field; the bytes are a
// function of the rows; no row group is larger than the contract allows.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { zstdCompressSync } from "node:zlib";
import { parquetMetadata } from "hyparquet";
import { afterAll, describe, expect, it } from "vitest";
import { type Codecs, zstdCodecs } from "../../../src/training/dataset/codecs.ts";
import {
  type Column,
  columnsOf,
  GroupTableRow,
  RolloutTableRow,
  Table,
  TurnTableRow,
} from "../../../src/training/dataset/columns.ts";
import { maxRawBytes, rawBytesOf } from "../../../src/training/dataset/row-size.ts";
import { packFrames } from "../../../src/training/dataset/zstd-frames.ts";
import { createRandom } from "../../../src/lib/random.ts";
import { groupRows, turnRow } from "../../support/dataset-rows.ts";
import { memorySink, readTable, writeTable } from "../../support/memory-dataset.ts";
import { createParquetFile } from "../../../src/training/dataset/parquet-file.ts";

const folder = mkdtempSync(join(tmpdir(), "agentflow-dataset-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Rows at the edges of each column. */
const edgeTurns: TurnTableRow[] = [
  turnRow(),
  turnRow({
    prompt_token_ids: null,
    response_token_ids: null,
    response_logprobs: null,
    response_mask: null,
    reasoning_text: "",
    loss_weight: null,
    stop: [],
    token_source: "none",
    logprobs_mode: "unknown",
  }),
  turnRow({
    prompt_token_ids: [],
    response_token_ids: [],
    response_logprobs: [],
    response_mask: [],
    messages: [],
    stop: ["a", "ü", ""],
    response_text: "",
    loss_weight: 0,
  }),
  turnRow({
    response_text: "BOM \uFEFF, \u0000 NUL, \r\n, 漢字, e\u0301, 🙂, \u{10FFFF}",
    messages: [{ role: "user", content: "🙂\uFEFF".repeat(300) }],
    response_token_ids: [0, 2 ** 31 - 1, -(2 ** 31)],
    response_logprobs: [-0.1, -1e-30, -8999.5].map(Math.fround),
    response_mask: [1, 0, 1],
    seed: Number.MAX_SAFE_INTEGER,
    policy_step: 2 ** 40,
    started_at: "1969-12-31T23:59:59.999Z",
    temperature: 0.1 + 0.2,
    top_k: null,
    max_tokens: null,
    reward: null,
    advantage: -5e-324,
  }),
];
const group = groupRows([
  { reward: 1, turns: 2 },
  { reward: 0.25, turns: 1, tokens: null },
  { reward: null, turns: 1, invalid: "engine_failed" },
  { reward: 0, turns: 1, tokens: 0 },
]);

const cases = {
  turns: [...edgeTurns, ...group.rollouts.flatMap(({ turns }) => turns)],
  rollouts: group.rollouts.map(({ rollout }) => rollout),
  groups: [group.group],
};

describe.each(Table.options)("%s", (table) => {
  it("are read by hyparquet as they were written", async () => {
    const { bytes } = await writeTable(table, cases[table]);
    expect(await readTable(table, bytes)).toEqual(cases[table]);
  });

  it("are read by DuckDB as they were written, with the contract's types", async () => {
    const { bytes } = await writeTable(table, cases[table]);
    const { rows, types } = await readWithDuckDb(bytes, `${table}.parquet`);
    expect(types).toEqual(columnsOf(table).map((column) => [column.name, duckDbType(column)]));
    expect(rows).toEqual(cases[table]);
  });

  it("have the same schema when there are none", async () => {
    const none = await writeTable(table, []);
    const some = await writeTable(table, cases[table]);
    expect(none.facts.rows).toBe(0);
    expect(metadataOf(none.bytes).schema).toEqual(metadataOf(some.bytes).schema);
    expect(await readTable(table, none.bytes)).toEqual([]);
    expect((await readWithDuckDb(none.bytes, `no-${table}.parquet`)).rows).toEqual([]);
  });
});

describe("columns", () => {
  it("are the contract's, in its order", () => {
    expect(columnsOf("turns").map(({ name }) => name)).toEqual(Object.keys(TurnTableRow.shape));
    expect(columnsOf("rollouts").map(({ name }) => name)).toEqual(Object.keys(RolloutTableRow.shape));
    expect(columnsOf("groups").map(({ name }) => name)).toEqual(Object.keys(GroupTableRow.shape));
  });

  it("write a null only where the schema allows one", async () => {
    const broken: unknown = { ...turnRow(), group_id: null };
    const file = createParquetFile("turns", zstdCodecs, memorySink().sink);
    // @ts-expect-error a row that the type refuses
    await file.write(broken);
    await expect(file.close()).rejects.toThrow(/required|expected/);
  });
});

describe("text", () => {
  it("keeps a byte order mark at its start", async () => {
    const { bytes } = await writeTable("turns", [turnRow({ response_text: "\uFEFFplan" })]);
    expect((await readTable("turns", bytes))[0]?.["response_text"]).toBe("\uFEFFplan");
    // DuckDB's own text has it too; only its JavaScript client drops it.
    const { rows } = await readWithDuckDb(bytes, "bom.parquet", "hex(encode(response_text)) AS hex");
    expect(rows).toEqual([{ hex: Buffer.from("\uFEFFplan").toString("hex").toUpperCase() }]);
  });

  it("has U+FFFD for half a surrogate pair, and nothing else is lost", async () => {
    const { bytes } = await writeTable("turns", [turnRow({ response_text: "a\uD83Db", reasoning_text: "\uDC00" })]);
    const [row] = await readTable("turns", bytes);
    expect(row?.["response_text"]).toBe("a\uFFFDb");
    expect(row?.["reasoning_text"]).toBe("\uFFFD");
  });
});

describe("bytes", () => {
  /** zstd's own bytes change with its version; what is compressed must not. */
  const stored: Codecs = { ...zstdCodecs, compress: (bytes) => bytes };

  it("are those of this version of the exporter", async () => {
    const hashes = await Promise.all(
      Table.options.map(async (table) => (await writeTable(table, cases[table], stored)).facts.sha256),
    );
    // A change here means another exporter version: the same claim gives other bytes.
    expect(hashes).toMatchInlineSnapshot(`
      [
        "2a73c64703376771993a60576839b8d6570300d6b05ec5ca6904d1310b14d936",
        "559c7671f02611dd539cbaaee97c098b75f82568fc61f2797bf4899c570c7a0f",
        "de82b2a51cf5a6e697efd2f7a05b4ad902c8740e0cf56f3d6b702452a8ae938a",
      ]
    `);
  });

  it("do not depend on when or how often they are written", async () => {
    const first = await writeTable("turns", cases.turns);
    const second = await writeTable("turns", cases.turns);
    expect(second.bytes).toEqual(first.bytes);
    expect(second.facts).toEqual(first.facts);
    expect(Buffer.from(first.bytes).toString("latin1")).not.toMatch(/20\d\d-\d\d-\d\d/);
  });

  it("are hashed and counted as they leave", async () => {
    const { bytes, facts } = await writeTable("turns", cases.turns);
    const hash = zstdCodecs.sha256();
    hash.update(bytes);
    expect(facts).toEqual({ rows: cases.turns.length, bytes: bytes.length, sha256: hash.digest() });
  });
});

describe("pages that do not pack", () => {
  it("are several frames in a row, which hyparquet and DuckDB read as one", async () => {
    const random = createRandom(11);
    const noise = (length: number) => Array.from({ length }, () => random.whole(-(2 ** 31), 2 ** 31 - 1));
    const rows = [100_000, 5, 40_000].map((length) => turnRow({ prompt_token_ids: noise(length) }));
    const { bytes } = await writeTable("turns", rows);
    expect(await readTable("turns", bytes)).toEqual(rows);
    expect((await readWithDuckDb(bytes, "noise.parquet")).rows).toEqual(rows);
  });

  it("are no larger than workerd's zstd can make them", () => {
    const sizes: number[] = [];
    const random = createRandom(12);
    const bytes = Uint8Array.from({ length: 500_000 }, () => random.whole(0, 255));
    const packed = packFrames(bytes, (piece) => {
      const frame = zstdCompressSync(piece);
      if (frame.length > 40_960) {
        throw new Error("Unexpected end of file");
      }
      sizes.push(frame.length);
      return frame;
    });
    expect(Math.max(...sizes)).toBeLessThanOrEqual(40_960);
    expect(new Uint8Array(zstdCodecs.decompress(packed, bytes.length))).toEqual(bytes);
    expect(() => zstdCodecs.decompress(packed, bytes.length - 1)).toThrow("more than");
    expect(() => zstdCodecs.decompress(packed.subarray(0, 1000), bytes.length)).toThrow(RangeError);
    expect(() => zstdCodecs.decompress(new Uint8Array(100), bytes.length)).toThrow("not a zstd frame");
  });
});

describe("row groups", () => {
  it("have at most 2,000 rows", async () => {
    const rows = Array.from({ length: 4100 }, (_, index) => ({ ...group.group, group_id: `grp_${index}` }));
    const { bytes } = await writeTable("groups", rows);
    expect(metadataOf(bytes).row_groups.map(({ num_rows }) => Number(num_rows))).toEqual([2000, 2000, 100]);
    expect(await readTable("groups", bytes)).toEqual(rows);
  });

  it("have at most 16 MB raw, whatever fills them", async () => {
    const ids = Array.from({ length: 200_000 }, (_, index) => (index * 2_654_435_761) | 0);
    const rows = Array.from({ length: 48 }, (_, index) =>
      index % 2 === 0
        ? turnRow({ prompt_token_ids: ids })
        : turnRow({ response_text: `${index} 漢字`.padEnd(500_000, "漢"), messages: [] }),
    );
    const { bytes } = await writeTable("turns", rows);
    const groups = metadataOf(bytes).row_groups;
    const sizes = groups.map(({ total_byte_size }) => Number(total_byte_size));
    expect(groups.reduce((sum, { num_rows }) => sum + Number(num_rows), 0)).toBe(48);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(16_000_000);
    // The estimate is near: a full group is not half empty.
    expect(Math.min(...sizes.slice(0, -1))).toBeGreaterThan(13_000_000);
  });

  it("are left one at a time, so that a file of any length costs the memory of one", async () => {
    const { sink, sizes } = memorySink();
    const file = createParquetFile("turns", zstdCodecs, sink);
    const row = turnRow({ response_text: "x".repeat(1_000_000) });
    for (let count = 0; count < 40; count += 1) {
      await file.write(row);
    }
    expect(sizes().length).toBe(2);
    await file.close();
  });

  it("are never asked to hold a row of more than 16 MB", () => {
    expect(rawBytesOf("turns", turnRow({ response_text: "漢".repeat(5_300_000) }))).toBeGreaterThan(maxRawBytes);
    expect(rawBytesOf("turns", turnRow({ response_text: "x".repeat(15_800_000) }))).toBeLessThan(maxRawBytes);
  });
});

function metadataOf(bytes: Uint8Array): ReturnType<typeof parquetMetadata> {
  return parquetMetadata(new Uint8Array(bytes).buffer);
}

function duckDbType({ type }: Column): string {
  const types: Record<Column["type"], string> = {
    string: "VARCHAR",
    int32: "INTEGER",
    int64: "BIGINT",
    float64: "DOUBLE",
    bool: "BOOLEAN",
    timestamp: "TIMESTAMP WITH TIME ZONE",
    "list<int8>": "TINYINT[]",
    "list<int32>": "INTEGER[]",
    "list<float32>": "FLOAT[]",
    "list<string>": "VARCHAR[]",
    messages: 'STRUCT("role" VARCHAR, "content" VARCHAR)[]',
  };
  return types[type];
}

async function readWithDuckDb(
  bytes: Uint8Array,
  name: string,
  columns = "*",
): Promise<{ rows: unknown[]; types: unknown[][] }> {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    const found = await connection.runAndReadAll(`SELECT ${columns} FROM read_parquet('${path}')`);
    const types = await connection.runAndReadAll(`DESCRIBE SELECT * FROM read_parquet('${path}')`);
    return {
      rows: found.getRowObjectsJS().map((row) => Object.fromEntries(Object.entries(row).map(fromDuckDb))),
      types: types.getRowObjectsJS().map((row) => [row["column_name"], row["column_type"]]),
    };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** DuckDB has 64-bit integers as bigints and times as dates; the contract's rows have neither. */
function fromDuckDb([name, value]: [string, unknown]): [string, unknown] {
  if (typeof value === "bigint") {
    return [name, Number(value)];
  }
  return [name, value instanceof Date ? value.toISOString() : value];
}
