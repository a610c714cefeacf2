// Exact match of SQuAD: 1 where the final answer and a gold answer are the same after normalisation, else 0.

import { ok, type Result } from "../lib/result.ts";
import { finalAnswer } from "./final-answer.ts";
import { normalizeAnswer } from "./normalize-answer.ts";
import { hitOrMiss, type Outcome, readGold, type Reward, type RewardError } from "./reward.ts";

export function exactReward({ answer, answers }: Outcome): Result<Reward, RewardError> {
  const gold = readGold(answers, "a text", normalizeAnswer);
  return gold.ok ? ok(hitOrMiss("exact", gold.value.includes(normalizeAnswer(finalAnswer(answer))))) : gold;
}
