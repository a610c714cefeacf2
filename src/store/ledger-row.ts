// The rows of the ledger's table `runs`, as they are written and as they are read back.

import * as z from "zod";
import { RunStatus } from "../agent/run-object.ts";

/** Where a rollout belongs; all null for a run that was asked for by itself. */
const RolloutPlace = z.strictObject({
  batch_id: z.string().nullable(),
  group_id: z.string().nullable(),
  task_id: z.string().nullable(),
  rollout_index: z.int().nullable(),
  rollout_attempt: z.int().nullable(),
});

export const noRollout: z.infer<typeof RolloutPlace> = {
  batch_id: null,
  group_id: null,
  task_id: null,
  rollout_index: null,
  rollout_attempt: null,
};

/** What is known of a run when it starts. `query` may be of any length; its first 500 characters are kept. */
export const RunCreatedRow = z.strictObject({
  run_id: z.string(),
  tenant: z.string(),
  session_id: z.string(),
  query: z.string(),
  created_at: z.string(),
  max_seconds: z.number(),
  policy_version: z.string(),
  ...RolloutPlace.shape,
});
export type RunCreatedRow = z.infer<typeof RunCreatedRow>;

/** The whole row at the run's end: it stands alone if the first row was never written. */
export const RunEndedRow = RunCreatedRow.extend({
  status: RunStatus,
  ended_at: z.string(),
  turns: z.int(),
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  reason: z.string().nullable(),
  error_code: z.string().nullable(),
  /** Null for a run that leaves no record. */
  record_key: z.string().nullable(),
  record_sha256: z.string().nullable(),
  /** Why the run does not count, whatever its reward; null where only the reward decides. */
  invalid_reason: z.string().nullable(),
  /** The log's own; later ones are rows of their own. */
  reward: z.number().nullable(),
  reward_kind: z.string().nullable(),
  reward_components: z.record(z.string(), z.number()).nullable(),
  /** A judge, a webhook or somebody outside owes it. */
  reward_pending: z.boolean(),
});
export type RunEndedRow = z.infer<typeof RunEndedRow>;

/** A listed run; what only its end tells is null before it. */
export const LedgerRun = z.object({
  run_id: z.string(),
  session_id: z.string(),
  status: RunStatus,
  query: z.string(),
  created_at: z.string(),
  ended_at: z.string().nullable(),
  policy_version: z.string(),
  turns: z.int().nullable(),
  prompt_tokens: z.int().nullable(),
  completion_tokens: z.int().nullable(),
  reason: z.string().nullable(),
  error_code: z.string().nullable(),
});
export type LedgerRun = z.infer<typeof LedgerRun>;

/** A run that should have ended by now. */
export const OverdueRun = z.object({ tenant: z.string(), session_id: z.string(), run_id: z.string() });
export type OverdueRun = z.infer<typeof OverdueRun>;
