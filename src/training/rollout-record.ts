// The rollout record: a run's log, projected for training. It is written once to R2 when the run has ended, and
// projected on request before that. Facts of the log only; rewards that came after it stand in the ledger.

import * as z from "zod";
import type { EventDetail, ModuleCall, RunEvent } from "../agent/events.ts";
import { foldRun } from "../agent/fold.ts";
import { answerOf, owedReward } from "../agent/reward-run.ts";
import { RunStatus } from "../agent/run-object.ts";
import { Limits, Metadata, OutputKind, PlannerSampling, Reference } from "../agent/run-spec.ts";
import { RunUsage } from "../agent/events.ts";
import type { RunState } from "../agent/run-state.ts";
import { toTurnRow, TurnRow } from "./turn-row.ts";
import { invalidReasonOf } from "./validity.ts";

export const RolloutRecord = z.strictObject({
  schema_version: z.literal(1),
  rollout_id: z.string(),
  session_id: z.string(),
  /** Null for a run that was asked for by itself, and so are the five that follow. */
  batch_id: z.string().nullable(),
  group_id: z.string().nullable(),
  task_id: z.string().nullable(),
  rollout_index: z.int().nullable(),
  rollout_attempt: z.int().nullable(),
  split: z.string().nullable(),
  query: z.string(),
  reference: Reference.nullable(),
  answer: z.string().nullable(),
  outputs: z.partialRecord(OutputKind, z.string()),
  status: RunStatus,
  stop_reason: z.string().nullable(),
  error_code: z.string().nullable(),
  reward: z.number().nullable(),
  reward_kind: z.string().nullable(),
  reward_components: z.record(z.string(), z.number()).nullable(),
  /** A judge, a webhook or somebody outside owes it; what they say stands in the ledger. */
  reward_pending: z.boolean(),
  /** Where only the reward is missing and still owed, the rollout counts as valid. */
  valid: z.boolean(),
  invalid_reason: z.string().nullable(),
  /** Of the versions that served the turns, in the order of their text; without turns the one it was pinned to. */
  policy_version_min: z.string(),
  policy_version_max: z.string(),
  policy_step: z.int(),
  num_turns: z.int(),
  prompt_tokens: z.int(),
  response_tokens: z.int(),
  duration_ms: z.int().nullable(),
  started_at: z.string(),
  ended_at: z.string().nullable(),
  limits: Limits,
  sampling: PlannerSampling,
  tools: z.array(z.string()),
  metadata: Metadata,
  usage: RunUsage,
  turns: z.array(TurnRow),
});
export type RolloutRecord = z.infer<typeof RolloutRecord>;

export interface LogEntry {
  readonly event: RunEvent;
  readonly detail: EventDetail | null;
}

/** Whether an event's detail has a part in the record: a run's reference, a planner's call. */
export function isRecorded(event: RunEvent): boolean {
  return event.type === "run.created" || event.type === "plan.completed";
}

/** Null for an empty log. */
export function toRolloutRecord(log: readonly LogEntry[]): RolloutRecord | null {
  const state = foldRun(log.map((entry) => entry.event));
  return state === null ? null : projectRecord(state, log);
}

/** `state` is the log's fold; of the details, those of recorded events are enough. */
export function projectRecord(state: RunState, log: readonly LogEntry[]): RolloutRecord {
  const turns = turnRowsOf(state, log);
  const reference = log[0]?.detail?.reference ?? null;
  const owed = owedReward(state, reference);
  const invalidReason = invalidReasonOf(state, turns, owed);
  const { spec, reward } = state;
  const { rollout } = spec;
  const served = turns.map((turn) => turn.policy_version).toSorted();
  // Time in the session's queue is not the rollout's.
  const startedAt = state.startedAt ?? state.createdAt;
  return {
    schema_version: 1,
    rollout_id: state.runId,
    session_id: spec.session_id,
    batch_id: rollout?.batch_id ?? null,
    group_id: rollout?.group_id ?? null,
    task_id: rollout?.task_id ?? null,
    rollout_index: rollout?.rollout_index ?? null,
    rollout_attempt: rollout?.rollout_attempt ?? null,
    split: rollout?.split ?? null,
    query: spec.query,
    reference,
    answer: answerOf(state),
    outputs: state.answers,
    status: state.status,
    stop_reason: stopReasonOf(state),
    error_code: state.error?.code ?? null,
    reward: reward?.value ?? null,
    reward_kind: reward?.kind ?? null,
    reward_components: reward?.components ?? null,
    reward_pending: owed !== null,
    valid: invalidReason === null,
    invalid_reason: invalidReason,
    policy_version_min: served[0] ?? spec.policy.version,
    policy_version_max: served.at(-1) ?? spec.policy.version,
    policy_step: spec.policy.step,
    num_turns: turns.length,
    prompt_tokens: turns.reduce((sum, turn) => sum + turn.prompt_tokens, 0),
    response_tokens: turns.reduce((sum, turn) => sum + turn.response_tokens, 0),
    duration_ms: state.endedAt === null ? null : Date.parse(state.endedAt) - Date.parse(startedAt),
    started_at: startedAt,
    ended_at: state.endedAt,
    limits: spec.limits,
    sampling: spec.sampling,
    tools: spec.tools,
    metadata: spec.metadata,
    usage: state.usage,
    turns,
  };
}

/** `stop` where the verifier ended the loop, else the limit, else null. */
function stopReasonOf(state: RunState): string | null {
  return state.status === "completed" ? "stop" : state.reason;
}

function turnRowsOf(state: RunState, log: readonly LogEntry[]): TurnRow[] {
  const calls = new Map<number, ModuleCall>();
  for (const { event, detail } of log) {
    const call = detail?.calls?.[0];
    if (event.type === "plan.completed" && event.turn !== null && call !== undefined) {
      calls.set(event.turn, call);
    }
  }
  const planned = state.turns.flatMap((turn) => {
    const call = calls.get(turn.turn);
    return call === undefined ? [] : [{ turn, call }];
  });
  return planned.map((turn, index) => toTurnRow(turn, index, planned.length, state.spec.policy.step));
}
