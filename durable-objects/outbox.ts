// The outbox: what a run owes to the stores outside its object, delivered at least once and harmlessly repeated.
// `created` is a row in the ledger; `ended` is the record in R2, then the ledger row's end. A fault of R2 or D1
// postpones a row and is never thrown.

import type { RunState } from "../src/agent/run-state.ts";
import type { Ledger } from "../src/store/ledger.ts";
import type { RecordStore } from "../src/store/records.ts";
import type { RolloutRecord } from "../src/training/rollout-record.ts";
import { unreachable } from "../src/lib/unreachable.ts";
import type { OutboxRow } from "./outbox-table.ts";
import type { SessionStore } from "./session-store.ts";

export interface OutboxDeps {
  readonly store: SessionStore;
  readonly ledger: Ledger;
  readonly records: RecordStore;
  readonly tenant: string;
  readonly readRecord: (ordinal: number) => Promise<RolloutRecord | null>;
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
  const state = deps.store.readState(row.ordinal);
  if (state === null) {
    return;
  }
  switch (row.kind) {
    case "created":
      await deps.ledger.recordCreated(createdRow(deps.tenant, state));
      return;
    case "ended":
      await deliverEnd(deps, row.ordinal, state);
      return;
    default:
      unreachable(row.kind);
  }
}

async function deliverEnd(deps: OutboxDeps, ordinal: number, state: RunState): Promise<void> {
  const record = await deps.readRecord(ordinal);
  if (record === null) {
    return;
  }
  const stored = await deps.records.put(deps.tenant, state.runId, record);
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
