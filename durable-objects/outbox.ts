// The outbox: what a run owes to the stores outside its object, delivered at least once and harmlessly repeated.
// `created` is a row in the ledger; `ended` is the record in R2, then the ledger row's end. A fault of R2 or D1
// postpones a row and is never thrown.

import { foldRun } from "../src/agent/fold.ts";
import type { RunState } from "../src/agent/run-state.ts";
import type { Ledger } from "../src/store/ledger.ts";
import type { RecordStore } from "../src/store/records.ts";
import { type LogEntry, projectRecord } from "../src/training/rollout-record.ts";
import { unreachable } from "../src/lib/unreachable.ts";
import type { OutboxRow } from "./outbox-table.ts";
import type { SessionStore } from "./session-store.ts";

export interface OutboxDeps {
  readonly store: SessionStore;
  readonly ledger: Ledger;
  readonly records: RecordStore;
  readonly tenant: string;
  /** The whole log of a run, with the details that its record is made of. */
  readonly readLog: (ordinal: number) => Promise<readonly LogEntry[]>;
  readonly now: () => number;
  readonly random: () => number;
  readonly warn: (message: string, error: unknown) => void;
}

/** Doubling from one second; five minutes keep a long fault from costing much. */
const baseWaitMs = 1000;
const maxWaitMs = 300_000;

/** Tries every row that is due, oldest first. Rows that fail wait for their next time. */
export async function deliverOutbox(deps: OutboxDeps): Promise<void> {
  for (const row of deps.store.outbox.rows().filter((due) => due.next_at <= deps.now())) {
    try {
      await deliver(deps, row);
      deps.store.outbox.settle(row);
    } catch (error) {
      const waitMs = Math.min(maxWaitMs, baseWaitMs * 2 ** row.attempts) * (0.5 + deps.random() / 2);
      deps.store.outbox.postpone(row, deps.now() + Math.round(waitMs));
      deps.warn(`outbox row ${row.kind} of run ${row.ordinal} waits ${Math.round(waitMs)} ms`, error);
    }
  }
}

async function deliver(deps: OutboxDeps, row: OutboxRow): Promise<void> {
  switch (row.kind) {
    case "created":
      await deliverCreation(deps, row.ordinal);
      return;
    case "ended":
      await deliverEnd(deps, row.ordinal);
      return;
    default:
      unreachable(row.kind);
  }
}

/** The first event says all that the ledger's row begins with. */
async function deliverCreation(deps: OutboxDeps, ordinal: number): Promise<void> {
  const state = foldRun(deps.store.events.read(ordinal, 0, 1));
  if (state !== null) {
    await deps.ledger.recordCreated(createdRow(deps.tenant, state));
  }
}

async function deliverEnd(deps: OutboxDeps, ordinal: number): Promise<void> {
  const log = await deps.readLog(ordinal);
  const state = foldRun(log.map((entry) => entry.event));
  if (state === null) {
    return;
  }
  const stored = await deps.records.put(deps.tenant, state.runId, projectRecord(state, log));
  await deps.ledger.recordEnded({
    ...createdRow(deps.tenant, state),
    status: state.status,
    ended_at: state.endedAt ?? state.createdAt,
    turns: state.turns.length,
    prompt_tokens: state.usage.total.prompt_tokens,
    completion_tokens: state.usage.total.completion_tokens,
    reason: state.reason,
    error_code: state.error?.code ?? null,
    record_key: stored.key,
    record_sha256: stored.sha256,
  });
}

function createdRow(tenant: string, state: RunState) {
  return {
    run_id: state.runId,
    tenant,
    session_id: state.spec.session_id,
    query: state.spec.query,
    created_at: state.createdAt,
    max_seconds: state.spec.limits.max_seconds,
    policy_version: state.spec.policy.version,
  };
}
