// One sampled token of a plan as the loss needs it: which rows of weights competed, over which active features, and
// what the dataset says of it. Made from a dataset row alone; a row that the formulas do not hold for is refused.

import { err, ok, type Result } from "../../lib/result.ts";
import { contextOf, rowOf } from "../../engines/offline/policy/grammar.ts";
import { allowedTokens } from "../../engines/offline/policy/policy.ts";

/** The columns of `turns` that the loss is computed from. */
export interface LearnRow {
  readonly prompt_token_ids: readonly number[];
  readonly response_token_ids: readonly number[];
  readonly response_logprobs: readonly number[];
  readonly logprobs_mode: string;
  readonly temperature: number | null;
  readonly top_p: number | null;
  readonly guided: boolean;
  readonly advantage: number;
  readonly loss_weight: number;
}

export interface PlanToken {
  readonly featureIds: readonly number[];
  /** Rows of weights of the tokens that could have been sampled; none where only one could. */
  readonly rows: readonly number[];
  /** Index into `rows` of the one that was. */
  readonly chosen: number;
  /** Under the version that sampled it, in nats. */
  readonly oldLogProb: number;
  readonly temperature: number;
  readonly advantage: number;
  readonly lossWeight: number;
}

/** Refused are rows whose log-probs are not those of the softmax at the row's temperature. */
export function toPlanTokens(row: LearnRow): Result<PlanToken[], string> {
  const { temperature, response_token_ids: ids, response_logprobs: logProbs } = row;
  if (temperature === null || temperature <= 0) {
    return err("the temperature must be above 0: a greedy sample has no gradient");
  }
  if ((row.top_p !== null && row.top_p !== 1) || row.guided || row.logprobs_mode !== "processed") {
    return err("only unguided samples over all tokens with processed log-probs can be learnt from");
  }
  const tokens: PlanToken[] = [];
  for (const [index, id] of ids.entries()) {
    const context = contextOf(ids.slice(0, index));
    const oldLogProb = logProbs[index];
    const allowed = context === null ? [] : allowedTokens(row.prompt_token_ids, context);
    const chosen = allowed.indexOf(id);
    if (context === null || chosen < 0 || oldLogProb === undefined) {
      return err(`token ${index} of ${JSON.stringify(ids)} is not one that the planner could have sampled`);
    }
    const isChoice = allowed.length > 1;
    tokens.push({
      featureIds: row.prompt_token_ids,
      rows: isChoice ? allowed.flatMap((token) => rowOf(context, token) ?? []) : [],
      chosen: isChoice ? chosen : 0,
      oldLogProb,
      temperature,
      advantage: row.advantage,
      lossWeight: row.loss_weight,
    });
  }
  return ok(tokens);
}
