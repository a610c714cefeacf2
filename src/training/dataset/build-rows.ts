// The rows of a claimed group: facts from its rollout records, numbers from its derivation, in the order of the
// contract. A record that belongs to another rollout, or a row that fits in no row group, sets the whole group aside
// with a reason; nothing is cut or filled in.

import * as z from "zod";
import { canonicalJson } from "../../lib/canonical-json.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { sessionOfRun } from "../../lib/ids.ts";
import type { ClaimedGroup, ClaimedRollout, ClaimTerms } from "./claimed-group.ts";
import type { GroupTableRow, RolloutTableRow, TurnTableRow } from "./columns.ts";
import { type DerivedGroup, type DerivedRollout, deriveGroup } from "./derive-group.ts";
import type { RecordInput, TurnInput } from "./record-input.ts";
import { rolloutFacts } from "./rollout-facts.ts";
import { maxRawBytes, rawBytesOf } from "./row-size.ts";

/** Why a group is set aside. The first four are the exporter's, which reads the records. */
export const QuarantineReason = z.enum([
  "erased",
  "record_missing",
  "record_changed",
  "record_unreadable",
  "record_foreign",
  "row_too_large",
  "rule_1",
  "rule_2",
  "rule_3",
  "rule_4",
  "rule_5",
]);
export type QuarantineReason = z.infer<typeof QuarantineReason>;

export interface RolloutRows {
  readonly rollout: RolloutTableRow;
  readonly turns: readonly TurnTableRow[];
}

export interface GroupRows {
  readonly group: GroupTableRow;
  readonly rollouts: readonly RolloutRows[];
}

export interface RolloutSource {
  readonly rollout: ClaimedRollout;
  /** Null for a rollout that left none. */
  readonly record: RecordInput | null;
}

/** All rows of a group whose records fit into memory together. */
export function buildGroupRows(
  terms: ClaimTerms,
  group: ClaimedGroup,
  sources: readonly RolloutSource[],
): Result<GroupRows, QuarantineReason> {
  const derived = deriveGroup(
    terms,
    group,
    sources.map(({ rollout, record }) => rolloutFacts(rollout, record)),
  );
  const records = new Map(sources.map(({ rollout, record }) => [rollout.run_id, record]));
  const rollouts: RolloutRows[] = [];
  for (const rollout of derived.rollouts) {
    const built = buildRolloutRows(derived, rollout, records.get(rollout.rollout.run_id) ?? null);
    if (!built.ok) {
      return built;
    }
    rollouts.push(built.value);
  }
  return ok({ group: derived.row, rollouts });
}

/** The rows of one rollout of a derived group; `record` is the one its facts were taken from. */
export function buildRolloutRows(
  derived: DerivedGroup,
  rollout: DerivedRollout,
  record: RecordInput | null,
): Result<RolloutRows, QuarantineReason> {
  if (record !== null && record.rollout_id !== rollout.rollout.run_id) {
    return err("record_foreign");
  }
  const rows = {
    rollout: toRolloutRow(derived.group, rollout, record),
    turns: record?.turns.map((turn, index) => toTurnTableRow(derived.group, rollout, turn, index)) ?? [],
  };
  const fits =
    rawBytesOf("rollouts", rows.rollout) <= maxRawBytes &&
    rows.turns.every((row) => rawBytesOf("turns", row) <= maxRawBytes);
  return fits ? ok(rows) : err("row_too_large");
}

function toRolloutRow(group: ClaimedGroup, derived: DerivedRollout, record: RecordInput | null): RolloutTableRow {
  const { rollout, reason } = derived;
  return {
    rollout_id: rollout.run_id,
    group_id: group.group_id,
    task_id: group.task_id,
    rollout_index: rollout.rollout_index,
    rollout_attempt: rollout.rollout_attempt,
    session_id: record?.session_id ?? sessionOfRun(rollout.run_id),
    split: group.split,
    query: wellFormed(record?.query ?? null),
    reference: jsonOf(record?.reference ?? null),
    answer: wellFormed(record?.answer ?? null),
    status: record?.status ?? (reason === "cancelled" ? "cancelled" : "failed"),
    stop_reason: record?.stop_reason ?? null,
    error_code: record?.error_code ?? null,
    reward: rollout.reward,
    reward_kind: rollout.reward_kind,
    reward_components: wellFormed(rollout.reward_components),
    reward_source: wellFormed(rollout.reward_source),
    judge_model: wellFormed(rollout.judge_model),
    advantage: derived.advantage,
    valid: reason === null,
    invalid_reason: reason,
    policy_version_min: record?.policy_version_min ?? null,
    policy_version_max: record?.policy_version_max ?? null,
    num_turns: derived.turnTokens.length,
    prompt_tokens: record?.prompt_tokens ?? 0,
    response_tokens: record?.response_tokens ?? 0,
    duration_ms: record?.duration_ms ?? null,
    started_at: record === null ? null : toTime(record.started_at),
    record_sha256: rollout.record_sha256,
  };
}

function toTurnTableRow(
  group: ClaimedGroup,
  { rollout, reason, advantage, lossWeights }: DerivedRollout,
  turn: TurnInput,
  index: number,
): TurnTableRow {
  const { response_text, reasoning_text, messages, finish_reason, model_served, tool_name, ...rest } = turn;
  return {
    ...rest,
    group_id: group.group_id,
    task_id: group.task_id,
    rollout_id: rollout.run_id,
    rollout_index: rollout.rollout_index,
    rollout_attempt: rollout.rollout_attempt,
    valid: reason === null,
    messages: messages.map(({ role, content }) => ({ role, content: content.toWellFormed() })),
    response_text: response_text.toWellFormed(),
    reasoning_text: wellFormed(reasoning_text),
    response_logprobs: turn.response_logprobs?.map(Math.fround) ?? null,
    stop: turn.stop?.map((text) => text.toWellFormed()) ?? null,
    finish_reason: wellFormed(finish_reason),
    model_served: model_served.toWellFormed(),
    tool_name: wellFormed(tool_name),
    reward: rollout.reward,
    advantage,
    loss_weight: lossWeights[index] ?? null,
    started_at: toTime(turn.started_at),
  };
}

/** Parquet's text is UTF-8, which has no half of a surrogate pair: it becomes U+FFFD. The record keeps the half. */
function wellFormed(text: string | null): string | null {
  return text?.toWellFormed() ?? null;
}

function jsonOf(value: unknown): string | null {
  return value === null || value === undefined ? null : canonicalJson(value);
}

function toTime(text: string): string {
  return new Date(text).toISOString();
}
