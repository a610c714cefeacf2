// The end of a run, told outside: the record in R2, then the end of its row in the ledger. What follows is the report
// to its batch, and the question to a judge or a webhook that owes the reward.

import { owedReward } from "../src/agent/reward-run.ts";
import type { RunState } from "../src/agent/run-state.ts";
import type { Ledger } from "../src/store/ledger.ts";
import type { RecordStore } from "../src/store/records.ts";
import type { RunEndedRow } from "../src/store/ledger-row.ts";
import { type LogEntry, projectRecord } from "../src/training/rollout-record.ts";
import { UnreadableDetailError } from "./details.ts";
import { UnreadableLogError } from "./event-table.ts";
import { foldLog } from "./fold-log.ts";
import { toEndedRow, unreadableEndedRow } from "./ledger-rows.ts";
import type { NewOutboxRow } from "./outbox-table.ts";
import { toReport } from "./rollout-report.ts";
import type { SessionStore } from "./session-store.ts";

export interface EndDeps {
  readonly store: SessionStore;
  readonly ledger: Ledger;
  readonly records: RecordStore;
  readonly tenant: string;
  /** The whole log of a run, with the details that its record is made of. */
  readonly readLog: (ordinal: number) => Promise<readonly LogEntry[]>;
}

export async function deliverEnd(deps: EndDeps, ordinal: number): Promise<NewOutboxRow[]> {
  const read = await readableLog(deps, ordinal);
  if (read === null) {
    return deliverUnreadable(deps, ordinal);
  }
  const { log, state } = read;
  if (state === null) {
    return [];
  }
  const record = projectRecord(state, log);
  const stored = await deps.records.put(deps.tenant, state.runId, record);
  const row = toEndedRow(deps.tenant, state, record, stored);
  await deps.ledger.recordEnded(row);
  const owed = owedReward(state, record.reference);
  const isAsked = owed !== null && owed.kind !== "external";
  return [...reportRow(row), ...(isAsked ? [{ kind: "ask" as const, payload: null }] : [])];
}

interface ReadableLog {
  readonly log: readonly LogEntry[];
  readonly state: RunState | null;
}

async function readableLog(deps: EndDeps, ordinal: number): Promise<ReadableLog | null> {
  try {
    const log = await deps.readLog(ordinal);
    return { log, state: foldLog(log.map((entry) => entry.event)) };
  } catch (error) {
    if (error instanceof UnreadableLogError || error instanceof UnreadableDetailError) {
      return null;
    }
    throw error;
  }
}

/** No retry would make the log readable: the ledger says so, and the run owes nothing more. */
async function deliverUnreadable(deps: EndDeps, ordinal: number): Promise<NewOutboxRow[]> {
  const run = deps.store.runs.findByOrdinal(ordinal);
  if (run === null) {
    return [];
  }
  const owner = { tenant: deps.tenant, sessionId: deps.store.meta.get("session_id") ?? "" };
  const row = unreadableEndedRow(owner, run, firstState(deps.store, ordinal));
  await deps.ledger.recordEnded(row);
  return reportRow(row);
}

/** The creation of a run whose log is otherwise unreadable. */
export function firstState(store: SessionStore, ordinal: number): RunState | null {
  try {
    return foldLog(store.events.read(ordinal, 0, 1));
  } catch (error) {
    if (error instanceof UnreadableLogError) {
      return null;
    }
    throw error;
  }
}

function reportRow(row: RunEndedRow): NewOutboxRow[] {
  const report = toReport(row);
  return report === null ? [] : [{ kind: "report", payload: JSON.stringify(report) }];
}
