// Questions that the reward tasks leave out: a target puzzle beside another part, a part with a number of the question
// itself, and short wordings that would be read otherwise inside a longer sentence. The fit learns from their kinds; they have no reference answers and train nothing by reward.

import { createRandom, type Random } from "../../../lib/random.ts";
import { type PartKind, partKinds } from "../question/part.ts";
import { fillIn, type PartTask } from "./part-task.ts";
import { partTask } from "./part-tasks.ts";
import { randomDay, writeDate } from "./task-dates.ts";

export interface BoundTask {
  readonly query: string;
  readonly kinds: readonly PartKind[];
  /** Whether a last step must combine what is known. */
  readonly isCombined: boolean;
}

const singles = ["mile", "yard", "foot", "hour", "minute", "day", "week", "gallon", "litre", "pound", "kilogram"];
const targets = ["km", "feet", "metres", "minutes", "seconds", "hours", "litres", "millilitres", "grams", "kg"];
const alone: readonly (readonly [kind: PartKind, wording: string])[] = [
  ["units", "a {unit} in {to}"],
  ["units", "one {unit} in {to}"],
  ["units", "how many {to} in a {unit}"],
  ["units", "How many {to} are in a {unit}?"],
  ["weekday", "What day was it on {date}?"],
  ["weekday", "Which day was {date}?"],
  ["arithmetic", "What is -{a} - -{b}?"],
  ["arithmetic", "-{a} + {b}"],
  ["arithmetic", "{a} - -{b}"],
  ["arithmetic", "What is the remainder of {a} divided by {b}?"],
  ["arithmetic", "{b} factorial"],
  ["arithmetic", "{b}!"],
  ["arithmetic", "sqrt({a})"],
  ["arithmetic", "sqrt(-{b})"],
  ["arithmetic", "three quarters of {a}"],
  ["arithmetic", "½ of {a}"],
  ["arithmetic", "{a} / {b}"],
  ["arithmetic", "{b}^{b}^2"],
  ["arithmetic", "{b} to the 4th"],
  ["statistics", "How many numbers are there in {a}, {b}, {b}?"],
  ["statistics", "Which is larger: {a} or {b}?"],
  ["statistics", "Which is smaller, {a} or {b}?"],
];

function aloneTask(random: Random): BoundTask {
  const [kind, wording] = random.pick(alone);
  const slots = {
    unit: random.pick(singles),
    to: random.pick(targets),
    date: writeDate(randomDay(random), random),
    a: String(random.whole(20, 900)),
    b: String(random.whole(2, 30)),
  };
  return { query: fillIn(wording, slots), kinds: [kind], isCombined: false };
}

const puzzleWordings = ["{qa} {qb}", "{qb} {qa}", "I have two questions. {qa} {qb}", "First: {qa} Second: {qb}"];
const numberWordings = [
  "{noun} times {n}",
  "What is {noun} times {n}?",
  "Multiply {noun} by {n}.",
  "Divide {noun} by {n}.",
  "What is {noun} plus {n}?",
  "Take {noun} and add {n}.",
  "Add {n} to {noun}.",
  "What is {noun} minus {n}?",
];
/** Beside "Which is larger: 81 or 72?", which is one part. */
const choiceWordings = [
  "Which is larger: {noun} or {other}?",
  "Which is greater, {noun} or {other}?",
  "Which is smaller: {noun} or {other}?",
  "What is the smaller number, {noun} or {other}?",
];
const numeric: readonly PartKind[] = ["arithmetic", "days", "weekday", "units", "statistics"];
const others = partKinds.filter((kind) => kind !== "target");

export function boundTasks(seed: number, count: number): BoundTask[] {
  const random = createRandom(seed, 11);
  const tasks: BoundTask[] = [];
  while (tasks.length < count) {
    const chance = random.next();
    if (chance < 0.3) {
      tasks.push(aloneTask(random));
    } else if (chance < 0.5) {
      const [one, two] = [numericPart(random), numericPart(random)];
      if (one.kind !== two.kind) {
        const query = fillIn(random.pick(choiceWordings), { noun: one.noun, other: two.noun });
        tasks.push({ query, kinds: [one.kind, two.kind], isCombined: true });
      }
    } else if (chance < 0.75) {
      const other = partTask[random.pick(others)]("train", random);
      const slots = { qa: sentence(partTask.target("train", random).ask), qb: sentence(other.ask) };
      tasks.push({
        query: fillIn(random.pick(puzzleWordings), slots),
        kinds: ["target", other.kind],
        isCombined: true,
      });
    } else {
      const part = numericPart(random);
      const slots = { noun: part.noun, n: String(random.whole(2, 40)) };
      const wording = random.pick(part.kind === "arithmetic" ? ["{noun}"] : numberWordings);
      tasks.push({ query: fillIn(wording, slots), kinds: [part.kind], isCombined: part.kind !== "arithmetic" });
    }
  }
  return tasks;
}

function sentence(text: string): string {
  return /[.?!]$/.test(text) ? text : `${text}.`;
}

/** A weekday's name or a date cannot be calculated with. */
function numericPart(random: Random): PartTask {
  for (;;) {
    const part = partTask[random.pick(numeric)]("train", random);
    if (typeof part.value === "number") {
      return part;
    }
  }
}
