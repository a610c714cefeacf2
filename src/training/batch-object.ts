// The batch as 202 and GET show it, and what its counts are. Everything but the counts is fixed when it is created.

import * as z from "zod";
import { ErrorInfo } from "../agent/events.ts";
import { Limits, PlannerSampling } from "../agent/run-spec.ts";
import { TokenUsage } from "../engines/engine.ts";

export const BatchStatus = z.enum(["queued", "running", "completed", "cancelled", "failed"]);
export type BatchStatus = z.infer<typeof BatchStatus>;

export const BatchCounts = z.strictObject({
  tasks: z.int(),
  planned: z.int().describe("Rollouts: tasks times group size."),
  queued: z.int().describe("Not started yet, or to be redone."),
  running: z.int(),
  ended: z.int().describe("Of the planned ones; an attempt that was redone is not among them."),
  valid: z.int().describe("Of the ended ones."),
  invalid: z.record(z.string(), z.int()).describe("Of the ended ones, by reason."),
  rewards_pending: z.int().describe("Ended, and somebody still owes the reward."),
  redone: z.int().describe("Attempts that the infrastructure broke and that were redone."),
  groups_complete: z.int(),
});
export type BatchCounts = z.infer<typeof BatchCounts>;

export const Batch = z.strictObject({
  id: z.string(),
  status: BatchStatus,
  split: z.string(),
  group_size: z.int(),
  policy_version: z.string(),
  policy_step: z.int(),
  sampling: PlannerSampling.omit({ seed: true }),
  limits: Limits,
  tools: z.array(z.string()),
  concurrency: z.int(),
  seed: z.int(),
  counts: BatchCounts,
  mean_reward: z.number().nullable().describe("Over the valid rollouts so far."),
  usage: TokenUsage.describe("Of all attempts, all roles."),
  error: ErrorInfo.optional(),
  created_at: z.string(),
  ended_at: z.string().nullable(),
});
export type Batch = z.infer<typeof Batch>;
