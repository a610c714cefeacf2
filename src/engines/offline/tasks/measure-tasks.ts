// Generates unit conversions and statistics. Their reference values come from formulas of their own, not from the
// engine's table and programs.

import type { Random } from "../../../lib/random.ts";
import { fillIn, framed, type PartTask, type Split, type Wordings } from "./part-task.ts";

/** Pairs with their exact factor or formula, written apart from the engine's own table. */
const conversions: readonly (readonly [from: string, to: string, value: (amount: number) => number])[] = [
  ["miles", "kilometres", (x) => x * 1.609344],
  ["km", "metres", (x) => x * 1000],
  ["feet", "centimetres", (x) => x * 30.48],
  ["inches", "cm", (x) => x * 2.54],
  ["yards", "feet", (x) => x * 3],
  ["kilograms", "grams", (x) => x * 1000],
  ["pounds", "kilograms", (x) => x * 0.45359237],
  ["kg", "lb", (x) => x / 0.45359237],
  ["hours", "minutes", (x) => x * 60],
  ["minutes", "seconds", (x) => x * 60],
  ["weeks", "hours", (x) => x * 168],
  ["litres", "millilitres", (x) => x * 1000],
  ["gallons", "litres", (x) => x * 3.785411784],
  ["degrees Celsius", "degrees Fahrenheit", (x) => x * 1.8 + 32],
  ["m/s", "km/h", (x) => x * 3.6],
  ["mph", "km/h", (x) => x * 1.609344],
];

export function unitsTask(split: Split, random: Random): PartTask {
  const [from, to, value] = random.pick(conversions);
  const amount = random.next() < 0.3 ? random.whole(11, 99) / 10 : random.whole(2, 60);
  const slots = { n: String(amount), from, to };
  const nouns: Wordings = {
    train: ["{n} {from} in {to}", "{n} {from} converted to {to}", "{n} {from} expressed in {to}"],
    validation: ["{n} {from} converted into {to}", "{n} {from} as {to}"],
    heldout: ["{n} {from} expressed as {to}", "{n} {from} into {to}"],
  };
  const asks: Wordings = {
    train: [
      "Convert {n} {from} to {to}.",
      "How many {to} are {n} {from}?",
      "How many {to} are there in {n} {from}?",
      "What is {n} {from} in {to}?",
      "How many {to} is {n} {from}?",
      "Express {n} {from} in {to}.",
      "{n} {from} is how many {to}?",
      "How many {to} are in {n} {from}?",
    ],
    validation: [
      "Express {n} {from} as {to}.",
      "Please convert {n} {from} into {to}.",
      "{n} {from} are how many {to}?",
    ],
    heldout: ["Convert {n} {from} into {to}.", "How much is {n} {from} in {to}?", "What are {n} {from} in {to}?"],
  };
  return framed(
    "units",
    split,
    random,
    fillIn(random.pick(nouns[split]), slots),
    value(amount),
    asks[split].map((ask) => fillIn(ask, slots)),
  );
}

function deviation(numbers: readonly number[]): number {
  const mean = numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
  return Math.sqrt(numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / numbers.length);
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle - 1)] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, x) => total + x, 0);

const measures: readonly (readonly [word: string, value: (numbers: readonly number[]) => number])[] = [
  ["mean", (numbers) => sum(numbers) / numbers.length],
  ["average", (numbers) => sum(numbers) / numbers.length],
  ["median", median],
  ["range", (numbers) => Math.max(...numbers) - Math.min(...numbers)],
  ["standard deviation", deviation],
  ["sum", sum],
  ["variance", (numbers) => deviation(numbers) ** 2],
  ["maximum", (numbers) => Math.max(...numbers)],
  ["largest", (numbers) => Math.max(...numbers)],
  ["smallest", (numbers) => Math.min(...numbers)],
  ["minimum", (numbers) => Math.min(...numbers)],
];

export function statisticsTask(split: Split, random: Random): PartTask {
  const [measure, value] = random.pick(measures);
  const numbers = Array.from({ length: random.whole(3, 7) }, () => random.whole(1, 99));
  const plain = numbers.join(", ");
  const slots = {
    m: measure,
    list: random.pick([plain, `[${plain}]`, `${numbers.slice(0, -1).join(", ")} and ${numbers.at(-1)}`]),
  };
  const nouns: Wordings = {
    train: [
      "the {m} of {list}",
      "the {m} of the numbers {list}",
      "the {m} of the list {list}",
      "the {m} of these values: {list}",
    ],
    validation: ["the {m} of the data {list}", "the {m} of these numbers: {list}"],
    heldout: ["the {m} of the values {list}", "the {m} of the data set {list}"],
  };
  const asks: Wordings = {
    train: [
      "For the numbers {list}, what is the {m}?",
      "{list}: what is the {m}?",
      "Find the {m} of the data set {list}.",
      "Given {list}, find the {m}.",
      "Here are some values: {list}. What is their {m}?",
      "{list} {m}?",
    ],
    validation: ["What is the {m} of this list: {list}?", "{list}. What is their {m}?"],
    heldout: ["What is the {m} of the list {list}?", "Of the numbers {list}, what is the {m}?"],
  };
  return framed(
    "statistics",
    split,
    random,
    fillIn(random.pick(nouns[split]), slots),
    value(numbers),
    asks[split].map((ask) => fillIn(ask, slots)),
  );
}
