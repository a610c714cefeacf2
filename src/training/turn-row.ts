// One planner turn as the record and the dataset hold it: the column names of DATASET's `turns`, without the
// derived numbers (advantage, loss weight), which belong to a group and not to a run.

import * as z from "zod";
import type { ModuleCall } from "../agent/events.ts";
import { ChatMessage, SamplingSent } from "../engines/engine.ts";
import { ToolStatus } from "../agent/events.ts";
import { Conclusion } from "../engines/module-replies.ts";
import { toolStatusOf, type TurnState } from "../agent/run-state.ts";

export const TurnRow = z.strictObject({
  /** 0 .. T-1, over planner replies. */
  turn_index: z.int(),
  num_turns: z.int(),
  is_last_turn: z.boolean(),
  prompt: z.string(),
  messages: z.array(ChatMessage),
  response_text: z.string(),
  reasoning_text: z.string().nullable(),
  prompt_token_ids: z.array(z.int()).nullable(),
  response_token_ids: z.array(z.int()).nullable(),
  response_logprobs: z.array(z.number()).nullable(),
  logprobs_mode: z.enum(["processed", "raw", "unknown"]),
  token_source: z.enum(["engine", "none"]),
  response_mask: z.array(z.int()).nullable(),
  finish_reason: z.string().nullable(),
  truncated: z.boolean(),
  ...SamplingSent.shape,
  guided: z.boolean(),
  policy_version: z.string(),
  policy_step: z.int(),
  model_requested: z.string(),
  model_served: z.string(),
  engine: z.string(),
  engine_attempts: z.int(),
  tool_name: z.string().nullable(),
  tool_status: ToolStatus.nullable(),
  tool_latency_ms: z.int().nullable(),
  tool_calls: z.int().nullable(),
  verifier_conclusion: Conclusion.nullable(),
  started_at: z.string(),
  latency_ms: z.int(),
  prompt_tokens: z.int(),
  response_tokens: z.int(),
});
export type TurnRow = z.infer<typeof TurnRow>;

export interface PlannedTurn {
  readonly turn: TurnState;
  /** The planner's call, as the log has it. */
  readonly call: ModuleCall;
}

/** `policyStep` is the run's: a run is pinned to one policy. */
export function toTurnRow({ turn, call }: PlannedTurn, index: number, count: number, policyStep: number): TurnRow {
  const { tokens } = call;
  return {
    turn_index: index,
    num_turns: count,
    is_last_turn: index === count - 1,
    prompt: call.prompt,
    messages: call.messages,
    response_text: call.text,
    reasoning_text: call.reasoning,
    prompt_token_ids: tokens?.prompt_token_ids ?? null,
    response_token_ids: tokens?.response_token_ids ?? null,
    response_logprobs: tokens?.response_logprobs ?? null,
    logprobs_mode: tokens?.logprobs_mode ?? "unknown",
    token_source: tokens === null ? "none" : "engine",
    // Every token of a planner's reply was sampled by the policy: no observation is spliced into it.
    response_mask: tokens === null ? null : tokens.response_token_ids.map(() => 1),
    finish_reason: call.finish_reason,
    truncated: call.finish_reason === "length",
    ...call.sampling,
    guided: call.guided,
    policy_version: turn.plan?.policy_version ?? "",
    policy_step: policyStep,
    model_requested: call.model_requested,
    model_served: call.model_served,
    engine: call.engine,
    engine_attempts: call.attempts,
    tool_name: turn.plan?.tool ?? null,
    tool_status: toolStatusOf(turn),
    tool_latency_ms: turn.calls.length === 0 ? null : turn.calls.reduce((sum, { ms }) => sum + (ms ?? 0), 0),
    tool_calls: turn.calls.length === 0 ? null : turn.calls.length,
    verifier_conclusion: turn.verification?.conclusion ?? null,
    started_at: call.started_at,
    latency_ms: call.latency_ms,
    prompt_tokens: call.usage.prompt_tokens,
    response_tokens: call.usage.completion_tokens,
  };
}
