// docs/datasets.md: its first query gives what stands below it, and its tables name every column that there is.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, expect, it } from "vitest";
import { columnsOf, Table } from "../../../src/training/dataset/columns.ts";
import { groupRows, type Outcome } from "../../support/dataset-rows.ts";
import { writeDataset } from "../../support/memory-dataset.ts";

const page = readFileSync(resolve(import.meta.dirname, "../../../docs/datasets.md"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "agentflow-doc-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const four: Outcome[] = [
  { reward: 1, turns: 1 },
  { reward: 1, turns: 1 },
  { reward: 0, turns: 3 },
  { reward: 0, turns: 3 },
];

it("shows what its first query gives", async () => {
  const broken = four.map((outcome, index) => (index === 3 ? { ...outcome, invalid: "engine_failed" } : outcome));
  const { files } = await writeDataset([[groupRows(four, { name: "1" }), groupRows(broken, { name: "2" })]]);
  for (const [path, bytes] of files) {
    writeFileSync(join(folder, path), bytes);
  }
  const [, query = "", shown = ""] = /```sql\n(.*?)```\n\n```\n(.*?)```/s.exec(page) ?? [];
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  const found = await connection.runAndReadAll(query.replace("'turns-", `'${folder}/turns-`));
  const lines = [found.columnNames(), ...found.getRowsJS().map((row) => row.map(String))];
  connection.closeSync();
  instance.closeSync();
  expect(
    shown
      .trim()
      .split("\n")
      .map((line) => line.split(/ {2,}/)),
  ).toEqual(lines);
});

it("names every column", () => {
  const named = new Set([...page.matchAll(/`([a-z_0-9]+)`/g)].map(([, name]) => name));
  const missing = Table.options.flatMap((table) => columnsOf(table).filter(({ name }) => !named.has(name)));
  expect(missing).toEqual([]);
});
