// What a run was asked to do, fixed when it is created. Defaults and ceilings of the limits live here.

import * as z from "zod";
import { RewardSpec } from "../rewards/reward-spec.ts";
import { BlocklistNote } from "../tools/web-service/blocklist.ts";

export const OutputKind = z.enum(["direct", "final", "base"]);
export type OutputKind = z.infer<typeof OutputKind>;

/** Ceilings are DESIGN section 3's. `max_seconds` counts time with a loop alive. */
export const Limits = z.strictObject({
  max_turns: z.int().min(1).max(20),
  max_seconds: z.number().min(1).max(3600),
  max_tokens: z.int().min(1).max(10_000_000),
});
export type Limits = z.infer<typeof Limits>;

export const defaultLimits: Limits = { max_turns: 10, max_seconds: 300, max_tokens: 200_000 };

/** Sampling of the planner; the other modules use temperature 0. */
export const PlannerSampling = z.strictObject({
  temperature: z.number().min(0).max(2),
  top_p: z.number().gt(0).max(1).optional(),
  seed: z.int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
});
export type PlannerSampling = z.infer<typeof PlannerSampling>;

/** Which planner version serves the run. `step` rises with each registered version; the configured one has 0. */
export const PolicyRef = z.strictObject({ version: z.string(), step: z.int() });
export type PolicyRef = z.infer<typeof PolicyRef>;

/** A question of this session that was answered before this run was created. */
export const EarlierAnswer = z.strictObject({ query: z.string(), answer: z.string() });
export type EarlierAnswer = z.infer<typeof EarlierAnswer>;

/** The gold answers and how to compare with them; never shown to a model. */
export const Reference = z.strictObject({
  answers: z.array(z.string().max(2000)).max(50).default([]),
  /** Exact match where there are answers and this says nothing. */
  reward: RewardSpec.optional(),
});
export type Reference = z.infer<typeof Reference>;

export const Metadata = z.record(z.string().max(64), z.string().max(512));
export type Metadata = z.infer<typeof Metadata>;

/** Where a run that is a rollout belongs. */
export const RolloutRef = z.strictObject({
  batch_id: z.string(),
  group_id: z.string(),
  task_id: z.string(),
  /** 0 .. G-1. */
  rollout_index: z.int(),
  /** From 1; a rollout that the infrastructure broke is redone at the same index. */
  rollout_attempt: z.int(),
  split: z.string(),
});
export type RolloutRef = z.infer<typeof RolloutRef>;

export const ToolResults = z.enum(["fresh", "kept"]);
export type ToolResults = z.infer<typeof ToolResults>;

export const RunSpec = z.strictObject({
  session_id: z.string(),
  query: z.string(),
  outputs: z.array(OutputKind).min(1),
  limits: Limits,
  tools: z.array(z.string()).min(1),
  policy: PolicyRef,
  sampling: PlannerSampling,
  /** `free` in rollouts: the planner's decoding is never constrained. */
  planner_structure: z.enum(["guided", "free"]),
  metadata: Metadata,
  /** `kept`: results of earlier calls with the same arguments are used, and new ones are kept. Absent = `fresh`. */
  tool_results: ToolResults.optional(),
  /** Absent for a run that was asked for by itself. */
  rollout: RolloutRef.optional(),
  /** What this deployment kept from the web tools when the run was created; absent where nothing. */
  blocklist: BlocklistNote.optional(),
});
export type RunSpec = z.infer<typeof RunSpec>;
