// The Flow-GRPO objective (the paper's Eq. 5, DESIGN section 6) and its gradient for the offline planner, whose
// policy is a masked linear softmax: pure functions in double precision of a dataset's tokens and three sets of
// weights, of which the sampling ones appear only as the log-probs that the dataset holds.

import { sees } from "../../engines/offline/policy/sight.ts";
import type { PlanToken } from "./plan-token.ts";
import { rowWidth } from "./weight-table.ts";

export interface ObjectiveOptions {
  /** How far the ratio may fall before it is clipped. */
  readonly clipLow: number;
  /** How far it may rise; wider, so that unlikely plans can become likely ("clip higher"). */
  readonly clipHigh: number;
  /** Weight of the divergence from the reference policy. */
  readonly beta: number;
}

/** DESIGN section 6. */
export const defaultObjective: ObjectiveOptions = { clipLow: 0.2, clipHigh: 0.3, beta: 0.001 };

export interface LearnBatch {
  readonly tokens: readonly PlanToken[];
  /** B: groups with advantages, zero-variance ones included. */
  readonly groups: number;
}

export interface Objective {
  /** L, to be made small. */
  readonly loss: number;
  /** dL/dw, in the layout of the weights' table. */
  readonly gradient: Float64Array;
  /** Share of the sampled choices whose ratio was clipped, so that they had no say but for the divergence. */
  readonly clipFraction: number;
  /** Mean over the sampled choices of the k3 estimate of the divergence from the reference, in nats. */
  readonly divergence: number;
}

export function objective(
  { tokens, groups }: LearnBatch,
  weights: Float64Array,
  reference: Float64Array,
  options: ObjectiveOptions = defaultObjective,
): Objective {
  const gradient = new Float64Array(weights.length);
  const total = { loss: 0, clipped: 0, divergence: 0, choices: 0 };
  for (const token of tokens) {
    const logProbs = logSoftmax(token, weights);
    // Where a single token could follow there are no rows, and it was certain.
    const newLogProb = logProbs[token.chosen] ?? 0;
    const gap = (logSoftmax(token, reference)[token.chosen] ?? 0) - newLogProb;
    const k3 = Math.exp(gap) - gap - 1;
    const ratio = Math.exp(newLogProb - token.oldLogProb);
    const bounded = Math.min(Math.max(ratio, 1 - options.clipLow), 1 + options.clipHigh);
    const isClipped = bounded * token.advantage < ratio * token.advantage;
    const gain = Math.min(ratio * token.advantage, bounded * token.advantage);
    const scale = -token.lossWeight / groups;
    total.loss += scale * (gain - options.beta * k3);
    // d(gain)/d(log-prob) is ratio * A, or nothing where it is clipped; d(k3)/d(log-prob) is 1 - exp(gap).
    const slope = (isClipped ? 0 : ratio * token.advantage) - options.beta * (1 - Math.exp(gap));
    addGradient(gradient, token, logProbs, scale * slope);
    if (token.rows.length > 0) {
      total.choices += 1;
      total.clipped += isClipped ? 1 : 0;
      total.divergence += k3;
    }
  }
  const mean = (sum: number) => (total.choices === 0 ? 0 : sum / total.choices);
  return { loss: total.loss, gradient, clipFraction: mean(total.clipped), divergence: mean(total.divergence) };
}

/** Log-probs of the token's rows; shifted by the largest logit, so that none overflows. */
function logSoftmax({ rows, featureIds, temperature }: PlanToken, weights: Float64Array): number[] {
  const logits = rows.map((row) => {
    const start = row * rowWidth;
    let sum = 0;
    for (const id of featureIds) {
      sum += sees(row, id) ? (weights[start + id] ?? 0) : 0;
    }
    return sum / temperature;
  });
  const most = Math.max(...logits);
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0);
  return logits.map((logit) => logit - most - Math.log(total));
}

/** d(log-prob of the chosen)/d(weight of a row and an active feature) = ([row is chosen] - its probability) / temperature. */
function addGradient(
  gradient: Float64Array,
  { rows, chosen, featureIds, temperature }: PlanToken,
  logProbs: readonly number[],
  slope: number,
): void {
  if (slope === 0) {
    return;
  }
  for (const [index, row] of rows.entries()) {
    const step = (slope * ((index === chosen ? 1 : 0) - Math.exp(logProbs[index] ?? 0))) / temperature;
    for (const id of featureIds) {
      if (sees(row, id)) {
        const at = row * rowWidth + id;
        gradient[at] = (gradient[at] ?? 0) + step;
      }
    }
  }
}
