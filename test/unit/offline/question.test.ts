// What the readers make of questions: dates, lists and numbers that belong elsewhere, how parts are combined, and
// that generated tasks read as the parts they were made of.

import { describe, expect, it } from "vitest";
import { reachesTarget } from "../../../src/engines/offline/expression.ts";
import { readQuestion } from "../../../src/engines/offline/question/read-question.ts";
import { type Split, splits } from "../../../src/engines/offline/tasks/part-task.ts";
import { offlineTasks } from "../../../src/engines/offline/tasks/offline-tasks.ts";
import { outsideQuestions } from "../../../src/engines/offline/tasks/outside-questions.ts";

const partsOf = (query: string) => readQuestion(query).parts;

describe("a question", () => {
  it.each([
    "1 March 2024",
    "March 1, 2024",
    "1st of March 2024",
    "Mar 1st, 2024",
    "2024-03-01",
    "2024/3/1",
    "Friday, 1 March 2024",
  ])("has its date, written %s", (date) => {
    expect(partsOf(`What weekday was ${date}?`)).toEqual([
      { kind: "weekday", date: "2024-03-01", days: "0", asNumber: false },
    ]);
  });

  it("has no date where day and month could be swapped, or the year is missing", () => {
    expect(partsOf("What weekday was 03/01/2024?").some(({ kind }) => kind === "weekday")).toBe(false);
    expect(partsOf("What weekday was 25/12/2024?")).toMatchObject([{ date: "2024-12-25" }]);
    expect(partsOf("What weekday was March 1?")).toEqual([]);
  });

  it("leaves out of a list what belongs to an operation or a unit", () => {
    expect(partsOf("the larger of the mean of 3, 5, 10 and 17 times 23")).toMatchObject([
      { numbers: ["3", "5", "10"] },
      { kind: "arithmetic" },
    ]);
    expect(partsOf("the sum of 3, 5 and 7, and 5 miles in km")).toMatchObject([
      { numbers: ["3", "5", "7"] },
      { kind: "units" },
    ]);
    expect(partsOf("mean of 1,000 and 2,000")).toMatchObject([{ numbers: ["1000", "2000"] }]);
    expect(partsOf("mean of [100,200,300]")).toMatchObject([{ numbers: ["100", "200", "300"] }]);
    expect(partsOf("median of -3, 5 and -10")).toMatchObject([{ numbers: ["-3", "5", "-10"] }]);
  });

  it("does not take an example or a note for part of what is asked", () => {
    const query =
      "Using the numbers [2, 3, 4, 5], create an expression that equals 26.  Example: for [1, 2, 3, 4], one solution is (1+2+3)×4.";
    expect(partsOf(query)).toEqual([{ kind: "target", numbers: ["2", "3", "4", "5"], target: "26" }]);
    expect(partsOf("the weekday number of 2024-03-01 (Monday = 1)")).toHaveLength(1);
  });

  it("says how its results are combined", () => {
    const how = (query: string) => readQuestion(query).combination;
    const [a, b] = ["the mean of 3 and 5", "2 km in metres"];
    expect(how(`What is ${a} plus ${b}?`)).toEqual({
      how: "chain",
      steps: [{ operator: "+", binds: "words", swap: false }],
    });
    expect(how(`Subtract ${a} from ${b}.`)).toMatchObject({ steps: [{ operator: "-", swap: true }] });
    expect(how(`What is the larger of ${a} and ${b}?`)).toEqual({ how: "fold", fold: "max" });
    expect(how(`Find ${a}. Find ${b}. Multiply the two results.`)).toEqual({ how: "fold", fold: "product" });
    expect(how(`Tell me ${a} and ${b}.`)).toEqual({ how: "list" });
    expect(how(`Take ${a} and add 7.`)).toMatchObject({ how: "chain" });
    expect(how(`What is ${a}?`)).toBeNull();
  });

  it("has no parts outside the domain", () => {
    expect(outsideQuestions(5, 300).flatMap((query) => partsOf(query))).toEqual([]);
    expect(partsOf("")).toEqual([]);
    expect(partsOf("Who won the 2009–10 cup, and who the 1894-95 cup?")).toEqual([]);
    expect(partsOf("Who was one of the greatest of the top five?")).toEqual([]);
  });

  it("reads generated tasks of every split as the parts they were made of", () => {
    for (const split of splits) {
      const tasks = offlineTasks({ seed: 31, count: 1000, split });
      const read = tasks.map(({ query, kinds }) => ({ query, kinds: kinds.join(), question: readQuestion(query) }));
      // "the mean of 3, 5 and 10 minus 20 squared" has two readings: it is refused, and generated now and then.
      const refused = read.filter(({ question }) => question.unread !== null);
      expect(refused.length / tasks.length).toBeLessThanOrEqual(0.01);
      const wrong = read.filter(
        ({ kinds, question }) => question.unread === null && question.parts.map(({ kind }) => kind).join() !== kinds,
      );
      expect(wrong).toEqual([]);
      const share = (count: number) => tasks.filter(({ kinds }) => kinds.length === count).length / tasks.length;
      expect([share(1), share(2), share(3)].map((value) => Math.round(value * 10) / 10)).toEqual([0.2, 0.4, 0.4]);
    }
  });

  it("gives validation and held-out tasks other combinations of kinds than train tasks, and the same tasks for a seed", () => {
    const sets = (split: Split) =>
      new Set(
        offlineTasks({ seed: 8, count: 500, split }).flatMap(({ kinds }) =>
          kinds.length > 1 ? [kinds.toSorted().join("+")] : [],
        ),
      );
    const train = sets("train");
    for (const split of ["validation", "heldout"] as const) {
      const untrained = sets(split);
      expect(untrained.size).toBe(5);
      expect([...train].filter((set) => untrained.has(set))).toEqual([]);
    }
    expect(offlineTasks({ seed: 8, count: 20, split: "train" })).toEqual(
      offlineTasks({ seed: 8, count: 20, split: "train" }),
    );
  });
});

describe("wordings", () => {
  const months = /January|February|March|April|May|June|July|August|September|October|November|December/g;
  /** Numbers and dates taken out, so that only the words are left. */
  const wordsOf = (query: string) => query.replaceAll(months, "#").replaceAll(/#?[\d.,-]+(?:st|nd|rd|th)?/g, "#");

  it("of validation and held-out tasks are in no training task", () => {
    const wordings = (split: Split) =>
      new Set(offlineTasks({ seed: 3, count: 3000, split }).map(({ query }) => wordsOf(query)));
    const [train, validation, heldOut] = splits.map(wordings);
    expect([...(validation ?? [])].filter((words) => train?.has(words))).toEqual([]);
    expect([...(heldOut ?? [])].filter((words) => train?.has(words) || validation?.has(words))).toEqual([]);
  });
});

describe("an expression", () => {
  it("reaches a target only with each number used once", () => {
    expect(reachesTarget("8/(3-8/3)", ["3", "3", "8", "8"], "24")).toBe(true);
    expect(reachesTarget("3*8", ["3", "3", "8", "8"], "24")).toBe(false);
    expect(reachesTarget("(3+3-3)*8", ["3", "3", "8"], "24")).toBe(false);
  });
});
