// What a trainer does with one dataset: several full-batch Adam steps on the Flow-GRPO objective. The first is taken
// at the weights that sampled the dataset; from the second on ratios differ from 1 and the clip can act.

import { type AdamOptions, type AdamState, adamStep, defaultAdam } from "./adam.ts";
import { defaultObjective, type LearnBatch, objective, type ObjectiveOptions } from "./objective.ts";

export interface ImproveOptions {
  readonly steps: number;
  readonly objective: ObjectiveOptions;
  readonly adam: AdamOptions;
}

export const defaultImprove: ImproveOptions = { steps: 4, objective: defaultObjective, adam: defaultAdam };

export interface StepReport {
  readonly loss: number;
  readonly clipFraction: number;
  readonly divergence: number;
}

export interface Improved {
  readonly weights: Float64Array;
  readonly adam: AdamState;
  /** One a step, as it was before the step was taken. */
  readonly steps: readonly StepReport[];
}

export function improve(
  batch: LearnBatch,
  start: { readonly weights: Float64Array; readonly adam: AdamState },
  reference: Float64Array,
  options: ImproveOptions = defaultImprove,
): Improved {
  let { weights, adam } = start;
  const steps: StepReport[] = [];
  // Without a group there is nothing to average over, and nothing is learnt.
  while (batch.groups > 0 && steps.length < options.steps) {
    const { gradient, ...report } = objective(batch, weights, reference, options.objective);
    steps.push(report);
    ({ weights, state: adam } = adamStep(weights, gradient, adam, options.adam));
  }
  return { weights, adam, steps };
}
