// Group-normalised advantages: the paper's Eq. 7 and its variants, in float64. An invalid rollout has none and does
// not move the others; equal rewards give exactly 0, whatever the rounding of a mean would say.

import type { AdvantageSpec } from "./advantage-spec.ts";
import { unreachable } from "../lib/unreachable.ts";
import { spreadOf } from "./group-stats.ts";

/** What the advantage of a rollout depends on. */
export interface RolloutOutcome {
  /** Not null for a valid rollout. */
  readonly reward: number | null;
  /** Planner turns. */
  readonly turns: number;
  readonly valid: boolean;
}

/** What the rule took from the group. */
export interface Baseline {
  readonly mean: number;
  /** With the rule's divisor; null where the rule has none. */
  readonly std: number | null;
  /** Rollouts, or turns where the rule counts turns. */
  readonly count: number;
}

export interface GroupAdvantages {
  /** In the order of the rollouts; the same for every turn of one. Null for an invalid rollout. */
  readonly advantages: readonly (number | null)[];
  /** Null where no rollout is valid. */
  readonly baseline: Baseline | null;
  /** The valid rollouts' rewards are all equal; false where none is valid. */
  readonly zeroVariance: boolean;
}

export function groupAdvantages(spec: AdvantageSpec, rollouts: readonly RolloutOutcome[]): GroupAdvantages {
  const rewards = rollouts.map(validReward);
  const values = rewards.filter((reward) => reward !== null);
  const zeroVariance = isUniform(values);
  const baseline = baselineOf(spec, rollouts);
  if (baseline === null) {
    return { advantages: rollouts.map(() => null), baseline, zeroVariance };
  }
  const divisor = baseline.std === null ? 1 : baseline.std + spec.eps;
  // Without eps, one counted row among unequal rewards has no deviation to divide by.
  const flat = zeroVariance || divisor === 0;
  return {
    advantages: rewards.map((reward) => {
      if (reward === null) {
        return null;
      }
      return flat ? 0 : (reward - baseline.mean) / divisor;
    }),
    baseline,
    zeroVariance,
  };
}

function validReward({ valid, reward }: RolloutOutcome): number | null {
  if (!valid) {
    return null;
  }
  if (reward === null || !Number.isFinite(reward)) {
    throw new TypeError("a valid rollout has a finite reward");
  }
  return reward;
}

/** max(R) = min(R), of at least one. */
export function isUniform(rewards: readonly number[]): boolean {
  const [first] = rewards;
  return first !== undefined && rewards.every((reward) => reward === first);
}

function baselineOf(spec: AdvantageSpec, rollouts: readonly RolloutOutcome[]): Baseline | null {
  const counted = rollouts.flatMap(({ valid, reward, turns }) =>
    valid && reward !== null ? [{ value: reward, count: spec.over === "turn" ? turns : 1 }] : [],
  );
  const spread = spreadOf(counted);
  if (spread === null) {
    return null;
  }
  const { mean, count } = spread;
  switch (spec.std) {
    case "none":
      return { mean, std: null, count };
    case "n":
      return { mean, std: spread.stdN, count };
    case "n-1":
      return { mean, std: spread.stdN1 ?? 0, count };
    default:
      return unreachable(spec.std);
  }
}
