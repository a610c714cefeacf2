// Game of 24 and its like: every number once, the exact value, and no way around either.

import { describe, expect, it } from "vitest";
import { reward } from "./support.ts";

function score(answer: string, numbers = [1, 2, 3, 4], target = 24): number {
  return reward({ kind: "expression", target, numbers }, answer).value;
}

describe("expression", () => {
  it.each([
    ["(1+2+3)×4", undefined],
    ["( 1 + 2 + 3 ) * 4 = 24", undefined],
    ["The answer is (1 + 2 + 3) × 4 = 24.", undefined],
    ["\\boxed{(1+2+3)\\times4}", undefined],
    ["**(3 + 1 + 2) x 4**", undefined],
    ["4*3*2/1", undefined],
    ["8 ÷ (3 − 8/3)", [3, 3, 8, 8]],
    ["\\frac{8}{3-\\frac{8}{3}}", [3, 3, 8, 8]],
    ["First 1+2 = 3. Then: (1+2+3)*4", undefined],
    ["24", [24]],
    ["12 * -(-2)", [12, 2]],
    ["1.5*16", [1.5, 16]],
  ])("accepts %j", (answer, numbers) => {
    expect(score(answer, numbers)).toBe(1);
  });

  it.each([
    ["24", undefined],
    ["(1+2+3)*4*1", undefined],
    ["1*2*3*4 + 0", undefined],
    ["12+12", undefined],
    ["(1+2+3)*4 = 25", undefined],
    ["4*3*2", undefined],
    ["(1+2+3)*4)", undefined],
    ["12*2", [1, 2, 2]],
    ["4!*1", [4, 1]],
    ["2**3*3", [2, 3, 3]],
    ["8/(3-9/3)", [8, 3, 9, 3]],
    ["", undefined],
    ["There is none", undefined],
    ["(1+2+3)*4 or (1+2)*3*4", undefined],
  ])("refuses %j", (answer, numbers) => {
    expect(score(answer, numbers)).toBe(0);
  });
});
