// Schemas of batches and groups as callers send and see them. Strict: a misspelt option must not become a default for
// ten thousand rollouts.

import * as z from "zod";
import { Limits, PlannerSampling, Reference } from "../agent/run-spec.ts";
import { isId } from "../lib/ids.ts";
import { BatchStatus } from "../training/batch-object.ts";
import { maxConcurrency, maxGroupSize, maxTasks } from "../training/batch-plan.ts";
import { ReasonShown } from "../training/group-view.ts";
import { parseAdvantageSpec } from "../training/advantage-spec.ts";
import { SolveHeaders, SolveRequest, wholeNumber } from "./wire.ts";

/** Printable and not white space at its ends: it goes into hashes, datasets and file names of others. */
const TaskId = z
  .string()
  .regex(/^[\x21-\x7e](?:[\x20-\x7e]{0,126}[\x21-\x7e])?$/, "1 to 128 printable ASCII characters.");

export const RolloutTask = z.strictObject({
  id: TaskId.optional().describe("Unique in the batch; absent = `task-` and the task's number from 0."),
  query: SolveRequest.shape.query,
  answers: Reference.shape.answers.removeDefault().optional().describe("Gold answers; never shown to a model."),
  reward: Reference.shape.reward.describe("As in docs/rewards.md; absent = exact match with `answers`."),
  metadata: SolveRequest.shape.metadata,
});
export type RolloutTask = z.infer<typeof RolloutTask>;

const Sampling = PlannerSampling.omit({ seed: true }).partial();

export const RolloutOptions = z.strictObject({
  group_size: z.int().min(1).max(maxGroupSize).default(8).describe("Rollouts of each task."),
  policy: SolveRequest.shape.policy,
  sampling: Sampling.default({}).describe("Of the planner; temperature 0.7 unless set."),
  limits: Limits.partial().default({}).describe("As in solve, for each rollout."),
  tools: SolveRequest.shape.tools,
  tool_results: SolveRequest.shape.tool_results,
  concurrency: z.int().min(1).max(maxConcurrency).default(16).describe("Rollouts that run at the same time."),
  split: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]{0,31}$/, "1 to 32 of a-z, 0-9, _ and -.")
    .default("train")
    .describe("Exports take the groups of `train` only."),
  seed: z
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .describe("Decides, with task id, rollout index and turn, what the planner samples; absent = one of its own."),
});
export type RolloutOptions = z.infer<typeof RolloutOptions>;

export const CreateRollouts = RolloutOptions.extend({
  tasks: z.array(RolloutTask).min(1).max(maxTasks),
});
export type CreateRollouts = z.infer<typeof CreateRollouts>;

function decimal(schema: z.ZodNumber) {
  const fromText = (value: unknown) =>
    typeof value === "string" && /^\d{1,12}(?:\.\d{1,12})?$/.test(value) ? Number(value) : value;
  return z.preprocess(fromText, schema).optional();
}

/** The options of an NDJSON request, flat. */
export const RolloutsQuery = z.strictObject({
  group_size: wholeNumber(1, maxGroupSize).optional(),
  policy: z.string().max(256).optional(),
  temperature: decimal(PlannerSampling.shape.temperature),
  top_p: decimal(z.number().gt(0).max(1)),
  max_turns: wholeNumber(1, 20).optional(),
  max_seconds: decimal(Limits.shape.max_seconds),
  max_tokens: wholeNumber(1, 10_000_000).optional(),
  tools: z.string().max(4096).optional().describe("Names with commas between them."),
  tool_results: SolveRequest.shape.tool_results,
  concurrency: wholeNumber(1, maxConcurrency).optional(),
  split: z.string().max(32).optional(),
  seed: wholeNumber(0, Number.MAX_SAFE_INTEGER).optional(),
});
export type RolloutsQuery = z.infer<typeof RolloutsQuery>;

export const RolloutsHeaders = SolveHeaders.pick({ "Idempotency-Key": true });

export const BatchSummary = z.strictObject({
  id: z.string(),
  status: BatchStatus,
  split: z.string(),
  policy_version: z.string(),
  policy_step: z.int(),
  group_size: z.int(),
  tasks: z.int(),
  created_at: z.string(),
  ended_at: z.string().nullable(),
});
export type BatchSummary = z.infer<typeof BatchSummary>;

export const ListBatchesQuery = z.strictObject({
  limit: wholeNumber(1, 100).default(20),
  cursor: z.string().max(512).optional().describe("`next_cursor` of the page before."),
});

const AdvantageName = z
  .string()
  .max(100)
  .refine((text) => parseAdvantageSpec(text).ok, "Must be grpo/<trajectory|turn>/std=<n-1|n|none>/eps=<number>.")
  .optional()
  .describe("The rule of the advantages shown; absent = the claim's, else grpo/trajectory/std=n-1/eps=1e-6.");

export const GetGroupQuery = z.strictObject({ advantage_spec: AdvantageName });

export const ListGroupsQuery = z.strictObject({
  batch_id: z.string().refine((id) => isId("bat", id), "Must be the id of a batch."),
  limit: wholeNumber(1, 100).default(20),
  cursor: z.string().max(512).optional().describe("`next_cursor` of the page before."),
  advantage_spec: AdvantageName,
});

export const GroupRollout = z.strictObject({
  rollout_index: z.int(),
  rollout_attempt: z.int(),
  run_id: z.string().nullable().describe("Null while it has not started."),
  status: z.string().describe("Of the run; `queued` or `absent` where there is none, `erased` where it is gone."),
  valid: z.boolean().nullable().describe("Null while that is open."),
  invalid_reason: z.string().nullable(),
  reward: z.number().nullable(),
  reward_kind: z.string().nullable(),
  reward_source: z.string().nullable(),
  reward_pending: z.boolean(),
  advantage: z.number().nullable(),
  turns: z.int().nullable(),
});
export type GroupRollout = z.infer<typeof GroupRollout>;

export const Group = z.strictObject({
  id: z.string(),
  batch_id: z.string(),
  task_id: z.string(),
  split: z.string(),
  policy_version: z.string(),
  policy_step: z.int(),
  status: z.enum(["open", "complete", "incomplete"]),
  size_planned: z.int(),
  size_valid: z.int(),
  reward_mean: z.number().nullable(),
  zero_variance: z.boolean(),
  reason: ReasonShown.nullable().describe(
    "Why there are no advantages: as in datasets; `erased`: a rollout's session is gone; `quarantined`: see " +
      "`quarantine_reason`.",
  ),
  advantage_spec: z.string(),
  claim_id: z.string().nullable().describe("The export that took the group, and froze what is shown of it."),
  quarantine_reason: z.string().nullable(),
  created_at: z.string(),
  closed_at: z.string().nullable(),
  rollouts: z.array(GroupRollout).describe("By index and attempt; attempts that were redone stay listed."),
});
export type Group = z.infer<typeof Group>;
