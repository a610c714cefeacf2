// Short wordings of single parts, with their reference values: signs, number words, symbols and verbs that would be
// read otherwise inside a longer sentence. Only training has them; they make the planner know what the docs promise.

import type { Random } from "../../../lib/random.ts";
import type { PartKind } from "../question/part.ts";
import { fillIn } from "./part-task.ts";
import { isoDate, isoWeekday, randomDay, weekdayNames, writeDate } from "./task-dates.ts";

export interface AloneTask {
  readonly kind: PartKind;
  readonly query: string;
  readonly value: number | string;
}

/** `a` is the largest, `b` at most 12, `c` at most 40. */
type Numbers = { readonly a: number; readonly b: number; readonly c: number };
type Wording = readonly [text: string, value: (numbers: Numbers) => number];

const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));

const arithmetic: readonly Wording[] = [
  ["What is -{a} - -{b}?", ({ a, b }) => b - a],
  ["-{a} + {b}", ({ a, b }) => b - a],
  ["{a} - -{b}", ({ a, b }) => a + b],
  ["What is the remainder of {a} divided by {b}?", ({ a, b }) => a % b],
  ["{b} factorial", ({ b }) => factorial(b)],
  ["{b}!", ({ b }) => factorial(b)],
  ["sqrt({a})", ({ a }) => Math.sqrt(a)],
  ["three quarters of {a}", ({ a }) => (a * 3) / 4],
  ["half of {a}", ({ a }) => a / 2],
  ["½ of {a}", ({ a }) => a / 2],
  ["{a} / {b}", ({ a, b }) => a / b],
  ["{b} to the 4th", ({ b }) => b ** 4],
  ["({a} + {b}) * 2^5 / {c}", ({ a, b, c }) => ((a + b) * 32) / c],
  ["2e3 + {c}", ({ c }) => 2000 + c],
  ["0.{b} + 0.{c}", ({ b, c }) => Number(`0.${b}`) + Number(`0.${c}`)],
  ["seventeen times twenty-three", () => 17 * 23],
  ["What is forty-two plus ninety?", () => 132],
  ["Multiply {a} by {c} and subtract {b}.", ({ a, b, c }) => a * c - b],
  ["Divide {a} by {b} and add {c}.", ({ a, b, c }) => a / b + c],
  ["Add {a} and {b} and {c}.", ({ a, b, c }) => a + b + c],
  ["Increase {a} by {c}%.", ({ a, c }) => a * (1 + c / 100)],
  ["Decrease {a} by {c}% and add {b}.", ({ a, b, c }) => a * (1 - c / 100) + b],
  ["What's {c}% off {a}?", ({ a, c }) => a * (1 - c / 100)],
  ["{c}% of {a}", ({ a, c }) => (a * c) / 100],
];

const statistics: readonly Wording[] = [
  ["How many numbers are there in {a}, {b}, {c}?", () => 3],
  ["Which is larger: {a} or {c}?", ({ a, c }) => Math.max(a, c)],
  ["Which is smaller, {a} or {c}?", ({ a, c }) => Math.min(a, c)],
  ["What is the mode of {a}, {b}, {b}, {a}, {b}?", ({ b }) => b],
  ["[{a}, {b}, {c}] average?", ({ a, b, c }) => (a + b + c) / 3],
  ["For {a}, {b}, {c}, what is the range?", ({ a, b, c }) => Math.max(a, b, c) - Math.min(a, b, c)],
];

/** One of something, whose amount is no digit. */
const singles: readonly (readonly [from: string, to: string, value: number])[] = [
  ["mile", "km", 1.609344],
  ["mile", "feet", 5280],
  ["yard", "feet", 3],
  ["foot", "cm", 30.48],
  ["hour", "minutes", 60],
  ["day", "seconds", 86_400],
  ["week", "hours", 168],
  ["gallon", "litres", 3.785411784],
  ["pound", "grams", 453.59237],
  ["kilogram", "grams", 1000],
];
const singleWordings = [
  "a {from} in {to}",
  "one {from} in {to}",
  "how many {to} in a {from}",
  "How many {to} are in a {from}?",
  "How many {to} are there in a {from}?",
];

export function aloneTask(random: Random): AloneTask {
  const numbers = { a: random.whole(50, 900), b: random.whole(2, 12), c: random.whole(13, 40) };
  const slots = { a: String(numbers.a), b: String(numbers.b), c: String(numbers.c) };
  const chance = random.next();
  if (chance < 0.4) {
    const [text, value] = random.pick(arithmetic);
    return { kind: "arithmetic", query: fillIn(text, slots), value: value(numbers) };
  }
  if (chance < 0.55) {
    const [text, value] = random.pick(statistics);
    return { kind: "statistics", query: fillIn(text, slots), value: value(numbers) };
  }
  return chance < 0.75 ? unitsAlone(random) : datesAlone(random);
}

function unitsAlone(random: Random): AloneTask {
  const chance = random.next();
  if (chance < 0.2) {
    const [feet, inches] = [random.whole(2, 9), random.whole(1, 11)];
    const value = (feet * 12 + inches) * 2.54;
    return {
      kind: "units",
      query: random.pick(["{n} to cm", "Convert {n} to cm."]).replace("{n}", `${feet} ft ${inches} in`),
      value,
    };
  }
  if (chance < 0.35) {
    const degrees = random.whole(33, 220);
    const query = random.pick(["{n} °F in °C", "what is {n} °F in °C"]).replace("{n}", String(degrees));
    return { kind: "units", query, value: ((degrees - 32) * 5) / 9 };
  }
  const [from, to, value] = random.pick(singles);
  return { kind: "units", query: fillIn(random.pick(singleWordings), { from, to }), value };
}

function datesAlone(random: Random): AloneTask {
  const day = randomDay(random);
  const weeks = random.whole(2, 40);
  const slots = { date: writeDate(day, random), n: String(weeks), to: writeDate(day + weeks * 7, random) };
  const nameOf = (date: number) => weekdayNames[isoWeekday(date) - 1] ?? "";
  const wordings: readonly (readonly [kind: "days" | "weekday", text: string, value: number | string])[] = [
    ["weekday", "What day was it on {date}?", nameOf(day)],
    ["weekday", "Which day was {date}?", nameOf(day)],
    ["weekday", "Which weekday is {n} days after {date}?", nameOf(day + weeks)],
    ["days", "How many weeks are there between {date} and {to}?", weeks],
    ["days", "How many weeks lie between {date} and {to}?", weeks],
    ["days", "{n} weeks before {date}", isoDate(day - weeks * 7)],
    ["days", "Which date was {n} weeks before {date}?", isoDate(day - weeks * 7)],
    ["days", "From {date} to {to}, how many days?", weeks * 7],
  ];
  const [kind, text, value] = random.pick(wordings);
  return { kind, query: fillIn(text, slots), value };
}
