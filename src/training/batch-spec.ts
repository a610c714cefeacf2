// What a batch was asked to do, fixed when it is created: what every rollout of it has in common, and each task. The
// tasks lie one by one in the batch's object, for there may be ten thousand.

import * as z from "zod";
import { Limits, Metadata, PlannerSampling, PolicyRef, Reference, ToolResults } from "../agent/run-spec.ts";

export const BatchSpec = z.strictObject({
  batch_id: z.string(),
  tenant: z.string(),
  group_size: z.int().min(1),
  /** One version for the whole batch, whatever is activated meanwhile. */
  policy: PolicyRef,
  sampling: PlannerSampling.omit({ seed: true }),
  limits: Limits,
  tools: z.array(z.string()).min(1),
  tool_results: ToolResults.optional(),
  concurrency: z.int().min(1),
  split: z.string(),
  seed: z.int().min(0),
});
export type BatchSpec = z.infer<typeof BatchSpec>;

export const BatchTask = z.strictObject({
  task_id: z.string(),
  query: z.string(),
  reference: Reference.nullable(),
  metadata: Metadata,
});
export type BatchTask = z.infer<typeof BatchTask>;
