// Mathematical equivalence: 1 where the answer and a gold answer have the same value, whatever the notation (fractions,
// radicals, percent, LaTeX, order of terms). After MATH's and Minerva's graders, but exact: no rounding and no eval.

import { ok, type Result } from "../lib/result.ts";
import { boxedAnswer, finalAnswer } from "./final-answer.ts";
import { isSameMath, type MathValue, readMath } from "./math/math-value.ts";
import { hitOrMiss, type Outcome, readGold, type Reward, type RewardError } from "./reward.ts";

/** The answer stands at the end of a longer reply. */
const maxTail = 4096;
const cue = /\banswer\s*(?:is|:|=)\s*:?/gi;

export function mathReward({ answer, answers }: Outcome): Result<Reward, RewardError> {
  const gold = readGold(answers, "a text", (text) => readMath(statedAnswer(text)));
  if (!gold.ok) {
    return gold;
  }
  const given: MathValue = readMath(statedAnswer(answer));
  return ok(
    hitOrMiss(
      "math",
      gold.value.some((wanted) => isSameMath(given, wanted)),
    ),
  );
}

/** The box; else what follows the last "answer is" in its sentence; else all. Of that the `$…$`, if there is one. */
function statedAnswer(text: string): string {
  const boxed = boxedAnswer(text);
  if (boxed !== finalAnswer(text)) {
    return boxed;
  }
  const tail = boxed.slice(-maxTail).replaceAll(/(?<![\w)])\*\*(?=\S)([^*\n]+)\*\*(?!\w)/g, "$1");
  const last = [...tail.matchAll(cue)].at(-1);
  const rest = last === undefined ? tail : tail.slice(last.index + last[0].length).trim();
  const said = last === undefined ? tail : (rest.split(/\n|\.\s/, 1)[0] ?? rest);
  const [, span, ...more] = said.split("$");
  return span !== undefined && span.trim() !== "" && more.length === 1 ? span : said;
}
