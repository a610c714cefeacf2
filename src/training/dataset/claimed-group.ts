// What a claim froze of a group, as the dataset's rows are made from it: which rollouts it has, the hash of each
// record and the reward that was in force. It knows no database; the stores' rows have these members.

import type { AdvantageSpec } from "../advantage-spec.ts";

export interface ClaimedGroup {
  readonly group_id: string;
  readonly batch_id: string;
  readonly task_id: string;
  readonly split: string;
  readonly policy_version: string;
  readonly policy_step: number;
  readonly size_planned: number;
  readonly complete: boolean;
}

export interface ClaimedRollout {
  readonly run_id: string;
  readonly rollout_index: number;
  readonly rollout_attempt: number;
  /** Null for a rollout that left no record. */
  readonly record_sha256: string | null;
  /** Null where only record and reward decide. */
  readonly invalid_reason: string | null;
  readonly reward: number | null;
  readonly reward_kind: string | null;
  readonly reward_source: string | null;
  /** JSON text. */
  readonly reward_components: string | null;
  readonly judge_model: string | null;
}

/** By which rules the claim's numbers are derived. */
export interface ClaimTerms {
  readonly advantageSpec: AdvantageSpec;
  /** Null: max(2, half of the planned size), group by group. */
  readonly minValid: number | null;
  readonly allowPartial: boolean;
  /** In policy steps behind the one that was active when the claim was made. */
  readonly maxStaleness: number;
  readonly passAt: number;
  /** The active policy's step when the claim was made. */
  readonly policyStep: number;
}

type Placed = Pick<ClaimedRollout, "rollout_index" | "rollout_attempt">;

/** The dataset's order of a group's rollouts. */
export function compareRollouts(left: Placed, right: Placed): number {
  return left.rollout_index - right.rollout_index || left.rollout_attempt - right.rollout_attempt;
}
