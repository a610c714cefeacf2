// Adam (Kingma and Ba 2015, algorithm 1) over a flat array of weights. Its state is a value that the caller keeps
// from step to step; a gradient of zeros leaves untouched weights bit for bit as they are.

export interface AdamOptions {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

/**
 * For the offline planner. Under the usual epsilon of 1e-8 every weight moves by the learning rate whatever its
 * gradient, so that weights of rare features take up chance; this one lets small gradients be small steps.
 */
export const defaultAdam: AdamOptions = { learningRate: 0.4, beta1: 0.9, beta2: 0.999, epsilon: 5e-4 };

export interface AdamState {
  /** Steps taken. */
  readonly steps: number;
  /** Running mean of the gradient, and of its square. */
  readonly mean: Float64Array;
  readonly square: Float64Array;
}

export function newAdam(size: number): AdamState {
  return { steps: 0, mean: new Float64Array(size), square: new Float64Array(size) };
}

export interface AdamStep {
  readonly weights: Float64Array;
  readonly state: AdamState;
}

/** One step downhill; the arguments stay as they were. */
export function adamStep(
  weights: Float64Array,
  gradient: Float64Array,
  { steps, mean, square }: AdamState,
  options: AdamOptions = defaultAdam,
): AdamStep {
  const { learningRate, beta1, beta2, epsilon } = options;
  const step = steps + 1;
  const nextMean = mean.map((value, at) => beta1 * value + (1 - beta1) * (gradient[at] ?? 0));
  const nextSquare = square.map((value, at) => beta2 * value + (1 - beta2) * (gradient[at] ?? 0) ** 2);
  const [fade, fadeSquare] = [1 - beta1 ** step, 1 - beta2 ** step];
  const next = weights.map((value, at) => {
    const m = (nextMean[at] ?? 0) / fade;
    const v = (nextSquare[at] ?? 0) / fadeSquare;
    return value - (learningRate * m) / (Math.sqrt(v) + epsilon);
  });
  return { weights: next, state: { steps: step, mean: nextMean, square: nextSquare } };
}
