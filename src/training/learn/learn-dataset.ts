// A frozen dataset as a trainer of the offline planner sees it: the columns of `turns` that the loss is computed from,
// and how many groups it is averaged over. It adds nothing to the dataset; what it cannot learn from it refuses.

import * as z from "zod";
import { err, ok, type Result } from "../../lib/result.ts";
import type { Random } from "../../lib/random.ts";
import type { AdvantageSpec } from "../advantage-spec.ts";
import { groupAdvantages } from "../advantages.ts";
import type { LearnBatch } from "./objective.ts";
import { type PlanToken, toPlanTokens } from "./plan-token.ts";

export const LearnTurn = z.object({
  group_id: z.string(),
  rollout_id: z.string(),
  num_turns: z.int(),
  valid: z.boolean(),
  prompt_token_ids: z.array(z.int()).nullable(),
  response_token_ids: z.array(z.int()).nullable(),
  response_logprobs: z.array(z.number()).nullable(),
  logprobs_mode: z.string(),
  temperature: z.number().nullable(),
  top_p: z.number().nullable(),
  guided: z.boolean(),
  reward: z.number().nullable(),
  advantage: z.number().nullable(),
  loss_weight: z.number().nullable(),
});
export type LearnTurn = z.infer<typeof LearnTurn>;

export interface LearnDataset {
  readonly turns: readonly LearnTurn[];
  /** B: groups that have advantages. */
  readonly groups: number;
}

/** The error names the first row that cannot be learnt from. Rows without an advantage take no part. */
export function toLearnBatch({ turns, groups }: LearnDataset): Result<LearnBatch, string> {
  const tokens: PlanToken[] = [];
  for (const turn of turns) {
    if (turn.advantage === null) {
      continue;
    }
    const read = tokensOf(turn, turn.advantage);
    if (!read.ok) {
      return err(`a turn of ${turn.rollout_id}: ${read.error}`);
    }
    tokens.push(...read.value);
  }
  return ok({ tokens, groups });
}

function tokensOf(turn: LearnTurn, advantage: number): Result<PlanToken[], string> {
  const { prompt_token_ids, response_token_ids, response_logprobs, loss_weight } = turn;
  if (prompt_token_ids === null || response_token_ids === null || response_logprobs === null || loss_weight === null) {
    return err("it has no token ids or no log-probs, and none are invented");
  }
  return toPlanTokens({ ...turn, prompt_token_ids, response_token_ids, response_logprobs, advantage, loss_weight });
}

/** The same dataset with other advantages; `change` sees those of one rollout at a time. */
export function withAdvantages(dataset: LearnDataset, change: (advantage: number) => number): LearnDataset {
  const turns = dataset.turns.map((turn) =>
    turn.advantage === null ? turn : { ...turn, advantage: change(turn.advantage) },
  );
  return { ...dataset, turns };
}

/**
 * The control that must learn nothing: in each group the rewards of the valid rollouts change places at random before
 * the advantages are taken, so that sizes and spreads stay and only the connection with what was done is gone.
 */
export function withShuffledRewards(dataset: LearnDataset, spec: AdvantageSpec, random: Random): LearnDataset {
  const groups = Map.groupBy(
    dataset.turns.filter((turn) => turn.advantage !== null),
    (turn) => turn.group_id,
  );
  const advantages = new Map<string, number>();
  for (const turns of groups.values()) {
    const rollouts = [...new Map(turns.map((turn) => [turn.rollout_id, turn])).values()];
    const rewards = shuffled(
      rollouts.map((turn) => turn.reward),
      random,
    );
    const outcomes = rollouts.map((turn, index) => ({
      reward: rewards[index] ?? null,
      turns: turn.num_turns,
      valid: true,
    }));
    for (const [index, advantage] of groupAdvantages(spec, outcomes).advantages.entries()) {
      advantages.set(rollouts[index]?.rollout_id ?? "", advantage ?? 0);
    }
  }
  const turns = dataset.turns.map((turn) => ({ ...turn, advantage: advantages.get(turn.rollout_id) ?? null }));
  return { ...dataset, turns };
}

/** Fisher and Yates. */
function shuffled<T>(items: readonly T[], random: Random): T[] {
  const left = [...items];
  const drawn: T[] = [];
  while (left.length > 0) {
    drawn.push(...left.splice(random.whole(0, left.length - 1), 1));
  }
  return drawn;
}
