// Section 5: an export of the product's exporter inside workerd against its bound, which reads and parses the same
// records and writes the same Parquet alone; beside them pyarrow, where there is one. Each side has a fresh server, so
// that its peak of memory is its own.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import * as z from "zod";
import { migrateLedger, startDevServer } from "../lib/dev-server.ts";
import { type Client, createClient, readText } from "./client.ts";
import { rolloutsPerGroup, turnsPerRollout } from "./export-worker/sample-records.ts";
import { short, table } from "./numbers.ts";
import { withProcessUse } from "./process-use.ts";
import { measurePyarrow } from "./pyarrow.ts";
import type { Section } from "./report.ts";

const config = join(import.meta.dirname, "export-worker/wrangler.toml");
const rowsPerGroup = rolloutsPerGroup * turnsPerRollout;
/** Of one request to prepare, and of one file of the bound. */
const groupsPerRequest = 50;
const groupsPerFile = 500;
const pollMs = 50;
const target = 0.5;

interface Side {
  readonly rowsPerSecond: number;
  readonly peakMb: number | null;
}

interface Measured {
  readonly rows: number;
  readonly service: Side;
  readonly bound: Side;
}

export async function measureExports(sizes: readonly number[]): Promise<Section> {
  const measured: Measured[] = [];
  for (const rows of sizes) {
    measured.push(await measureSize(rows));
  }
  const pyarrow = await measurePyarrow(Math.min(10_000, ...sizes));
  const lines = measured.map(({ rows, service, bound }) => [
    String(rows),
    short(service.rowsPerSecond),
    short(bound.rowsPerSecond),
    short(service.rowsPerSecond / bound.rowsPerSecond),
    `${megabytes(service.peakMb)} (${megabytes(bound.peakMb)})`,
  ]);
  const heads = ["turn rows", "export rows/s", "bound rows/s", "of bound", "peak MB (bound)"];
  const last = measured.at(-1);
  const ratio = last === undefined ? Number.NaN : last.service.rowsPerSecond / last.bound.rowsPerSecond;
  return {
    title: "5. An export, records of ten turns with 2,000 prompt and 400 response tokens each",
    text: `${table([heads, ...lines])}\n  ${pyarrow}`,
    verdicts: [
      {
        promise: `an export of ${last?.rows ?? 0} turn rows`,
        target: "at least half the bound's rate",
        reached: `${short(ratio)} of it`,
        kept: ratio >= target,
      },
    ],
  };
}

function megabytes(value: number | null): string {
  return value === null ? "?" : value.toFixed(0);
}

async function measureSize(rows: number): Promise<Measured> {
  const groups = Math.ceil(rows / rowsPerGroup);
  const stateDir = mkdtempSync(join(tmpdir(), "agentflow-bench-export-"));
  const remove = (): void => rmSync(stateDir, { recursive: true, force: true });
  process.on("exit", remove);
  try {
    migrateLedger(stateDir);
    await withServer(stateDir, (client) => prepare(client, groups));
    const bound = await measureSide(stateDir, rows, (client) => runBound(client, groups));
    const service = await measureSide(stateDir, rows, runExport);
    return { rows, service, bound };
  } finally {
    process.off("exit", remove);
    remove();
  }
}

async function measureSide(stateDir: string, rows: number, work: (client: Client) => Promise<void>): Promise<Side> {
  return withServer(stateDir, async (client) => {
    const from = performance.now();
    const { peakMb } = await withProcessUse(stateDir, () => work(client));
    return { rowsPerSecond: rows / ((performance.now() - from) / 1000), peakMb };
  });
}

async function withServer<T>(stateDir: string, work: (client: Client) => Promise<T>): Promise<T> {
  const server = await startDevServer({
    host: "127.0.0.1",
    port: 0,
    stateDir,
    variables: {},
    output: "ignore",
    config,
  });
  const client = createClient(server.url, 1);
  try {
    return await work(client);
  } finally {
    client.close();
    await server.stop();
  }
}

async function ask(client: Client, path: string, body: unknown = {}): Promise<unknown> {
  const response = await client.post(path, body);
  const text = await readText(response);
  if (response.statusCode !== 200) {
    throw new Error(`${path} answered ${response.statusCode}: ${text.slice(0, 300)}`);
  }
  return JSON.parse(text);
}

async function prepare(client: Client, groups: number): Promise<void> {
  for (let from = 0; from < groups; from += groupsPerRequest) {
    await ask(client, "/prepare", { from, to: Math.min(groups, from + groupsPerRequest) });
  }
}

async function runBound(client: Client, groups: number): Promise<void> {
  for (let from = 0; from < groups; from += groupsPerFile) {
    await ask(client, "/bound", { from, to: Math.min(groups, from + groupsPerFile) });
  }
}

const State = z.object({ status: z.string(), error_detail: z.string().nullable() });

async function runExport(client: Client): Promise<void> {
  await ask(client, "/export");
  for (;;) {
    const { status, error_detail } = State.parse(await ask(client, "/state"));
    if (status === "completed") {
      return;
    }
    if (status === "failed" || status === "empty") {
      throw new Error(`the export is ${status}: ${error_detail ?? ""}`);
    }
    await new Promise((resolve) => {
      setTimeout(resolve, pollMs);
    });
  }
}
