// The offline planner's distribution: at each place of a plan a softmax over the tokens that the grammar and the
// tools allow, linear in the active features. Pure functions of weights, feature ids and token ids, in double
// precision, so that a trainer gets from a dataset row exactly the number that the engine reported.

import type { Random } from "../../../lib/random.ts";
import { contextOf, endToken, followers, type PlanContext, planTokens, planTools, rowOf } from "./grammar.ts";
import { sees } from "./sight.ts";
import { featureId } from "./vocabulary.ts";
import type { OfflineWeights } from "./weights.ts";

export interface PlanSampling {
  /** 0 = greedy. */
  readonly temperature: number;
  /** Nucleus, applied after the temperature; 1 = all tokens. */
  readonly topP: number;
}

export interface Choice {
  readonly token: number;
  /** Natural log of the probability with which it is sampled, after temperature and top_p. */
  readonly logProb: number;
}

const toolFeature = new Map(planTools.map((tool) => [tool, featureId(`tool:${tool}`)]));

/** Ids of the tokens that may follow, ascending. A tool's token needs the tool; without any, Python's is left. */
export function allowedTokens(featureIds: readonly number[], context: PlanContext): number[] {
  const tokens = followers(context);
  if (context !== "start") {
    return tokens.map((token) => planTokens.indexOf(token));
  }
  const offered = planTools.filter((tool) => featureIds.includes(toolFeature.get(tool) ?? -1));
  return (offered.length === 0 ? ["python_coder" as const] : offered).map((token) => planTokens.indexOf(token));
}

/** Logits of the tokens that may follow, before temperature. */
export function logits(
  weights: OfflineWeights,
  featureIds: readonly number[],
  context: PlanContext,
): { token: number; logit: number }[] {
  return allowedTokens(featureIds, context).map((token) => {
    const index = rowOf(context, token);
    const row = index === null ? [] : (weights.rows[index] ?? []);
    const seen = featureIds.filter((id) => index !== null && sees(index, id));
    return { token, logit: seen.reduce((sum, id) => sum + (row[id] ?? 0), 0) };
  });
}

/** The choices that can be sampled after `prefix`, most likely first (ties: lower id); empty where a plan has ended. */
export function distribution(
  weights: OfflineWeights,
  featureIds: readonly number[],
  prefix: readonly number[],
  sampling: PlanSampling,
): Choice[] {
  const context = contextOf(prefix);
  if (context === null) {
    return [];
  }
  const scored = logits(weights, featureIds, context).toSorted((a, b) => b.logit - a.logit || a.token - b.token);
  const [best] = scored;
  if (best === undefined) {
    return [];
  }
  if (sampling.temperature <= 0) {
    return [{ token: best.token, logProb: 0 }];
  }
  const scaled = scored.map(({ token, logit }) => ({ token, logProb: (logit - best.logit) / sampling.temperature }));
  return nucleus(normalise(scaled), sampling.topP);
}

function normalise(choices: readonly Choice[]): Choice[] {
  const total = Math.log(choices.reduce((sum, { logProb }) => sum + Math.exp(logProb), 0));
  return choices.map(({ token, logProb }) => ({ token, logProb: logProb - total }));
}

/** The smallest set of most likely tokens that holds `topP` of the probability, renormalised. */
function nucleus(choices: readonly Choice[], topP: number): Choice[] {
  let held = 0;
  const kept: Choice[] = [];
  for (const choice of choices) {
    if (held >= topP && kept.length > 0) {
      break;
    }
    kept.push(choice);
    held += Math.exp(choice.logProb);
  }
  return kept.length === choices.length ? [...choices] : normalise(renormalisable(kept));
}

/** Shifts the largest to 0 first, so that the normalising sum is at least 1 and no log-prob exceeds 0. */
function renormalisable(choices: readonly Choice[]): Choice[] {
  const most = choices[0]?.logProb ?? 0;
  return choices.map(({ token, logProb }) => ({ token, logProb: logProb - most }));
}

/**
 * Log-prob of each token given those before it, in nats, as the engine reports them; -Infinity for a token that could
 * not have been sampled. Greedy decoding (temperature 0) chooses with certainty: 0 for its choice.
 */
export function logProbs(
  weights: OfflineWeights,
  featureIds: readonly number[],
  tokenIds: readonly number[],
  sampling: PlanSampling,
): number[] {
  return tokenIds.map((token, index) => {
    const choices = distribution(weights, featureIds, tokenIds.slice(0, index), sampling);
    return choices.find((choice) => choice.token === token)?.logProb ?? -Infinity;
  });
}

/** Samples a plan, at most `maxTokens` of it. Each place takes one number of `random`, even where one token is left. */
export function samplePlan(
  weights: OfflineWeights,
  featureIds: readonly number[],
  sampling: PlanSampling,
  random: Random,
  maxTokens = 4,
): Choice[] {
  const chosen: Choice[] = [];
  while (chosen.length < maxTokens && chosen.at(-1)?.token !== endToken) {
    const prefix = chosen.map(({ token }) => token);
    const choice = draw(distribution(weights, featureIds, prefix, sampling), random.next());
    if (choice === null) {
      break;
    }
    chosen.push(choice);
  }
  return chosen;
}

function draw(choices: readonly Choice[], uniform: number): Choice | null {
  let left = uniform;
  for (const choice of choices) {
    left -= Math.exp(choice.logProb);
    if (left < 0) {
      return choice;
    }
  }
  // Rounding may leave a sliver; it belongs to the most likely token, whose probability it cannot change visibly.
  return choices[0] ?? null;
}
