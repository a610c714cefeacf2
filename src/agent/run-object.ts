// The run object: the fold of a run's log, presented. It is what 200, 202 and GET return.

import * as z from "zod";
import { TokenUsage } from "../engines/engine.ts";
import { ErrorInfo, IncompleteReason, ParseHow, RunUsage, ToolStatus } from "./events.ts";
import { Conclusion } from "../engines/module-replies.ts";
import { Limits, Metadata, OutputKind } from "./run-spec.ts";

export const RunStatus = z.enum(["queued", "running", "completed", "incomplete", "failed", "cancelled"]);
export type RunStatus = z.infer<typeof RunStatus>;

export const RunCall = z.strictObject({
  arguments: z.unknown(),
  status: z.enum(["running", "ok", "error", "timeout", "outcome_unknown"]),
  result: z.unknown().optional(),
  error: ErrorInfo.optional(),
  ms: z.int().optional(),
  produced_by: z.string().optional(),
});
export type RunCall = z.infer<typeof RunCall>;

export const RunTurn = z.strictObject({
  turn: z.int(),
  plan: z
    .strictObject({
      justification: z.string().nullable(),
      context: z.string().nullable(),
      sub_goal: z.string().nullable(),
      tool: z.string().nullable(),
      parse: ParseHow,
      model: z.string(),
      policy_version: z.string(),
    })
    .nullable(),
  calls: z.array(RunCall),
  verification: z.strictObject({ conclusion: Conclusion, analysis: z.string() }).nullable(),
  tool_status: ToolStatus.nullable(),
  /** Null while the turn runs. */
  ms: z.int().nullable(),
  usage: TokenUsage,
});
export type RunTurn = z.infer<typeof RunTurn>;

/** The reward in force. */
export const RunReward = z.strictObject({
  value: z.number(),
  kind: z.string(),
  components: z.record(z.string(), z.number()).optional(),
  source: z
    .string()
    .describe("`log`, or whose late reward it is: `judge`, `webhook`, or a name given to /v1/feedback."),
});
export type RunReward = z.infer<typeof RunReward>;

export const LateReward = z.strictObject({
  source: z.string(),
  kind: z.string(),
  value: z.number().nullable().describe("Null where the judge or the webhook gave up; `error_code` says why."),
  components: z.record(z.string(), z.number()).nullable(),
  reason: z.string().nullable(),
  error_code: z.string().nullable(),
  judge_model: z.string().nullable(),
  prompt_version: z.string().nullable(),
  at: z.string(),
});
export type LateReward = z.infer<typeof LateReward>;

export const RunObject = z.strictObject({
  id: z.string(),
  session_id: z.string(),
  status: RunStatus,
  query: z.string(),
  /** The first of the requested outputs; null until there is one. */
  answer: z.string().nullable(),
  outputs: z.partialRecord(OutputKind, z.string()),
  reason: IncompleteReason.optional(),
  error: ErrorInfo.optional(),
  turns: z.array(RunTurn),
  usage: RunUsage,
  limits: Limits,
  tools: z.array(z.string()),
  policy_version: z.string(),
  reward: RunReward.optional(),
  /** Rewards that came after the end, newest first; absent where there is none, or the ledger did not answer. */
  rewards: z.array(LateReward).optional(),
  created_at: z.string(),
  ended_at: z.string().nullable(),
  metadata: Metadata,
});
export type RunObject = z.infer<typeof RunObject>;
