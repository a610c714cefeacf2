// Turns one run of the service into the plan of the bare loop, so that both send the same requests and store rows of
// the same sizes. What belongs to one transaction follows from the log: a call's event and what stands after it.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import type { Plan, Row } from "./bare-loop/plan.ts";
import { type Client, readText } from "./client.ts";
import type { EngineRequest, MockEngine } from "./mock-engine.ts";

const migrations = join(import.meta.dirname, "../../migrations");
/** What the service sends; the rest is the runtime's own. */
const sentHeaders = ["accept", "content-type", "x-agentflow-role", "x-agentflow-run", "x-agentflow-turn"] as const;

const LogPage = z.object({
  data: z.array(
    z.looseObject({
      type: z.string(),
      at: z.string(),
      call: z.unknown().optional(),
      model_calls: z.array(z.unknown()).optional(),
    }),
  ),
});
type LoggedEvent = z.infer<typeof LogPage>["data"][number];

/** `runId` is a run that has just ended; its calls are the engine's newest. */
export async function recordPlan(client: Client, engine: MockEngine, runId: string): Promise<Plan> {
  const log = await readLog(client, runId);
  const requests = await engine.requestsOf(runId);
  const { before, after } = toCommits(log);
  if (requests.length !== after.length) {
    throw new Error(`the run made ${requests.length} requests and logged ${after.length} calls`);
  }
  const record = await readText(await client.get(`/v1/runs/${runId}/record`));
  return {
    url: `${engine.url}/chat/completions`,
    before,
    calls: requests.map((request, index) => ({
      headers: headersOf(request),
      body: JSON.stringify(request.body),
      rows: after[index] ?? [],
    })),
    record,
    ledger: ledgerRow(record.length),
  };
}

async function readLog(client: Client, runId: string): Promise<LoggedEvent[]> {
  const page = await client.get(`/v1/runs/${runId}/events?detail=full&limit=100`, { accept: "application/json" });
  return LogPage.parse(JSON.parse(await readText(page))).data;
}

/** The service commits the creation, then the start, then a call's event together with the bookkeeping after it. */
function toCommits(log: readonly LoggedEvent[]): { before: Row[][]; after: Row[][] } {
  const before: Row[][] = [];
  const after: Row[][] = [];
  for (const { call, model_calls, ...event } of log) {
    const row = {
      body: JSON.stringify(event),
      detail: call === undefined ? null : JSON.stringify({ inline: { calls: model_calls ?? [call] } }),
    };
    if (call !== undefined) {
      after.push([row]);
    } else if (after.length === 0) {
      before.push([row]);
    } else {
      after.at(-1)?.push(row);
    }
  }
  return { before, after };
}

function headersOf(request: EngineRequest): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of sentHeaders) {
    const value = request.headers[name];
    if (typeof value === "string") {
      headers[name] = value;
    }
  }
  return headers;
}

/** The ledger's own tables, and a row as the service writes it. */
function ledgerRow(recordChars: number): Plan["ledger"] {
  const sql = readdirSync(migrations)
    .toSorted()
    .map((file) => readFileSync(join(migrations, file), "utf8").replaceAll(/--.*$/gm, ""))
    .join("\n");
  const at = "2026-01-01T00:00:00.000Z";
  const hash = "0".repeat(64);
  const values = ["ses_bench", "completed", "What is six times seven?", at, at, 300, "bench", 3, recordChars, hash];
  return {
    schema: sql.split(";").filter((statement) => statement.trim() !== ""),
    insert: `INSERT INTO runs (run_id, tenant, session_id, status, query, created_at, ended_at, max_seconds,
      policy_version, turns, prompt_tokens, record_sha256) VALUES (?1, 'local', ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)`,
    values,
  };
}
