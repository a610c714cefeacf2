// Generates single parts with their reference values: the numbers are new each time, and values are computed here,
// not by the engine. Units and statistics have a file of their own.

import type { Random } from "../../../lib/random.ts";
import type { PartKind } from "../question/part.ts";
import { statisticsTask, unitsTask } from "./measure-tasks.ts";
import { fillIn, framed, type PartTask, type Split, type Wordings } from "./part-task.ts";
import { isoDate, isoWeekday, randomDay, weekdayNames, writeDate } from "./task-dates.ts";

interface Arithmetic {
  readonly noun: string;
  readonly value: (a: number, b: number, c: number) => number;
}

const arithmetic: Readonly<Record<Split, readonly Arithmetic[]>> = {
  train: [
    { noun: "{a} times {b}", value: (a, b) => a * b },
    { noun: "{a} * {b} - {c}", value: (a, b, c) => a * b - c },
    { noun: "{a} times {b} minus {c}", value: (a, b, c) => a * b - c },
    { noun: "({a} + {b}) * {c}", value: (a, b, c) => (a + b) * c },
    { noun: "{a} plus {b} times {c}", value: (a, b, c) => a + b * c },
    { noun: "{c}% of {a}", value: (a, _, c) => (a * c) / 100 },
    { noun: "{c} percent of {a}", value: (a, _, c) => (a * c) / 100 },
    { noun: "{b} squared", value: (_, b) => b * b },
    { noun: "{b} to the power of 3", value: (_, b) => b ** 3 },
    { noun: "the square root of {a}", value: (a) => Math.sqrt(a) },
    { noun: "{a} divided by {c}", value: (a, _, c) => a / c },
    { noun: "the product of {a} and {b}", value: (a, b) => a * b },
    { noun: "{a} / {c} + {b}", value: (a, b, c) => a / c + b },
    { noun: "{a} minus {b}", value: (a, b) => a - b },
    { noun: "{a} multiplied by {c}", value: (a, _, c) => a * c },
    { noun: "{b}^2", value: (_, b) => b * b },
    { noun: "{a} × {b}", value: (a, b) => a * b },
    { noun: "{a} plus {b} minus {c}", value: (a, b, c) => a + b - c },
    { noun: "{a} * ({b} - {c})", value: (a, b, c) => a * (b - c) },
    { noun: "{b} squared plus {a}", value: (a, b) => b * b + a },
    { noun: "{a} divided by {c} plus {b}", value: (a, b, c) => a / c + b },
    { noun: "{c}% of {a} plus {b}", value: (a, b, c) => (a * c) / 100 + b },
    { noun: "{a} + {b} + {c}", value: (a, b, c) => a + b + c },
    { noun: "the square root of {a} times {c}", value: (a, _, c) => Math.sqrt(a) * c },
    { noun: "half of {a}", value: (a) => a / 2 },
    { noun: "twice {b}", value: (_, b) => 2 * b },
    { noun: "three quarters of {a}", value: (a) => (a * 3) / 4 },
    { noun: "{b} cubed", value: (_, b) => b ** 3 },
    { noun: "the remainder of {a} divided by {c}", value: (a, _, c) => a % c },
  ],
  validation: [
    { noun: "{a} minus {b} plus {c}", value: (a, b, c) => a - b + c },
    { noun: "({a} - {b}) / {c}", value: (a, b, c) => (a - b) / c },
    { noun: "{a} times {c} plus {b}", value: (a, b, c) => a * c + b },
    { noun: "{c} * {b} + {a}", value: (a, b, c) => c * b + a },
    { noun: "{a} - {b} - {c}", value: (a, b, c) => a - b - c },
    { noun: "{b} squared minus {c}", value: (_, b, c) => b * b - c },
    { noun: "{a} multiplied by {b} minus {c}", value: (a, b, c) => a * b - c },
    { noun: "twice {a}", value: (a) => 2 * a },
    { noun: "{a} divided by {b} minus {c}", value: (a, b, c) => a / b - c },
  ],
  heldout: [
    { noun: "{a} plus {b} plus {c}", value: (a, b, c) => a + b + c },
    { noun: "({a} + {c}) / {b}", value: (a, b, c) => (a + c) / b },
    { noun: "{b} cubed minus {c}", value: (_, b, c) => b ** 3 - c },
    { noun: "{a} minus {b} times {c}", value: (a, b, c) => a - b * c },
    { noun: "{a} * {c} / {b}", value: (a, b, c) => (a * c) / b },
    { noun: "{b} times {c} plus {a}", value: (a, b, c) => b * c + a },
    { noun: "{a} - {b} * {c}", value: (a, b, c) => a - b * c },
    { noun: "{c}% of {a} minus {b}", value: (a, b, c) => (a * c) / 100 - b },
    { noun: "{b} to the power of 4", value: (_, b) => b ** 4 },
  ],
};

function arithmeticTask(split: Split, random: Random): PartTask {
  const [a, b, c] = [random.whole(30, 400), random.whole(4, 29), random.whole(2, 20)];
  const form = random.pick(arithmetic[split]);
  const noun = fillIn(form.noun, { a: String(a), b: String(b), c: String(c) });
  const asks = arithmeticAsks[split].map((ask) => fillIn(ask, { noun }));
  return framed("arithmetic", split, random, noun, form.value(a, b, c), asks);
}

const arithmeticAsks: Wordings = {
  train: ["Evaluate {noun}", "How much is {noun}?", "{noun} = ?", "Compute {noun}.", "What does {noun} equal?"],
  validation: ["What is the value of {noun}?", "Please evaluate {noun}."],
  heldout: ["What is the result of {noun}?", "Please tell me how much {noun} is."],
};

const targetWordings: Wordings = {
  train: [
    "Using the numbers [{list}], create an expression that equals {target}. You must use basic arithmetic operations (+, -, ×, /) and parentheses. **Each number can only be used once.**  Example: for [1, 2, 3, 4], one solution is (1+2+3)×4.",
    "Make {target} from {list}.",
    "Use {list} to make {target}.",
    "Find an expression with the numbers {list} that equals {target}.",
    "How can I get {target} from {list}?",
    "Game of {target}: {bare}",
    "Reach {target} using {list} once each with + - * /.",
    "Combine the numbers {list} to get {target}, using each number exactly once.",
    "Can you make {target} with the numbers {bare}?",
    "Using {list}, obtain {target}; every number must be used once.",
    "Play the {target} game with {list}.",
    "{target} game with {list}",
    "Given the numbers {list}, find parentheses and operations such that the result equals {target}.",
  ],
  validation: [
    "Please use the numbers {list} to reach {target}.",
    "Make {target} using {list}, each of them once.",
    "Get {target} from the numbers {list}.",
    "With {list} and basic operations, can you reach {target}?",
  ],
  heldout: [
    "Please make {target} from {list}.",
    "Reach {target} with the numbers {list}.",
    "From {list}, make {target}, using each number once.",
    "Give an expression of the numbers {list} that equals {target}.",
  ],
};

/** Solvable by construction: the target is the value of a random expression of the numbers. */
function targetTask(split: Split, random: Random): PartTask {
  for (;;) {
    const numbers = Array.from({ length: random.whole(3, 4) }, () => random.whole(1, 13));
    const target = numbers
      .slice(1)
      .reduce((value, number) => random.pick([value + number, value * number, value - number]), numbers[0] ?? 0);
    if (target > 0 && target <= 200) {
      const shuffled = numbers.toSorted((a, b) => a - b);
      const slots = { list: shuffled.join(", "), bare: shuffled.join(" "), target: String(target) };
      const ask = fillIn(random.pick(targetWordings[split]), slots);
      return { kind: "target", ask, noun: ask, value: null, puzzle: { numbers: shuffled, target } };
    }
  }
}

const dateNouns: Wordings = {
  train: ["the date {n} days after {from}", "the date that is {n} days later than {from}", "{n} days after {from}"],
  validation: ["the date that comes {n} days after {from}"],
  heldout: ["the day {n} days after {from}", "the date {n} days past {from}"],
};
const dateAsks: Wordings = {
  train: [
    "What date is {n} days after {from}?",
    "What is the date {n} days from {from}?",
    "Add {n} days to {from}.",
    "Which date comes {n} days after {from}?",
    "What date do you get {n} days past {from}?",
    "{from} plus {n} days",
  ],
  validation: ["Which date falls {n} days after {from}?", "What is the date {n} days later than {from}?"],
  heldout: ["What date comes {n} days after {from}?", "What is the date {n} days past {from}?"],
};
const spanNouns: Wordings = {
  train: [
    "the number of days between {from} and {to}",
    "the days from {from} to {to}",
    "the number of days from {from} until {to}",
    "how many days there are between {from} and {to}",
    "the count of days between {from} and {to}",
  ],
  validation: ["the days between {from} and {to}", "the number of days that lie between {from} and {to}"],
  heldout: ["the number of days from {from} to {to}", "how many days lie between {from} and {to}"],
};
const spanAsks: Wordings = {
  train: [
    "How many days are there between {from} and {to}?",
    "How many days lie between {from} and {to}?",
    "From {from} to {to}, how many days pass?",
    "How many days separate {from} and {to}?",
    "How many days is it from {from} to {to}?",
    "How many days elapsed between {from} and {to}?",
  ],
  validation: [
    "How many days pass between {from} and {to}?",
    "How many days were there from {from} until {to}?",
    "Count the days between {from} and {to}.",
  ],
  heldout: [
    "How many days are there from {from} to {to}?",
    "How many days apart are {from} and {to}?",
    "How many days pass from {from} to {to}?",
  ],
};

function daysTask(split: Split, random: Random): PartTask {
  const from = randomDay(random);
  const count = random.whole(3, 900);
  const slots = { from: writeDate(from, random), to: writeDate(from + count, random), n: String(count) };
  const [nouns, asks, value] =
    random.next() < 0.3
      ? ([dateNouns, dateAsks, isoDate(from + count)] as const)
      : ([spanNouns, spanAsks, count] as const);
  const noun = fillIn(random.pick(nouns[split]), slots);
  const filled = asks[split].map((ask) => fillIn(ask, slots));
  return framed("days", split, random, noun, value, filled);
}

const weekdayNouns: Wordings = {
  train: ["the weekday of {date}", "the day of the week of {date}"],
  validation: ["the weekday of the day {date}"],
  heldout: ["the day of the week on {date}", "the weekday on {date}"],
};
const weekdayNumbers: Wordings = {
  train: ["the weekday number of {date} (Monday = 1)", "the number of the weekday of {date} (Monday is 1)"],
  validation: ["the weekday number (Monday = 1) of {date}"],
  heldout: ["the number of the weekday of {date} (Monday = 1)"],
};
const weekdayAsks: Wordings = {
  train: [
    "Which weekday was {date}?",
    "What day of the week is {date}?",
    "On which weekday does {date} fall?",
    "On what day of the week did {date} fall?",
    "{date} is which weekday?",
    "What weekday will {date} be?",
  ],
  validation: ["What weekday does {date} fall on?", "On which weekday was {date}?", "{date} was what day of the week?"],
  heldout: ["What was the weekday on {date}?", "Which day of the week was {date}?", "{date} falls on which weekday?"],
};

function weekdayTask(split: Split, random: Random): PartTask {
  const day = randomDay(random);
  const date = writeDate(day, random);
  const isNumbered = random.next() < 0.4;
  const noun = fillIn(random.pick((isNumbered ? weekdayNumbers : weekdayNouns)[split]), { date });
  const asks = isNumbered ? [] : weekdayAsks[split].map((ask) => fillIn(ask, { date }));
  const weekday = isoWeekday(day);
  return framed("weekday", split, random, noun, isNumbered ? weekday : (weekdayNames[weekday - 1] ?? ""), asks);
}

export const partTask: Readonly<Record<PartKind, (split: Split, random: Random) => PartTask>> = {
  arithmetic: arithmeticTask,
  target: targetTask,
  days: daysTask,
  weekday: weekdayTask,
  units: unitsTask,
  statistics: statisticsTask,
};
