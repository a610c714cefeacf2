// The same turn rows written by pyarrow, for comparison: records as JSON lines in, one Parquet file with ZSTD out. Says so
// where there is no python3 with pyarrow; nothing is installed for it. PYTHON names another interpreter.

import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rolloutsPerGroup, sampleRecord, sampleRollout, turnsPerRollout } from "./export-worker/sample-records.ts";
import { short } from "./numbers.ts";

const script = join(import.meta.dirname, "pyarrow_write.py");

/** A line for the report. */
export async function measurePyarrow(rows: number): Promise<string> {
  const python = process.env["PYTHON"] ?? "python3";
  if (spawnSync(python, ["-c", "import pyarrow"], { stdio: "ignore" }).status !== 0) {
    return "pyarrow: not measured, for python3 has none here";
  }
  const folder = mkdtempSync(join(tmpdir(), "agentflow-bench-pyarrow-"));
  try {
    const records = join(folder, "records.jsonl");
    await writeRecords(records, Math.ceil(rows / (rolloutsPerGroup * turnsPerRollout)));
    const done = spawnSync(python, [script, records, join(folder, "turns.parquet")], { encoding: "utf8" });
    const [written, seconds, peakMb, version] = done.stdout.trim().split(" ");
    return done.status === 0
      ? `pyarrow ${version ?? ""}: ${short(Number(written) / Number(seconds))} rows/s over ${written ?? ""} rows, peak ${peakMb ?? ""} MB`
      : `pyarrow: failed, ${done.stderr.trim().split("\n").at(-1) ?? ""}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function writeRecords(path: string, groups: number): Promise<void> {
  const file = createWriteStream(path);
  for (let group = 0; group < groups; group += 1) {
    for (let index = 0; index < rolloutsPerGroup; index += 1) {
      const record = sampleRecord(group, await sampleRollout(group, index));
      if (!file.write(`${JSON.stringify(record)}\n`)) {
        await once(file, "drain");
      }
    }
  }
  file.end();
  await once(file, "finish");
}
