// The report of an ended rollout to its batch, as it lies in the outbox until the batch has it.

import * as z from "zod";
import type { RunEndedRow } from "../src/store/ledger-row.ts";
import type { RolloutReport } from "./batch-api.ts";

export const StoredReport = z.object({
  batchId: z.string(),
  runId: z.string(),
  groupId: z.string(),
  taskId: z.string(),
  rolloutIndex: z.int(),
  rolloutAttempt: z.int(),
  status: z.string(),
  errorCode: z.string().nullable(),
  invalidReason: z.string().nullable(),
  reward: z.number().nullable(),
  isRewardPending: z.boolean(),
  turns: z.int(),
  promptTokens: z.int(),
  completionTokens: z.int(),
});
export type StoredReport = z.infer<typeof StoredReport>;

/** Null for a run that is no rollout. */
export function toReport(row: RunEndedRow): StoredReport | null {
  const { batch_id, group_id, task_id, rollout_index, rollout_attempt } = row;
  if (
    batch_id === null ||
    group_id === null ||
    task_id === null ||
    rollout_index === null ||
    rollout_attempt === null
  ) {
    return null;
  }
  const report: RolloutReport = {
    runId: row.run_id,
    groupId: group_id,
    taskId: task_id,
    rolloutIndex: rollout_index,
    rolloutAttempt: rollout_attempt,
    status: row.status,
    errorCode: row.error_code,
    invalidReason: row.invalid_reason,
    reward: row.reward,
    isRewardPending: row.reward_pending,
    turns: row.turns,
    promptTokens: row.prompt_tokens,
    completionTokens: row.completion_tokens,
  };
  return { batchId: batch_id, ...report };
}
