// Late rewards beside what a run's log says. They stand in the ledger, and a ledger that does not answer takes only
// them away: the run itself is shown all the same.

import type { LateReward, RunObject } from "../agent/run-object.ts";
import type { RunRewards } from "../store/rewards.ts";
import { StoreFault } from "../store/store-fault.ts";
import type { Services } from "./services.ts";

export interface Asker {
  readonly services: Services;
  readonly tenant: string;
  readonly requestId: string;
}

/** Null where the ledger does not know the run yet, or cannot be asked. */
async function rewardsOf({ services, tenant, requestId }: Asker, runId: string): Promise<RunRewards | null> {
  try {
    return await services.rewards.ofRun(tenant, runId);
  } catch (cause) {
    if (!(cause instanceof StoreFault)) {
      throw cause;
    }
    const message = "a run is shown without its late rewards";
    services.log({ level: "warn", message, request_id: requestId, code: cause.code, cause });
    return null;
  }
}

/** An ended run with the reward in force and with those that came after its end. */
export async function withLateRewards(asker: Asker, run: RunObject): Promise<RunObject> {
  const rewards = run.ended_at === null ? null : await rewardsOf(asker, run.id);
  // Nothing came after its end: the run is what its log says, as the reply of /v1/solve had it.
  if (rewards === null || rewards.late.length === 0) {
    return run;
  }
  const { inForce, late } = rewards;
  return { ...run, ...(inForce === null ? {} : { reward: inForce }), rewards: [...late] };
}

/** The rows to be shown beside a record, which says what the log says; null where they cannot be read. */
export async function lateRewardsOf(asker: Asker, runId: string): Promise<readonly LateReward[] | null> {
  return (await rewardsOf(asker, runId))?.late ?? null;
}
