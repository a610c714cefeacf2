// The batch as callers see it, from its rows.

import type { Batch } from "../src/training/batch-object.ts";
import type { BatchStore } from "./batch-store.ts";

export function toBatch(store: BatchStore): Batch {
  const { spec, status, created_at, ended_at, problem } = store.get();
  const { batch_id: id, group_size, policy, sampling, limits, tools, concurrency, split, seed } = spec;
  return {
    id,
    status,
    split,
    group_size,
    policy_version: policy.version,
    policy_step: policy.step,
    sampling,
    limits,
    tools,
    concurrency,
    seed,
    ...store.counts(),
    ...(problem === null ? {} : { error: problem }),
    created_at,
    ended_at,
  };
}
