// The run object: the fold of a run's log, presented. It is what 200, 202 and GET return.

import * as z from "zod";
import { TokenUsage } from "../engines/engine.ts";
import { ErrorInfo, IncompleteReason, ParseHow, RunUsage, ToolStatus } from "./events.ts";
import { Conclusion } from "./modules.ts";
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
  reward: z.strictObject({ value: z.number(), kind: z.string() }).optional(),
  created_at: z.string(),
  ended_at: z.string().nullable(),
  metadata: Metadata,
});
export type RunObject = z.infer<typeof RunObject>;
