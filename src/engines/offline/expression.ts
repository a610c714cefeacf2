// How the verifier checks a target puzzle: by working the expression out, exactly. It searches nothing and corrects
// nothing.

import { evaluateExpression, usesEach } from "../../lib/exact-expression.ts";
import { compareFractions, decimalFraction } from "../../lib/fraction.ts";

/** Whether the expression uses each of the numbers once and has the target's value. */
export function reachesTarget(expression: string, numbers: readonly string[], target: string): boolean {
  const evaluated = evaluateExpression(expression);
  const goal = decimalFraction(target);
  const given = numbers.flatMap((text) => decimalFraction(text) ?? []);
  if (evaluated === null || goal === null || given.length < numbers.length) {
    return false;
  }
  return usesEach(evaluated, given) && compareFractions(evaluated.value, goal) === 0n;
}
