import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, describe, expect, it } from "vitest";
import { Table } from "../../../src/training/dataset/columns.ts";
import { SftRow } from "../../../src/training/views/sft-row.ts";
import { temporaryDir } from "../../support/server.ts";
import { writeDataset } from "../../support/dataset-folder.ts";
import { type DatasetPlan, makeDataset } from "../../support/view-dataset.ts";
import { readView } from "./support.ts";

const folder = temporaryDir();
afterAll(() => folder.remove());

/** Two sets of files, with nulls, empty lists, odd text and an invalid rollout. */
const plan: DatasetPlan = {
  groupsPerSet: 1,
  groups: [
    {
      rollouts: [
        { reward: 1, turns: [{ reply: [3, 4] }, { reply: [], stop: [], response_text: "" }] },
        { reward: 0.25, turns: [{ reply: null, temperature: null, tool_name: null, tool_status: null }] },
      ],
    },
    {
      planned: 2,
      rollouts: [
        { reward: null, invalid: "engine_failed", turns: [] },
        { reward: 1, turns: [{ reply: [5], stop: ["\n", "\u2028 end"], response_text: "a\u0000b\ud800" }] },
        { reward: 0, turns: [{ reply: [6], response_logprobs: null, verifier_conclusion: null }] },
      ],
    },
  ],
};

describe("the view jsonl", () => {
  it.each(Table.options)("has each row of %s as it was made, with every column", async (table) => {
    const { source, rows } = await makeDataset(plan);
    const { lines } = await readView(source, { view: "jsonl", table });
    const tables = {
      groups: rows.map(({ group }) => group),
      rollouts: rows.flatMap(({ rollouts }) => rollouts.map(({ rollout }) => rollout)),
      turns: rows.flatMap(({ rollouts }) => rollouts.flatMap(({ turns }) => turns)),
    };
    expect(lines).toEqual(tables[table]);
  });

  it("prints a float32 as the value that it has, a time with milliseconds and a null as null", async () => {
    const { source } = await makeDataset(plan);
    const { lines } = await readView(source, { view: "jsonl", table: "turns" });
    expect(lines[0]).toMatchObject({
      response_logprobs: [-0.20100000500679016, -0.25099998712539673],
      started_at: "2026-11-22T10:00:00.123Z",
      reasoning_text: null,
      seed: 9007199254740991,
    });
  });

  it.each(Table.options)("is equal to what DuckDB reads from the Parquet of %s", async (table) => {
    const made = await makeDataset(plan);
    const { lines } = await readView(made.source, { view: "jsonl", table });
    const path = join(folder.path, table);
    writeDataset(made, path);
    const connection = await (await DuckDBInstance.create(":memory:")).connect();
    const reader = await connection.runAndReadAll(
      `SELECT to_json(t)::VARCHAR AS line FROM (
         SELECT * EXCLUDE (filename) FROM read_parquet('${path}/${table}-*.parquet', filename = true) ORDER BY filename
       ) t`,
    );
    const read = reader.getRowObjects().map(({ line }): unknown => JSON.parse(String(line)));
    expect(read.map(asView)).toEqual(lines);
    connection.closeSync();
  });
});

/** DuckDB writes a time as `2026-11-22 10:00:00.123+00`, and a float32 with the digits that a float32 needs. */
function asView(value: unknown): unknown {
  if (typeof value === "string" && /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/.test(value)) {
    return new Date(value.replace(" ", "T").replace(/\+00$/, "Z")).toISOString();
  }
  if (Array.isArray(value)) {
    return value.map((item) => (typeof item === "number" ? Math.fround(item) : asView(item)));
  }
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, asView(member)]));
  }
  return value;
}

describe("the view for supervised tuning", () => {
  it("has the turns of valid rollouts above a reward, with the reply last", async () => {
    const { source } = await makeDataset(plan);
    const { lines, leftOut } = await readView(source, { view: "sft", minReward: 1 });
    expect(leftOut).toEqual({ low_reward: 2 });
    const rows = lines.map((line) => SftRow.parse(line));
    expect(rows.map(({ reward }) => reward)).toEqual([1, 1, 1]);
    expect(rows[0]?.messages.map(({ role }) => role)).toEqual(["system", "user", "assistant"]);
    expect(rows[0]?.messages.at(-1)?.content).toBe("plan 3 4");
  });

  it("takes less where less is asked for", async () => {
    const { source } = await makeDataset(plan);
    const { lines, leftOut } = await readView(source, { view: "sft", minReward: 0.2 });
    expect(lines).toHaveLength(4);
    expect(leftOut).toEqual({ low_reward: 1 });
  });
});
