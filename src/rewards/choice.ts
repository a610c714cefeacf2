// Multiple choice: 1 where the answer picks the gold option, whether it says its letter or its content. An answer that
// names two options, or a letter with another option's content, picks none. It does not score choices of several.
// Accuracy as of GPQA and MedQA, on which the paper tests; by which words a pick is known is our own rule.

import { err, ok, type Result } from "../lib/result.ts";
import { boxedAnswer } from "./final-answer.ts";
import { optionsOf, type Pick, readPick } from "./read-pick.ts";
import { hitOrMiss, type Outcome, readGold, type Reward, type RewardError } from "./reward.ts";
import type { ChoiceReward } from "./reward-spec.ts";
import { normalizeAnswer } from "./normalize-answer.ts";

export function choiceReward(spec: ChoiceReward, { answer, answers, query }: Outcome): Result<Reward, RewardError> {
  const options = (spec.options ?? optionsOf(query)).map(normalizeAnswer);
  if (new Set(options).size < options.length) {
    return err({ code: "bad_spec", detail: "two options are the same after normalisation" });
  }
  const gold = readGold(answers, "the letter or the content of an option", (text) => readGoldPick(text, options));
  if (!gold.ok) {
    return gold;
  }
  const given = readPick(boxedAnswer(answer), options);
  return ok(hitOrMiss("choice", given !== null && gold.value.some((wanted) => isSame(given, wanted))));
}

/** With options "B" and "A" in this order a gold "A" may be meant as either, so it is not guessed. */
function readGoldPick(text: string, options: readonly string[]): Pick | null {
  const pick = readPick(text, options);
  const content = options.indexOf(normalizeAnswer(text));
  const isAmbiguous = pick !== null && content !== -1 && pick.index !== null && pick.index !== content;
  return isAmbiguous || (options.length > 0 && pick?.index === null) ? null : pick;
}

/** Letters decide where both have one, unless their contents differ; else contents do. */
function isSame(given: Pick, gold: Pick): boolean {
  if (given.index !== null && gold.index !== null) {
    const differ = given.content !== null && gold.content !== null && given.content !== gold.content;
    return given.index === gold.index && !differ;
  }
  return given.content !== null && given.content === gold.content;
}
