// Scores one answer, for tables of cases. A spec goes through its schema first, as a caller's does.

import type * as z from "zod";
import { PureRewardSpec } from "../../../src/rewards/reward-spec.ts";
import type { Reward } from "../../../src/rewards/reward.ts";
import { scoreAnswer } from "../../../src/rewards/score.ts";

export type SpecInput = z.input<typeof PureRewardSpec>;

export function reward(input: SpecInput, answer: string, gold: readonly string[] = [], query = ""): Reward {
  const scored = scoreAnswer(PureRewardSpec.parse(input), { answer, answers: gold, query });
  if (!scored.ok) {
    throw new Error(`${scored.error.code}: ${scored.error.detail}`);
  }
  return scored.value;
}

export function errorCode(input: SpecInput, answer: string, gold: readonly string[] = []): string {
  const scored = scoreAnswer(PureRewardSpec.parse(input), { answer, answers: gold, query: "" });
  return scored.ok ? "none" : scored.error.code;
}
