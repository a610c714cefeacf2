// Expressions of number puzzles: what they are worth, what they use, and what is none.

import { describe, expect, it } from "vitest";
import { evaluateExpression, maxExpressionLength, usesEach } from "../../../src/lib/exact-expression.ts";
import { decimalFraction } from "../../../src/lib/fraction.ts";

describe("an expression", () => {
  it("is worked out exactly, with precedence and brackets", () => {
    expect(evaluateExpression("8/(3-8/3)")?.value).toEqual({ top: 24n, bottom: 1n });
    expect(evaluateExpression("1-2-3")?.value).toEqual({ top: -4n, bottom: 1n });
    expect(evaluateExpression("2+3*4.50")?.numbers).toEqual([
      { top: 2n, bottom: 1n },
      { top: 3n, bottom: 1n },
      { top: 9n, bottom: 2n },
    ]);
  });

  it.each(["", "1+", "(1", "1)", "1/0", "2**3", "a", "1 2", "constructor"])("is none: %j", (text) => {
    expect(evaluateExpression(text)).toBeNull();
  });

  it("is not read beyond its longest", () => {
    expect(evaluateExpression("1+".repeat(149) + "1")?.value).toEqual({ top: 150n, bottom: 1n });
    expect(evaluateExpression("(".repeat(maxExpressionLength + 1))).toBeNull();
  });

  it("uses each given number where the two are the same, whatever their order and sign", () => {
    const uses = (text: string, given: readonly string[]) => {
      const evaluated = evaluateExpression(text);
      return (
        evaluated !== null &&
        usesEach(
          evaluated,
          given.flatMap((number) => decimalFraction(number) ?? []),
        )
      );
    };
    expect(uses("(3+3)*0.5", ["0.50", "-3", "3"])).toBe(true);
    expect(uses("3*3", ["3"])).toBe(false);
    expect(uses("3", ["3", "3"])).toBe(false);
  });
});
