// What a session is asked to start for one rollout: the batch's specification, the task, and where the run belongs.

import { groupIdOf, rolloutSeedOf } from "../src/training/batch-names.ts";
import type { BatchSpec, BatchTask } from "../src/training/batch-spec.ts";
import type { RolloutSlot } from "./batch-rollouts.ts";
import type { StartRun } from "./session-api.ts";

export async function toStart(
  spec: BatchSpec,
  task: BatchTask,
  { sessionId, slot }: { readonly sessionId: string; readonly slot: RolloutSlot },
): Promise<StartRun> {
  const { task_id } = task;
  const { tenant, batch_id, limits, tools, policy, sampling, split } = spec;
  return {
    tenant,
    sessionId,
    session: "new",
    reference: task.reference,
    idempotency: null,
    spec: {
      query: task.query,
      outputs: ["direct"],
      limits,
      tools,
      ...(spec.tool_results === undefined ? {} : { tool_results: spec.tool_results }),
      policy,
      sampling: { ...sampling, seed: await rolloutSeedOf(spec.seed, task_id, slot.rolloutIndex) },
      // Guided decoding would change the distribution that is sampled from.
      planner_structure: "free",
      metadata: task.metadata,
      rollout: {
        batch_id,
        group_id: await groupIdOf(batch_id, task_id),
        task_id,
        rollout_index: slot.rolloutIndex,
        rollout_attempt: slot.attempt,
        split,
      },
    },
  };
}
