// What a user found: questions that must be answered rightly or refused, failures that must end a run soon and say
// why, and wordings beside the common ones. A wrong answer given with confidence is worse than a refusal.

import { beforeAll, describe, expect, it } from "vitest";
import { createOfflineEngine, offlineWeights } from "../../../src/engines/offline/engine.ts";
import { reachesTarget } from "../../../src/engines/offline/expression.ts";
import { readQuestion } from "../../../src/engines/offline/question/read-question.ts";
import { play } from "./support/simulate.ts";
import { type Python, startPython } from "./support/python.ts";

const engine = createOfflineEngine({ weights: offlineWeights });
let python: Python;

beforeAll(async () => {
  python = await startPython();
}, 60_000);

const maxTurns = 10;

describe("questions with words that change what is asked", () => {
  it.each([
    ["What is the remainder of 17 divided by 5?", "2"],
    ["What is the remainder when 17 is divided by 5?", "2"],
    ["3.5e3 / 7", "500"],
    ["What is 2e3 + 1?", "2001"],
    ["1.5e-3 * 2", "0.003"],
    ["Which is larger: 3 to the 4th or 9 times 8?", "81"],
    ["increase 250 by 12% and then take away 30", "250"],
    ["multiply the weekday number of 2024-03-01 by 3", "15"],
    ["the weekday number of 2024-03-01 times 3", "15"],
    ["the weekday number of 1956-04-26 minus 2 times 3", "-2"],
    ["What is -5 - -3?", "-2"],
    ["What day was it on 14 July 1789?", "Tuesday"],
    ["how many seconds in a day", "86400"],
    ["10 factorial", "3628800"],
    ["a gallon in litres", "3.785411784"],
    ["one gallon in litres", "3.785411784"],
    ["a mile in km", "1.609344"],
    ["How many numbers are there in 4, 8, 15?", "3"],
    ["Which is larger: 81 or 72?", "81"],
    ["three quarters of 80", "60"],
    ["½ of 10", "5"],
    ["What is the median of 74, 80, 49 multiplied by 2 km in metres?", "148000"],
    ["2^3^2 = ?", "512"],
    ["Calculate the average of 10, 20 and 30 and multiply it by 2.", "40"],
  ])("%s", async (query, answer) => {
    expect((await play(query, { engine, python, maxTurns })).answer).toBe(answer);
  });

  it.each([
    "days between 03/01/2024 and 04/01/2024",
    "the weekday of 2024-13-01",
    "Solve x^2 - 5x + 6 = 0",
    "x^2 + 1 where x = 3",
    "1,5 + 2,5",
    "what is 1.000.000 / 2",
    "mean of 1.000.000 and 3",
    "What is (1+2",
    "(((((1+2)*3",
    "weighted mean of 3 and 5",
    "geometric mean of 3 and 5",
    "What is the population of France in 2020 divided by 2?",
    "business days between 2024-01-01 and 2024-02-01",
    "days excluding weekends between 2024-01-01 and 2024-02-01",
    "Make 24 from 3, 3, 8, 8 with + and - only",
    "using 3, 3, 8, 8 without division make 24",
    "What weekday is 3 months after 2024-01-31?",
    "2½ + 1",
    "the mean of 3, 5 and 10 plus 7",
    "2 * (the mean of 3 and 5 + 1)",
    "Add 5 to the previous answer and multiply 3 by 4",
    "What is 20% of the mean of 3 and 5?",
    "How many hours are in 3 weeks plus 2 days?",
    "twice the mean of 3 and 5",
    "What is 17 times 23? Give its digits in reverse.",
  ])("refuses after one turn: %s", async (query) => {
    const { answer, memory } = await play(query, { engine, python, maxTurns });
    expect(answer).toContain("I cannot answer this without a language model");
    expect(memory).toHaveLength(1);
  });

  it("names what it cannot read", () => {
    expect(readQuestion("weighted mean of 3 and 5")).toMatchObject({ parts: [], unread: "weighted" });
    expect(readQuestion("What is the mean of 3 and 5?").unread).toBeNull();
  });
});

describe("a run that gets nowhere", () => {
  it.each([
    ["10 / 0", "division by zero"],
    ["sqrt(-4)", "a negative number has no real square root"],
    ["What weekday was 2023-02-29?", "day"],
    ["convert 5 kg to miles", "kilogram cannot be converted to mile"],
    ["2^100000", "the power is too large to work out"],
    ["9^9^9", "the power is too large to work out"],
    ["10000000!", "a factorial needs a whole number from 0 to 1000"],
    ["Take 10 / 0 and add the mean of 3 and 5.", "division by zero"],
  ])("%s: ends early and says why", async (query, reason) => {
    const { answer, memory, stopped } = await play(query, { engine, python, maxTurns });
    expect([answer.startsWith("I could not work this out: "), stopped]).toEqual([true, true]);
    expect(answer).toContain(reason);
    expect(memory.length).toBeLessThanOrEqual(5);
  });

  it.each([
    ["Make 24 from 3, 3, 8, 8. How many feet are in 2 yards?", [0, 1]],
    ["How many feet are in 2 yards? Make 24 from 3, 3, 8, 8.", [1, 0]],
  ])("%s: a puzzle beside another part is worked out", async (query, [puzzle = 0, other = 0]) => {
    const { answer, memory } = await play(query, { engine, python, maxTurns });
    const pieces = answer.split("; ");
    expect(pieces[other]).toBe("6");
    expect(reachesTarget(pieces[puzzle] ?? "", ["3", "3", "8", "8"], "24")).toBe(true);
    // Three turns are enough; a planner that learnt from rewards alone may waste one of its five.
    expect(memory.length).toBeLessThanOrEqual(4);
  });
});
