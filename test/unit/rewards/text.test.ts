// Exact match and F1, and which part of a reply they read.

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boxedAnswer, finalAnswer } from "../../../src/rewards/final-answer.ts";
import { normalizeAnswer } from "../../../src/rewards/normalize-answer.ts";
import { errorCode, reward } from "./support.ts";

describe("the final answer", () => {
  it.each([
    ["the last <answer>", "<answer>Rome</answer> no: <ANSWER> Paris </ANSWER>", "Paris"],
    ["the whole text without tags", "  Paris \n", "Paris"],
    ["the whole text where the tag is not closed", "<answer>Paris", "<answer>Paris"],
    ["nothing where the tag is empty", "Paris <answer></answer>", ""],
    ["the whole text where only the end is there", "Paris</answer>", "Paris</answer>"],
    ["İ, which lower case makes longer, moves nothing", "İİİ<answer>x</answer>", "x"],
  ])("is %s", (_, text, wanted) => {
    expect(finalAnswer(text)).toBe(wanted);
  });

  it.each([
    ["\\boxed{1} or \\boxed{\\frac{1}{2}}", "\\frac{1}{2}"],
    ["\\boxed{\\{1, 2\\}}", "\\{1, 2\\}"],
    ["\\boxed{a \\boxed{b} c}", "a \\boxed{b} c"],
    ["\\boxed{open", "\\boxed{open"],
    ["<answer>\\boxed{2}</answer> \\boxed{3}", "2"],
  ])("is the last box of %j", (text, wanted) => {
    expect(boxedAnswer(text)).toBe(wanted);
  });
});

describe("exact", () => {
  it.each([
    ["The Beatles!", "beatles"],
    ["Let’s Make Money", "let's make money"],
    ["<answer>David   Dinkins.</answer>", "David Dinkins"],
    ["Gu\u0308lc\u0327ic\u0327ek Hatun", "Gülçiçek Hatun"],
    ["A", "a"],
    ["été a Paris", "été Paris"],
  ])("%j matches %j", (answer, gold) => {
    expect(reward({ kind: "exact" }, answer, ["something else", gold])).toEqual({
      value: 1,
      kind: "exact",
      components: { exact: 1 },
    });
  });

  it.each([
    ["The answer is 3.", "13"],
    ["13", "3"],
    ["I do not know", "know"],
    ["", "Paris"],
    ["the", "a"],
    ["theatre", "atre"],
    ["éa", "é"],
  ])("%j does not match %j", (answer, gold) => {
    expect(reward({ kind: "exact" }, answer, [gold]).value).toBe(0);
  });

  it("is symmetric, and the same after normalisation", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string(), (left, right) => {
        const score = (answer: string, gold: string) => reward({ kind: "exact" }, answer, [gold]).value;
        fc.pre(finalAnswer(left) === left && finalAnswer(right) === right);
        expect(score(left, right)).toBe(score(right, left));
        expect(score(left, left)).toBe(1);
        expect(normalizeAnswer(` ${left}\t`)).toBe(normalizeAnswer(left));
      }),
    );
  });

  it("cannot be scored without a gold answer", () => {
    expect(errorCode({ kind: "exact" }, "x")).toBe("no_reference");
  });
});

describe("f1", () => {
  it("counts shared words", () => {
    expect(reward({ kind: "f1" }, "the cat sat", ["a cat sat down"])).toEqual({
      value: 0.8,
      kind: "f1",
      components: { f1: 0.8, precision: 1, recall: 2 / 3 },
    });
  });

  it("counts a repeated word as often as both have it", () => {
    expect(reward({ kind: "f1" }, "paris paris", ["paris"]).components).toEqual({
      f1: 2 / 3,
      precision: 0.5,
      recall: 1,
    });
  });

  it("takes the best gold answer", () => {
    expect(reward({ kind: "f1" }, "New York", ["Boston", "New York City", "new york"]).value).toBe(1);
  });

  it.each([
    ["yes it is", "yes", 0],
    ["yes", "yes it is", 0],
    ["Yes.", "yes", 1],
    ["no", "noanswer", 0],
    ["", "Paris", 0],
    ["I do not know", "Paris", 0],
  ])("gives %j against %j what HotpotQA gives: %d", (answer, gold, value) => {
    expect(reward({ kind: "f1" }, answer, [gold]).value).toBe(value);
  });
});
