// What the tests of views share: all lines of a view, and a small policy whose log-probs and gradient are known.

import type { RowSource } from "../../../src/training/views/row-source.ts";
import { toLineStream } from "../../../src/training/views/line-stream.ts";
import { openView, type View, type ViewRequest } from "../../../src/training/views/view.ts";

export interface ReadView {
  readonly leftOut: View["leftOut"];
  readonly lines: readonly unknown[];
}

/** Through the byte stream, as a caller gets it. */
export async function readView(source: RowSource, request: ViewRequest): Promise<ReadView> {
  const { leftOut, rows } = await openView(source, request);
  const text = await new Response(toLineStream(rows)).text();
  const lines = text.split("\n");
  if (lines.pop() !== "") {
    throw new Error("the last line is not ended");
  }
  return { leftOut, lines: lines.map((line): unknown => JSON.parse(line)) };
}

/** One sampled token: what stood before it, what was sampled, and what the trainer is told of it. */
export interface SampledToken {
  readonly previous: number;
  readonly id: number;
  readonly oldLogprob: number;
  readonly advantage: number;
}

export interface LossAndGradient {
  readonly loss: number;
  readonly gradient: Float64Array;
}

/** Ids are below this. */
export const vocabulary = 12;

/** logits[previous][id]: a token depends on the one before it, so that a shift by one changes every number. */
export function plannedWeights(): Float64Array {
  return Float64Array.from({ length: vocabulary ** 2 }, (_, index) => Math.sin(index * 1.7) * 0.8);
}

function logSoftmax(weights: Float64Array, previous: number): number[] {
  const logits = Array.from({ length: vocabulary }, (_, id) => weights[previous * vocabulary + id] ?? 0);
  const largest = Math.max(...logits);
  const norm = largest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0));
  return logits.map((logit) => logit - norm);
}

/** Log-probs of replies near this policy's, some of them so far off that they are clipped. */
export function nearbyLogprobs(prompt: readonly number[], reply: readonly number[]): number[] {
  const weights = plannedWeights();
  const whole = [...prompt, ...reply];
  return reply.map((id, index) => {
    const logprob = logSoftmax(weights, whole[prompt.length + index - 1] ?? 0)[id] ?? 0;
    return Math.min(-1e-3, logprob + Math.sin(id * 5 + index) * 0.4);
  });
}

export const clip = { low: 0.2, high: 0.3 };

/** The clipped surrogate min(ratio A, clip(ratio) A) of one token, and its slope in the token's new log-prob. */
export function surrogate(token: SampledToken, newLogprob: number): { value: number; slope: number } {
  const ratio = Math.exp(newLogprob - token.oldLogprob);
  const bounded = Math.min(Math.max(ratio, 1 - clip.low), 1 + clip.high);
  const isClipped = bounded * token.advantage < ratio * token.advantage;
  return {
    value: Math.min(ratio * token.advantage, bounded * token.advantage),
    slope: isClipped ? 0 : ratio * token.advantage,
  };
}

/** The loss -sum of weight times surrogate, where a reduction is no more than its weights. */
export function weightedLoss(tokens: readonly { token: SampledToken; weight: number }[]): LossAndGradient {
  const weights = plannedWeights();
  const gradient = new Float64Array(weights.length);
  let loss = 0;
  for (const { token, weight } of tokens) {
    const logprobs = logSoftmax(weights, token.previous);
    const { value, slope } = surrogate(token, logprobs[token.id] ?? 0);
    loss -= weight * value;
    for (const [id, logprob] of logprobs.entries()) {
      const at = token.previous * vocabulary + id;
      gradient[at] = (gradient[at] ?? 0) - weight * slope * ((id === token.id ? 1 : 0) - Math.exp(logprob));
    }
  }
  return { loss, gradient };
}
