// Statistics of a group's rewards, in float64. A mean and a deviation are made so that equal values have exactly their
// value and exactly 0, and so that no square overflows or vanishes; they refuse nothing but values that are not finite.

/** A value and how often it counts: once a rollout, or once for each of its turns. */
export interface Weighted {
  readonly value: number;
  readonly count: number;
}

export interface Spread {
  readonly mean: number;
  /** Square root of the mean squared deviation, with divisor N. */
  readonly stdN: number;
  /** With divisor N-1; null for one value. */
  readonly stdN1: number | null;
  readonly count: number;
}

/** Null where nothing counts. */
export function spreadOf(values: readonly Weighted[]): Spread | null {
  const counted = values.filter(({ count }) => count > 0);
  const count = counted.reduce((sum, item) => sum + item.count, 0);
  const [first] = counted;
  if (first === undefined) {
    return null;
  }
  if (counted.every(({ value }) => value === first.value)) {
    return { mean: first.value, stdN: 0, stdN1: count > 1 ? 0 : null, count };
  }
  const mean = meanOf(counted, count);
  const deviations = counted.map(({ value }) => Math.abs(value - mean));
  const largest = Math.max(...deviations);
  // In units of the largest deviation, so that rewards of 1e-200 or 1e200 have a deviation too.
  const squares = counted.reduce((sum, item, index) => sum + item.count * ((deviations[index] ?? 0) / largest) ** 2, 0);
  return {
    mean,
    stdN: largest * Math.sqrt(squares / count),
    stdN1: count > 1 ? largest * Math.sqrt(squares / (count - 1)) : null,
    count,
  };
}

/** Neumaier's sum keeps what each addition rounds away, so that the deviations sum to 0 as nearly as they can. */
function meanOf(values: readonly Weighted[], count: number): number {
  let sum = 0;
  let lost = 0;
  for (const item of values) {
    const term = item.value * item.count;
    const next = sum + term;
    lost += Math.abs(sum) >= Math.abs(term) ? sum - next + term : term - next + sum;
    sum = next;
  }
  return (sum + lost) / count;
}

/** The rewards of a group's valid rollouts, as its row has them; null where they have none. */
export interface RewardStats {
  readonly mean: number | null;
  readonly stdN: number | null;
  readonly stdN1: number | null;
  /** Share with a reward of at least `passAt`. */
  readonly passRate: number | null;
}

export function rewardStats(rewards: readonly number[], passAt: number): RewardStats {
  const spread = spreadOf(rewards.map((value) => ({ value, count: 1 })));
  return spread === null
    ? { mean: null, stdN: null, stdN1: null, passRate: null }
    : {
        mean: spread.mean,
        stdN: spread.stdN,
        stdN1: spread.stdN1,
        passRate: rewards.filter((reward) => reward >= passAt).length / rewards.length,
      };
}
