// The arms of the study: what each changes about the training, and nothing else. `normal` is the method; the others
// show what it owes to memory, to the reward, and to the baseline that counts trajectories.

import { createRandom } from "../../src/lib/random.ts";
import { unreachable } from "../../src/lib/unreachable.ts";
import { featureGroups, type FeatureGroup } from "../../src/engines/offline/policy/vocabulary.ts";
import { type AdvantageSpec, defaultAdvantageSpec, formatAdvantageSpec } from "../../src/training/advantage-spec.ts";
import { type LearnDataset, withAdvantages, withShuffledRewards } from "../../src/training/learn/learn-dataset.ts";

export const arms = ["normal", "blind", "shuffled", "zero", "turn"] as const;
export type Arm = (typeof arms)[number];

export const armTexts: Readonly<Record<Arm, string>> = {
  normal: "advantages over trajectories",
  turn: "advantages over turn rows",
  blind: "the planner cannot see its memory",
  shuffled: "rewards shuffled within each group",
  zero: "all advantages zero",
};

export function groupsOf(arm: Arm): FeatureGroup[] {
  return featureGroups.filter((group) => arm !== "blind" || (group !== "memory" && group !== "errors"));
}

function specOf(arm: Arm): AdvantageSpec {
  return arm === "turn" ? { ...defaultAdvantageSpec, over: "turn" } : defaultAdvantageSpec;
}

export function specNameOf(arm: Arm): string {
  return formatAdvantageSpec(specOf(arm));
}

/** What the arm's training sees of a dataset. `seed` and `iteration` fix the shuffle. */
export function seenBy(arm: Arm, dataset: LearnDataset, { seed, iteration }: { seed: number; iteration: number }) {
  switch (arm) {
    case "normal":
    case "turn":
    case "blind":
      return dataset;
    case "zero":
      return withAdvantages(dataset, () => 0);
    case "shuffled":
      return withShuffledRewards(dataset, specOf(arm), createRandom(seed, iteration));
    default:
      return unreachable(arm);
  }
}
