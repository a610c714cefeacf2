// The dataset on which reductions are compared with Eq. 5, here and in the Python package's tests: rollouts of
// different lengths, a group without variance, an invalid rollout, ratios on both sides of the clip.

import type { DatasetPlan, GroupPlan, TurnPlan } from "../../support/view-dataset.ts";
import { nearbyLogprobs } from "./support.ts";

/** Groups of uneven rollouts: turns and replies of different lengths, one group without variance, one invalid rollout. */
export const unevenPlan: DatasetPlan = withNearbyLogprobs([
  {
    rollouts: [
      { reward: 1, turns: [{ reply: [3, 4, 5] }] },
      { reward: 1, turns: [{ reply: [6] }, { reply: [7, 8, 9, 10, 11] }] },
      { reward: 0, turns: [{ reply: [3, 3] }, { reply: [4] }, { reply: [5, 6, 7, 8] }] },
      { reward: 0.25, turns: [{ reply: [9, 9, 9] }] },
    ],
  },
  { rollouts: [0.5, 0.5, 0.5].map((reward) => ({ reward, turns: [{ reply: [4, 5] }] })) },
  {
    rollouts: [
      { reward: 1, turns: [{ reply: [10, 3, 4, 6, 7] }] },
      { reward: 0, turns: [{ reply: [11] }, { reply: [3, 8] }] },
      { reward: null, invalid: "engine_failed", turns: [{ reply: [5, 5] }] },
      { reward: 1, turns: [{ reply: [8] }, { reply: [6, 6, 6] }] },
    ],
  },
]);

/** The policy that is trained is not far from the one that sampled. */
function withNearbyLogprobs(groups: readonly GroupPlan[]): DatasetPlan {
  const near = ({ reply, ...turn }: TurnPlan, index: number) => {
    const prompt = [1, 2, index];
    const logprobs = nearbyLogprobs(prompt, reply ?? []);
    return { ...turn, reply, prompt_token_ids: prompt, response_logprobs: logprobs };
  };
  return {
    groups: groups.map((group) => ({
      ...group,
      rollouts: group.rollouts.map((rollout) => ({ ...rollout, turns: rollout.turns.map(near) })),
    })),
  };
}
