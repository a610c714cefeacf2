// The creation of a run: its row, its first event and what it owes to the ledger, in one transaction. It starts
// nothing.

import type { NewEvent } from "../src/agent/events.ts";
import { runIdOf } from "../src/lib/ids.ts";
import type { BlocklistNote } from "../src/tools/web-service/blocklist.ts";
import type { StartRun } from "./session-api.ts";
import type { RunRow } from "./run-table.ts";
import type { SessionStore } from "./session-store.ts";
import { inlineColumn } from "./stored-shapes.ts";

/** `blocklist`: what the deployment keeps from the run's tools, which is the deployment's to say and not the caller's. */
export function createRun(
  store: SessionStore,
  input: StartRun,
  nowMs: number,
  blocklist: BlocklistNote | null = null,
): RunRow {
  const { tenant, sessionId, spec, reference, idempotency } = input;
  const note = blocklist === null ? {} : { blocklist };
  const event: NewEvent = { type: "run.created", turn: null, ...spec, ...note, session_id: sessionId };
  // The HTTP layer's cap on a body keeps a reference well under what a row may hold.
  const prepared = { event, detail: reference === null ? null : inlineColumn(JSON.stringify({ reference })) };
  const at = new Date(nowMs).toISOString();
  const runId = (ordinal: number): string => runIdOf(sessionId, ordinal);
  const conversation = input.session === "new" ? "new" : "continued";
  const newRun = { runId, at, query: spec.query, conversation, key: idempotency } as const;
  const created = store.createRun({ tenant, sessionId }, newRun, prepared);
  const run = store.runs.find(created.event.run_id);
  if (run === null) {
    throw new Error(`${created.event.run_id} was not created`);
  }
  return run;
}
