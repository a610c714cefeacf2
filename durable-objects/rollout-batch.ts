// A batch of rollouts: which tasks it has, which rollouts run, and which groups are complete. A thin shell: RPC
// methods and an alarm that call plain functions. It never loads all its tasks.

import { DurableObject } from "cloudflare:workers";
import type { Env } from "../src/env.ts";
import type { BatchReports, RewardReport, RolloutReport } from "./batch-api.ts";

export class RolloutBatch extends DurableObject<Env> implements BatchReports {
  async rolloutEnded(_report: RolloutReport): Promise<void> {}

  async rewardRecorded(_report: RewardReport): Promise<void> {}
}
