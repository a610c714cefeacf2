// Batches and groups for tests that are about something else: one ended batch with one group, whatever its tenant, and
// each new one is that again. Nothing runs.

import type { BatchApi } from "../../durable-objects/batch-api.ts";
import type { Services } from "../../src/http/services.ts";
import type { BatchEvent } from "../../src/training/batch-events.ts";
import type { Batch } from "../../src/training/batch-object.ts";
import { createEventStream } from "../../src/lib/sse.ts";

export type BatchServices = Pick<Services, "batches" | "batchList" | "groups">;

export const endedBatchId = "bat_00000000000000000000000001";
export const endedGroupId = "grp_00000000000000000000000001";

const at = "2026-11-22T10:00:00.000Z";
const common = {
  split: "train",
  policy_version: "offline-0",
  policy_step: 0,
  created_at: at,
} as const;

const batch: Batch = {
  id: endedBatchId,
  status: "cancelled",
  ...common,
  group_size: 1,
  sampling: { temperature: 0.7 },
  limits: { max_turns: 10, max_seconds: 300, max_tokens: 200_000 },
  tools: ["python_coder"],
  concurrency: 16,
  seed: 1,
  counts: {
    tasks: 1,
    planned: 1,
    queued: 1,
    running: 0,
    ended: 0,
    valid: 0,
    invalid: {},
    rewards_pending: 0,
    redone: 0,
    groups_complete: 0,
  },
  mean_reward: null,
  usage: { prompt_tokens: 0, completion_tokens: 0 },
  ended_at: at,
};

const events: BatchEvent[] = [
  { type: "batch.cancelled", seq: 1, batch_id: endedBatchId, at, counts: batch.counts, mean_reward: null },
];
const after = (seq: number) => events.filter((event) => event.seq > seq);

function objectOf(id: string): BatchApi {
  const found = <T>(value: T) =>
    Promise.resolve(id === endedBatchId ? { kind: "found" as const, value } : { kind: "unknown" as const });
  return {
    addTasks: () => Promise.resolve(),
    createBatch: () => Promise.resolve({ kind: "created", batch }),
    dropTasks: () => Promise.resolve(),
    getBatch: () => found(batch),
    readEvents: (seq) => found({ events: after(seq), hasMore: false, ended: true }),
    streamEvents: (seq) => Promise.resolve(id === endedBatchId ? streamFrom(seq) : { kind: "unknown" }),
    cancelBatch: () => found(batch),
    wake: () => Promise.resolve(),
  };
}

function streamFrom(seq: number) {
  if (after(seq).length === 0) {
    return { kind: "drained" as const };
  }
  const body = createEventStream<BatchEvent>({
    after: seq,
    read: after,
    subscribe: () => () => undefined,
    snapshot: () => null,
    isEnded: () => true,
    startTimer: () => () => undefined,
  });
  return { kind: "stream" as const, body };
}

const noGroups = { groups: [], rollouts: [], hasMore: false };
const oneGroup = {
  ...noGroups,
  groups: [
    {
      ...common,
      group_id: endedGroupId,
      batch_id: endedBatchId,
      task_id: "task-0",
      task_index: 0,
      size_planned: 1,
      closed_at: at,
      complete: 0,
      claim_id: null,
      quarantine_reason: null,
      claim: null,
    },
  ],
};

export const endedBatch: BatchServices = {
  batches: (_tenant, id) => objectOf(id),
  batchList: { list: () => Promise.resolve({ rows: [], hasMore: false }) },
  groups: {
    list: ({ batchId }) => Promise.resolve(batchId === endedBatchId ? oneGroup : noGroups),
    isPlayedBy: () => Promise.resolve(false),
    find: (_tenant, id) => Promise.resolve(id === endedGroupId ? oneGroup : noGroups),
  },
};
