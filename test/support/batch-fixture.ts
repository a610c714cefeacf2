// A batch's specification, its tasks and its creation, for tests of the batch's object in Node and in workerd.

import type { CreateBatch } from "../../durable-objects/batch-api.ts";
import type { BatchSpec, BatchTask } from "../../src/training/batch-spec.ts";

const tenant = "acme";
const batchId = "bat_00000000000000000000000001";

export function batchSpec(change: Partial<BatchSpec> = {}): BatchSpec {
  return {
    batch_id: batchId,
    tenant,
    group_size: 4,
    policy: { version: "planner-7", step: 7 },
    sampling: { temperature: 0.7 },
    limits: { max_turns: 10, max_seconds: 300, max_tokens: 200_000 },
    tools: ["python_coder"],
    concurrency: 16,
    split: "train",
    seed: 5,
    ...change,
  };
}

export function batchTasks(count: number, first = 0): BatchTask[] {
  return Array.from({ length: count }, (_, index) => ({
    task_id: `task-${first + index}`,
    query: `What is ${first + index} + 1?`,
    reference: { answers: [String(first + index + 1)] },
    metadata: {},
  }));
}

export function creation(spec: BatchSpec, tasks: BatchTask[], bodyHash = "hash"): CreateBatch {
  return { spec, last: { batchId: spec.batch_id, upload: "upload-1", first: 0, tasks }, bodyHash };
}
