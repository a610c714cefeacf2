// A run's row in the ledger, made from its log: what is known at its start, what its end adds, and what is left to
// say of a run whose log cannot be read.

import type { RunState } from "../src/agent/run-state.ts";
import { noRollout, type RunCreatedRow, type RunEndedRow } from "../src/store/ledger-row.ts";
import type { StoredRecord } from "../src/store/records.ts";
import type { RolloutRecord } from "../src/training/rollout-record.ts";
import type { RunRow } from "./run-table.ts";

export function toCreatedRow(tenant: string, { runId, spec, createdAt }: RunState): RunCreatedRow {
  const { rollout } = spec;
  return {
    run_id: runId,
    tenant,
    session_id: spec.session_id,
    query: spec.query,
    created_at: createdAt,
    max_seconds: spec.limits.max_seconds,
    policy_version: spec.policy.version,
    batch_id: rollout?.batch_id ?? null,
    group_id: rollout?.group_id ?? null,
    task_id: rollout?.task_id ?? null,
    rollout_index: rollout?.rollout_index ?? null,
    rollout_attempt: rollout?.rollout_attempt ?? null,
  };
}

export function toEndedRow(tenant: string, state: RunState, record: RolloutRecord, stored: StoredRecord): RunEndedRow {
  return {
    ...toCreatedRow(tenant, state),
    status: state.status,
    ended_at: state.endedAt ?? state.createdAt,
    turns: state.turns.length,
    prompt_tokens: state.usage.total.prompt_tokens,
    completion_tokens: state.usage.total.completion_tokens,
    reason: state.reason,
    error_code: state.error?.code ?? null,
    record_key: stored.key,
    record_sha256: stored.sha256,
    invalid_reason: standingReason(record),
    reward: record.reward,
    reward_kind: record.reward_kind,
    reward_components: record.reward_components,
    reward_pending: record.reward_pending,
  };
}

/** A missing reward may still come, so that it is no reason that stands. */
export function standingReason({ invalid_reason }: Pick<RolloutRecord, "invalid_reason">): string | null {
  return invalid_reason === "no_reward" ? null : invalid_reason;
}

/** `first` is the fold of the log's first event, where that much can be read. Such a run leaves no record. */
export function unreadableEndedRow(
  owner: { readonly tenant: string; readonly sessionId: string },
  run: RunRow,
  first: RunState | null,
): RunEndedRow {
  const known: RunCreatedRow =
    first === null
      ? {
          run_id: run.run_id,
          tenant: owner.tenant,
          session_id: owner.sessionId,
          query: run.query,
          created_at: run.created_at,
          max_seconds: 0,
          policy_version: "unknown",
          ...noRollout,
        }
      : toCreatedRow(owner.tenant, first);
  return {
    ...known,
    status: run.status,
    ended_at: run.ended_at ?? run.created_at,
    turns: 0,
    prompt_tokens: 0,
    completion_tokens: 0,
    reason: null,
    error_code: "log_unreadable",
    record_key: null,
    record_sha256: null,
    invalid_reason: "platform_lost",
    reward: null,
    reward_kind: null,
    reward_components: null,
    reward_pending: false,
  };
}
