// A group's numbers as they stand now: which rollouts are valid, and the advantages that an export would give them with
// its defaults. Only a complete group with enough valid rollouts has advantages.

import type { AdvantageSpec } from "./advantage-spec.ts";
import { groupAdvantages } from "./advantages.ts";
import { defaultMinValid } from "./dataset/derive-group.ts";

/** An attempt of the group, whether or not it was redone. */
export interface SeenRollout {
  readonly rolloutIndex: number;
  readonly attempt: number;
  /** Null while it is open: it runs, or somebody owes its reward. */
  readonly isValid: boolean | null;
  readonly reward: number | null;
  readonly turns: number;
}

export interface GroupNumbers {
  readonly sizeValid: number;
  readonly rewardMean: number | null;
  readonly zeroVariance: boolean;
  /** In the order of the rollouts. */
  readonly advantages: readonly (number | null)[];
}

export function groupNumbers(
  spec: AdvantageSpec,
  group: { readonly sizePlanned: number; readonly isComplete: boolean },
  rollouts: readonly SeenRollout[],
): GroupNumbers {
  const outcomes = rollouts.map((rollout) => ({
    reward: rollout.reward,
    turns: rollout.turns,
    valid: rollout.isValid === true,
  }));
  const valid = outcomes.filter((outcome) => outcome.valid);
  const { advantages, zeroVariance } = groupAdvantages(spec, outcomes);
  const hasAdvantages = group.isComplete && valid.length >= defaultMinValid(group.sizePlanned);
  const rewards = valid.flatMap(({ reward }) => reward ?? []);
  return {
    sizeValid: valid.length,
    rewardMean: rewards.length === 0 ? null : rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length,
    zeroVariance,
    advantages: hasAdvantages ? advantages : rollouts.map(() => null),
  };
}
