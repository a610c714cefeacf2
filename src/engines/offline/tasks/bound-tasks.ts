// Training questions that bind a part to something else than a second part with a number: to a number of the question
// itself, so that a single result must still be combined, or to a target puzzle, so that results stand in a list.

import type { Random } from "../../../lib/random.ts";
import { type PartKind, partKinds } from "../question/part.ts";
import { showNumber } from "./joined-tasks.ts";
import { fillIn, type PartTask } from "./part-task.ts";
import { partTask } from "./part-tasks.ts";

export interface NumberTask {
  readonly kind: PartKind;
  readonly query: string;
  readonly value: number;
}

const numberWordings: readonly (readonly [text: string, value: (part: number, n: number) => number])[] = [
  ["{noun} times {n}", (part, n) => part * n],
  ["What is {noun} times {n}?", (part, n) => part * n],
  ["Multiply {noun} by {n}.", (part, n) => part * n],
  ["Divide {noun} by {n}.", (part, n) => part / n],
  ["What is {noun} plus {n}?", (part, n) => part + n],
  ["Take {noun} and add {n}.", (part, n) => part + n],
  ["Add {n} to {noun}.", (part, n) => part + n],
  ["What is {noun} minus {n}?", (part, n) => part - n],
];
const bindable: readonly PartKind[] = ["days", "weekday", "units", "statistics"];

export function numberTask(random: Random): NumberTask {
  const part = numericPart(random);
  const n = random.whole(2, 40);
  // "the mean of 3 and 5 times 7" would have two readings.
  const wordings = numberWordings.filter(([text]) => part.kind !== "statistics" || !text.includes("times"));
  const [text, value] = random.pick(wordings);
  return {
    kind: part.kind,
    query: fillIn(text, { noun: part.noun, n: String(n) }),
    value: value(Number(part.value), n),
  };
}

/** A weekday's name or a date cannot be calculated with; a list of more than two would end in two places. */
function numericPart(random: Random): Pick<PartTask, "kind" | "noun" | "value"> {
  for (;;) {
    const kind = random.pick(bindable);
    if (kind === "statistics") {
      const [x, y] = [random.whole(1, 99), random.whole(1, 99)];
      return { kind, noun: `the ${random.pick(["mean", "average"])} of ${x} and ${y}`, value: (x + y) / 2 };
    }
    const part = partTask[kind]("train", random);
    if (typeof part.value === "number") {
      return part;
    }
  }
}

export interface PuzzleTask {
  readonly kinds: readonly [PartKind, PartKind];
  readonly query: string;
  /** Any expression counts that the engine's own program found: the pattern holds the other part's value. */
  readonly pattern: string;
}

const puzzleWordings = [
  "{puzzle} {other}",
  "{other} {puzzle}",
  "I have two questions. {puzzle} {other}",
  "First: {other} Second: {puzzle}",
];
const others = partKinds.filter((kind) => kind !== "target");
const expression = String.raw`[-+*/() 0-9]*[-+*/][-+*/() 0-9]*`;

export function puzzleTask(random: Random): PuzzleTask {
  const puzzle = partTask.target("train", random);
  const other = partTask[random.pick(others)]("train", random);
  const wording = random.pick(puzzleWordings);
  const value = typeof other.value === "number" ? showNumber(other.value) : (other.value ?? "");
  const escaped = value.replaceAll(/[.+]/g, String.raw`\$&`);
  const isPuzzleFirst = wording.indexOf("{puzzle}") < wording.indexOf("{other}");
  return {
    kinds: isPuzzleFirst ? ["target", other.kind] : [other.kind, "target"],
    query: fillIn(wording, { puzzle: sentence(puzzle.ask), other: sentence(other.ask) }),
    pattern: isPuzzleFirst ? `^${expression}; ${escaped}$` : `^${escaped}; ${expression}$`,
  };
}

function sentence(text: string): string {
  return /[.?!]$/.test(text) ? text : `${text}.`;
}
