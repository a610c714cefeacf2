// 1 where the answer is an expression that uses each given number exactly once, with + - * / and round brackets only,
// and equals the target exactly (Game of 24, as Tree of Thoughts scores it, arXiv 2305.10601). Gold answers are not
// looked at: any right expression counts.

import { evaluateExpression, type Evaluated, maxExpressionLength, usesEach } from "../lib/exact-expression.ts";
import { compareFractions, decimalFraction } from "../lib/fraction.ts";
import { err, ok, type Result } from "../lib/result.ts";
import { boxedAnswer } from "./final-answer.ts";
import { hitOrMiss, type Outcome, type Reward, type RewardError } from "./reward.ts";
import type { ExpressionReward } from "./reward-spec.ts";

/** The expression stands at the end of an answer with words in it. */
const maxTail = 4096;

export function expressionReward(spec: ExpressionReward, { answer }: Outcome): Result<Reward, RewardError> {
  const target = decimalFraction(String(spec.target));
  const numbers = spec.numbers.map((number) => decimalFraction(String(number)));
  const given = numbers.filter((number) => number !== null);
  if (target === null || given.length < numbers.length) {
    return err({ code: "bad_spec", detail: "a number or the target is out of range" });
  }
  const found = findExpression(plainText(boxedAnswer(answer).slice(-maxTail)), given.length);
  const hit = found !== null && usesEach(found, given) && compareFractions(found.value, target) === 0n;
  return ok(hitOrMiss("expression", hit));
}

function plainText(text: string): string {
  return withoutFractions(text)
    .replaceAll(/\\(?:left|right)(?=[()[\]])/g, "")
    .replaceAll(/\\times|\\cdot|[×⋅·∙✕✖]/g, "*")
    .replaceAll(/\\div|[÷∕]/g, "/")
    .replaceAll(/[−–—]/g, "-")
    .replaceAll(/(?<=[\d)])\s*[xX]\s*(?=[\d(])/g, "*")
    .replaceAll(/\\[()[\]]|[$`]|\*\*(?=\s|[.,;:!]|$)|(?<=^|\s)\*\*/g, " ");
}

/** The innermost first, so that a few rounds are enough for any that people write. */
function withoutFractions(text: string): string {
  let plain = text;
  for (let round = 0; round < 4; round += 1) {
    plain = plain.replaceAll(/\\[dtc]?frac\s*\{([^{}]{1,200})\}\s*\{([^{}]{1,200})\}/g, "(($1)/($2))");
  }
  return plain;
}

/**
 * The last stretch of digits, operators and brackets that is an expression of two numbers or more (of one, where one is
 * given). Of "a = b" the left side counts, and b must have its value: "(1+2)*8 = 25" is a mistake, not an answer.
 */
function findExpression(text: string, count: number): Evaluated | null {
  const stretches = text.match(/[\d(-][\d\s.+*/()=-]*/g) ?? [];
  for (const stretch of stretches.toReversed()) {
    const found = readEquation(stretch);
    if (found !== null && found.numbers.length >= Math.min(2, count)) {
      return found;
    }
  }
  return null;
}

function readEquation(stretch: string): Evaluated | null {
  const [left = "", right, ...more] = stretch
    .trim()
    .replace(/[.\s=-]+$/, "")
    .split("=");
  if (more.length > 0 || stretch.length > 2 * maxExpressionLength) {
    return null;
  }
  const value = evaluateExpression(left);
  const said = right === undefined ? value : evaluateExpression(right);
  return value !== null && said !== null && compareFractions(value.value, said.value) === 0n ? value : null;
}
