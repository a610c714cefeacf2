// The events of a batch's log, and what isTerminal means there. They are numbered without a gap from 1 and the one
// terminal event is the last; what runs did in detail is in the runs' own logs.

import * as z from "zod";
import { ErrorInfo } from "../agent/events.ts";
import { BatchCounts } from "./batch-object.ts";

const base = { seq: z.int(), batch_id: z.string(), at: z.string() };

const ended = { counts: BatchCounts, mean_reward: z.number().nullable() };

export const BatchEventSchema = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("batch.created"),
    ...base,
    tasks: z.int(),
    planned: z.int(),
    group_size: z.int(),
    split: z.string(),
    policy_version: z.string(),
    policy_step: z.int(),
    seed: z.int(),
  }),
  z.strictObject({ type: z.literal("batch.started"), ...base }),
  z.strictObject({
    type: z.literal("rollout.ended"),
    ...base,
    run_id: z.string(),
    group_id: z.string(),
    task_id: z.string(),
    rollout_index: z.int(),
    rollout_attempt: z.int(),
    status: z.string(),
    reward: z.number().nullable(),
    reward_pending: z.boolean(),
    invalid_reason: z.string().nullable(),
    /** The infrastructure broke it: the next attempt follows. */
    redone: z.boolean(),
    turns: z.int(),
  }),
  z.strictObject({
    type: z.literal("group.completed"),
    ...base,
    group_id: z.string(),
    task_id: z.string(),
    valid: z.int(),
    mean_reward: z.number().nullable(),
  }),
  z.strictObject({ type: z.literal("batch.completed"), ...base, ...ended }),
  z.strictObject({ type: z.literal("batch.cancelled"), ...base, ...ended }),
  z.strictObject({ type: z.literal("batch.failed"), ...base, ...ended, problem: ErrorInfo }),
]);
export type BatchEvent = z.infer<typeof BatchEventSchema>;

type Unnumbered<E> = E extends BatchEvent ? Omit<E, "seq" | "batch_id" | "at"> : never;
/** An event before the log gives it its number and its time. */
export type NewBatchEvent = Unnumbered<BatchEvent>;

export function isBatchTerminal(type: BatchEvent["type"]): boolean {
  return type === "batch.completed" || type === "batch.cancelled" || type === "batch.failed";
}
