// One planner turn for verl. The key is what its trajectory-level advantage reads: the group, the rollout in it and
// the turn. verl then finds the dataset's advantages by itself; its row-level estimator must not, for it would count
// a rollout once for each of its turns.

import * as z from "zod";
import { parseAdvantageSpec } from "../advantage-spec.ts";
import type { RlRow } from "./rl-row.ts";

const ids = z.array(z.int()).readonly();

export const VerlRow = z.strictObject({
  key: z.string(),
  uid: z.string(),
  prompts: ids,
  responses: ids,
  response_mask: ids,
  rollout_log_probs: z.array(z.number()).readonly(),
  /** The outcome, the same on each row of a rollout. */
  rewards: z.number(),
  /** What the trajectory-level advantage must give, for a trainer that can take it as it is. */
  advantage: z.number(),
  /** Per token: Eq. 5 is the sum over tokens of loss_weight times the surrogate, over the number of groups. */
  loss_weight: z.number(),
  policy_step: z.int(),
});
export type VerlRow = z.infer<typeof VerlRow>;

export function toVerlRow(row: RlRow): VerlRow {
  return {
    key: `${row.group_id}_${row.rollout_index}_${row.turn_index}`,
    uid: row.group_id,
    prompts: row.prompt_token_ids,
    responses: row.response_token_ids,
    response_mask: row.response_mask,
    rollout_log_probs: row.response_logprobs,
    rewards: row.reward,
    advantage: row.advantage,
    loss_weight: row.loss_weight,
    policy_step: row.policy_step,
  };
}

/** verl's own guard against a deviation of 0. */
const verlEps = 1e-6;

/** Whether verl can find the advantages again: N-1 with its own eps, or `norm_adv_by_std_in_grpo=False`. */
export function isVerlSpec(advantageSpec: string): boolean {
  const spec = parseAdvantageSpec(advantageSpec);
  if (!spec.ok || spec.value.over !== "trajectory") {
    return false;
  }
  return spec.value.std === "none" || (spec.value.std === "n-1" && spec.value.eps === verlEps);
}
