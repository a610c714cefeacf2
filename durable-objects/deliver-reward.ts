// What a batch is told, and the late reward's way into the ledger. A reward that comes after its group was claimed is
// dropped: the dataset that holds the group is frozen.

import { LateReward } from "../src/agent/run-object.ts";
import type { RewardStore } from "../src/store/rewards.ts";
import type { BatchReports } from "./batch-api.ts";
import type { NewOutboxRow } from "./outbox-table.ts";
import { StoredReport } from "./rollout-report.ts";
import type { SessionStore } from "./session-store.ts";

export interface RewardDeps {
  readonly store: SessionStore;
  readonly rewards: RewardStore;
  readonly tenant: string;
  readonly batchOf: (batchId: string) => BatchReports;
  readonly warn: (message: string, error: unknown) => void;
}

export async function deliverReport(deps: RewardDeps, payload: string | null): Promise<NewOutboxRow[]> {
  const { batchId, ...report } = StoredReport.parse(parse(payload));
  // Feedback may have come in between the end of the run and this report.
  const rewards = report.isRewardPending ? await deps.rewards.ofRun(deps.tenant, report.runId) : null;
  const settled =
    rewards === null || rewards.isPending ? {} : { isRewardPending: false, reward: rewards.inForce?.value ?? null };
  await deps.batchOf(batchId).rolloutEnded({ ...report, ...settled });
  return [];
}

export async function deliverReward(deps: RewardDeps, ordinal: number, payload: string | null): Promise<[]> {
  const run = deps.store.runs.findByOrdinal(ordinal);
  if (run === null) {
    return [];
  }
  const runId = run.run_id;
  const row = LateReward.parse(parse(payload));
  // One judge or webhook speaks once, however often it had to be asked.
  const deliveryKey = `${runId}/${row.source}`;
  const { outcome, place } = await deps.rewards.record({
    ...row,
    tenant: deps.tenant,
    run_id: runId,
    delivery_key: deliveryKey,
  });
  switch (outcome) {
    case "not_ended":
      throw new Error(`the ledger does not know yet that ${runId} has ended`);
    case "claimed":
      deps.warn(`the reward of ${runId} came after its group was claimed`, row.source);
      return [];
    case "unknown":
      return [];
    default:
      break;
  }
  if (place.batch_id !== null) {
    const rewards = await deps.rewards.ofRun(deps.tenant, runId);
    await deps.batchOf(place.batch_id).rewardRecorded({ runId, reward: rewards?.inForce?.value ?? null });
  }
  return [];
}

function parse(payload: string | null): unknown {
  return payload === null ? null : JSON.parse(payload);
}
