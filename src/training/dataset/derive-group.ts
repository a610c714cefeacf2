// A group's derived numbers: whether it has advantages and why not, its row, and what each rollout's rows share. Pure
// arithmetic over facts; the rules are those of DESIGN section 6.

import { type GroupAdvantages, groupAdvantages } from "../advantages.ts";
import { rewardStats } from "../group-stats.ts";
import { lossWeights } from "../loss-weights.ts";
import type { ClaimedGroup, ClaimTerms } from "./claimed-group.ts";
import type { GroupTableRow, NoAdvantages } from "./columns.ts";
import { type RolloutFacts, settleAttempts } from "./rollout-facts.ts";

export interface DerivedRollout extends RolloutFacts {
  readonly advantage: number | null;
  /** Per turn and token. */
  readonly lossWeights: readonly (number | null)[];
}

export interface DerivedGroup {
  readonly group: ClaimedGroup;
  readonly row: GroupTableRow;
  /** In the dataset's order. */
  readonly rollouts: readonly DerivedRollout[];
}

/** `facts` in any order. */
export function deriveGroup(terms: ClaimTerms, group: ClaimedGroup, facts: readonly RolloutFacts[]): DerivedGroup {
  const settled = settleAttempts(facts);
  const valid = settled.filter(({ reason }) => reason === null);
  const reason = noAdvantages(terms, group, valid.length);
  const derived = groupAdvantages(
    terms.advantageSpec,
    settled.map((fact) => ({
      reward: fact.rollout.reward,
      turns: fact.turnTokens.length,
      valid: fact.reason === null,
    })),
  );
  const weights = lossWeights(settled.map((fact) => ({ valid: fact.reason === null, turnTokens: fact.turnTokens })));
  return {
    group,
    row: groupRow({ terms, group, settled, reason, derived }),
    rollouts: settled.map((fact, index) => ({
      ...fact,
      advantage: reason === null ? (derived.advantages[index] ?? null) : null,
      lossWeights: fact.turnTokens.map((_, turn) => (reason === null ? (weights[index]?.[turn] ?? null) : null)),
    })),
  };
}

/** What a group's right to advantages depends on. */
export type GroupTerms = Pick<ClaimTerms, "minValid" | "allowPartial" | "maxStaleness" | "policyStep">;

/** Null for a group that gets advantages. */
export function noAdvantages(
  terms: GroupTerms,
  group: Pick<ClaimedGroup, "complete" | "size_planned" | "policy_step">,
  valid: number,
): NoAdvantages | null {
  if (!group.complete && !terms.allowPartial) {
    return "partial";
  }
  if (valid < Math.max(1, terms.minValid ?? defaultMinValid(group.size_planned))) {
    return "too_few_valid";
  }
  return terms.policyStep - group.policy_step > terms.maxStaleness ? "stale" : null;
}

function defaultMinValid(sizePlanned: number): number {
  return Math.max(2, Math.ceil(sizePlanned / 2));
}

interface GroupRowParts {
  readonly terms: ClaimTerms;
  readonly group: ClaimedGroup;
  readonly settled: readonly RolloutFacts[];
  readonly reason: NoAdvantages | null;
  readonly derived: GroupAdvantages;
}

function groupRow({ terms, group, settled, reason, derived }: GroupRowParts): GroupTableRow {
  const values = settled.flatMap(({ reason: why, rollout }) =>
    why === null && rollout.reward !== null ? [rollout.reward] : [],
  );
  const stats = rewardStats(values, terms.passAt);
  const baseline = reason === null ? derived.baseline : null;
  return {
    group_id: group.group_id,
    task_id: group.task_id,
    batch_id: group.batch_id,
    size_planned: group.size_planned,
    size_completed: new Set(settled.filter(({ ended }) => ended).map(({ rollout }) => rollout.rollout_index)).size,
    size_valid: values.length,
    reward_mean: stats.mean,
    reward_std_n: stats.stdN,
    reward_std_n1: stats.stdN1,
    baseline_mean: baseline?.mean ?? null,
    baseline_std: baseline?.std ?? null,
    baseline_count: baseline?.count ?? null,
    zero_variance: derived.zeroVariance,
    pass_rate: stats.passRate,
    policy_version: group.policy_version,
    policy_step: group.policy_step,
    complete: group.complete,
    advantages: reason === null,
    reason,
  };
}
