// Loss weights: what one token of a planner's turn weighs in the paper's Eq. 5, 1/(G T |a|) with G the group's valid
// rollouts, T all turns of the rollout and |a| the turn's sampled tokens. Where ids are missing there is no weight:
// none is guessed from the text.

/** What a rollout's weights depend on. */
export interface WeighedRollout {
  readonly valid: boolean;
  /** Sampled tokens of each turn; null where the server gave no ids. */
  readonly turnTokens: readonly (number | null)[];
}

/** Per rollout and turn, the weight of each of the turn's tokens: null without ids or validity, 0 for an empty reply. */
export function lossWeights(rollouts: readonly WeighedRollout[]): readonly (readonly (number | null)[])[] {
  const validRollouts = rollouts.filter(({ valid }) => valid).length;
  return rollouts.map(({ valid, turnTokens }) =>
    turnTokens.map((tokens) => (valid ? lossWeight(validRollouts, turnTokens.length, tokens) : null)),
  );
}

/** `validRollouts` and `turns` are at least 1. */
export function lossWeight(validRollouts: number, turns: number, tokens: number | null): number | null {
  if (tokens === null) {
    return null;
  }
  return tokens === 0 ? 0 : 1 / (validRollouts * turns * tokens);
}
