// Multiple choice: by letter, by content, by both, and what is no choice at all.

import { describe, expect, it } from "vitest";
import { errorCode, reward } from "./support.ts";

const options = ["Paris", "Rome", "New York", "York"];
const score = (answer: string, gold: string): number => reward({ kind: "choice", options }, answer, [gold]).value;

describe("choice with options", () => {
  it.each([
    ["A", "A"],
    ["a", "Paris"],
    ["(a) Paris", "A"],
    ["Paris", "A"],
    ["the Paris.", "(A) Paris"],
    ["**B.** Rome", "Rome"],
    ["\\boxed{\\text{(B)}}", "B"],
    ["The answer is (C).", "New York"],
    ["Option A is too far south. The answer is: D", "York"],
    ["The answer is B, because option A is wrong.", "B"],
    ["I would go with option B", "B"],
    ["It must be New York, I think", "C"],
    ["<answer>D</answer>", "York"],
    ["Answer: A", "Paris"],
  ])("%j picks %j", (answer, gold) => {
    expect(score(answer, gold)).toBe(1);
  });

  it.each([
    ["(A) Rome", "A"],
    ["(A) Rome", "B"],
    ["A or B", "A"],
    ["The answer is A or B", "A"],
    ["Paris or Rome", "A"],
    ["It is not Paris", "A"],
    ["The answer is a mystery", "A"],
    ["E", "A"],
    ["", "A"],
    ["I do not know", "A"],
    ["option A or option B", "A"],
    ["B", "A"],
  ])("%j does not pick %j", (answer, gold) => {
    expect(score(answer, gold)).toBe(0);
  });

  it("does not guess what an ambiguous or foreign gold answer means", () => {
    expect(errorCode({ kind: "choice", options: ["B", "A"] }, "A", ["A"])).toBe("bad_reference");
    expect(errorCode({ kind: "choice", options }, "A", ["London"])).toBe("bad_reference");
    expect(errorCode({ kind: "choice", options: ["Rome", "rome"] }, "A", ["A"])).toBe("bad_spec");
  });
});

describe("choice without options", () => {
  it.each([
    ["(a) Paris", "A", 1],
    ["(a) Paris", "Paris", 1],
    ["B", "A", 0],
    ["(B) London", "(B) Paris", 0],
    ["Paris", "(B) Paris", 1],
  ])("%j against %j is %d", (answer, gold, value) => {
    expect(reward({ kind: "choice" }, answer, [gold]).value).toBe(value);
  });

  it("reads them from the question's lines", () => {
    const query = "What is the capital of France?\nA) Rome\nB) Paris";
    expect(reward({ kind: "choice" }, "B", ["Paris"], query).value).toBe(1);
    expect(reward({ kind: "choice" }, "Rome", ["B"], query).value).toBe(0);
  });
});
