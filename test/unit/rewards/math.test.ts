// Mathematical equivalence in the notations that models use.

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { reward } from "./support.ts";

const score = (answer: string, gold: string): number => reward({ kind: "math" }, answer, [gold]).value;

describe("math", () => {
  it.each([
    ["1/2", "0.5"],
    ["50\\%", "\\frac12"],
    ["\\dfrac{3}{6}", "\\tfrac{1}{2}"],
    ["\\boxed{2\\sqrt{2}}", "\\sqrt{8}"],
    ["sqrt(8)", "2√2"],
    ["\\frac{1}{\\sqrt{2}}", "\\frac{\\sqrt2}{2}"],
    ["\\sqrt[3]{27}", "3"],
    ["2^{10}", "1{,}024"],
    ["1,024", "1024"],
    ["3\\frac{1}{2}", "7/2"],
    ["-1 1/2", "-1.5"],
    ["90^\\circ", "90"],
    ["2\\cdot 3\\pi", "6\\pi"],
    ["x = 5", "5"],
    ["$x=5$.", "x=5"],
    ["The answer is $\\frac{1}{3}$.", "1/3"],
    ["So the answer is 42.", "42"],
    ["(x+1)^2", "x^2 + 2x + 1"],
    ["b+a", "a+b"],
    ["\\left(1, -2\\right)", "(1,-2)"],
    ["[0, \\frac{1}{2})", "[0,0.5)"],
    ["(-\\infty, 2] \\cup [3, \\infty)", "[3,∞)∪(−∞,2]"],
    ["\\{2, 1\\}", "\\{1,2\\}"],
    ["1, 2", "2,1"],
    ["5 \\text{ cm}", "5"],
    ["\\text{Even}", "even"],
    ["\\ln 2 + 1", "1+\\ln(2)"],
    ["1.4142135623730951", "\\sqrt{2}"],
    ["5!", "120"],
    ["\\binom{5}{2}", "10"],
    ["|{-3}|", "3"],
    ["3+4i", "4i+3"],
    ["\\emptyset", "\\{\\}"],
    ["2 ** 3", "8"],
    ["y = 2x + 1", "2x+1"],
  ])("%j equals %j", (answer, gold) => {
    expect(score(answer, gold)).toBe(1);
    expect(score(gold, answer)).toBe(1);
  });

  it.each([
    ["The answer is 3.", "13"],
    ["13", "3"],
    ["", "0"],
    ["do not know", "0"],
    ["1.414", "\\sqrt{2}"],
    ["50", "50\\%"],
    ["(1,2)", "(2,1)"],
    ["(0,1]", "[0,1]"],
    ["\\{1,2\\}", "\\{1,2,2\\}"],
    ["\\{1,1\\}", "\\{1,2\\}"],
    ["x", "|x|"],
    ["\\sqrt{x^2}", "x"],
    ["even", "neve"],
    ["-2^2", "4"],
    ["1/0", "2/0"],
    ["3 4", "12"],
    ["x^2", "x^3"],
    ["10^{1000000000}", "1"],
    ["\\infty", "-\\infty"],
    ["\\sin(1)", "\\cos(1)"],
    ["0.333", "1/3"],
  ])("%j does not equal %j", (answer, gold) => {
    expect(score(answer, gold)).toBe(0);
    expect(score(gold, answer)).toBe(0);
  });

  it("agrees with fractions calculated otherwise", () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1 }), fc.integer({ min: 1, max: 999 }), (top, bottom, factor) => {
        expect(score(`\\frac{${top * factor}}{${bottom * factor}}`, `${top}/${bottom}`)).toBe(1);
        expect(score(`${top + 1}/${bottom}`, `${top}/${bottom}`)).toBe(0);
      }),
    );
  });

  it("takes a square out of a root and no other number", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: 2, max: 10_000 }), (a, b) => {
        expect(score(`\\sqrt{${a * a * b}}`, `${a}\\sqrt{${b}}`)).toBe(1);
        expect(score(`\\sqrt{${a * a * b + 1}}`, `${a}\\sqrt{${b}}`)).toBe(0);
      }),
    );
  });
});
