// Generates the sentences that join parts into one question, and the answer that they ask for. Held-out wordings
// are other sentences, not other numbers.

import type { Random } from "../../../lib/random.ts";
import { fillIn, type PartTask, type Split } from "./part-task.ts";

interface Joiner {
  readonly text: string;
  readonly value: (values: readonly number[]) => number;
}

const add = (values: readonly number[]) => values.reduce((total, x) => total + x, 0);
const multiply = (values: readonly number[]) => values.reduce((total, x) => total * x, 1);
const apart = ([a = 0, b = 0]: readonly number[]) => Math.abs(a - b);
const largest = (values: readonly number[]) => Math.max(...values);
const smallest = (values: readonly number[]) => Math.min(...values);

/** `{a}` is a noun phrase, `{qa}` a sentence. */
const two: Readonly<Record<Split, readonly Joiner[]>> = {
  train: [
    { text: "Take {a} and add {b}.", value: add },
    { text: "Take {a}, then subtract {b}.", value: ([a = 0, b = 0]) => a - b },
    { text: "What is {a} plus {b}?", value: add },
    { text: "What is {a} minus {b}?", value: ([a = 0, b = 0]) => a - b },
    { text: "What is the sum of {a} and {b}?", value: add },
    { text: "What is the product of {a} and {b}?", value: multiply },
    { text: "{qa} {qb} Add the two results.", value: add },
    { text: "{qa} {qb} Multiply the two answers.", value: multiply },
    { text: "What is the difference between {a} and {b}?", value: apart },
    { text: "What is the larger of {a} and {b}?", value: largest },
    { text: "Let me know {a} multiplied by {b}.", value: multiply },
    { text: "I have two questions. {qa} {qb} What is the total of the answers?", value: add },
    { text: "How much more is {a} than {b}, or the other way round? Give the difference.", value: apart },
    { text: "Start with {a}, then add {b}.", value: add },
    { text: "Subtract {a} from {b}.", value: ([a = 0, b = 0]) => b - a },
    { text: "First: {qa} Second: {qb} Give the sum of both answers.", value: add },
    { text: "Which is the smaller number, {a} or {b}?", value: smallest },
    { text: "Multiply {a} by {b}.", value: multiply },
    { text: "Find the total of {a} and {b}.", value: add },
    { text: "What is the average of {a} and {b}?", value: ([a = 0, b = 0]) => (a + b) / 2 },
    { text: "Divide {a} by {b}.", value: ([a = 0, b = 0]) => a / b },
    { text: "Add {a} to {b}.", value: add },
  ],
  validation: [
    { text: "Begin with {a} and subtract {b}.", value: ([a = 0, b = 0]) => a - b },
    { text: "How much is {a}, plus {b}?", value: add },
    { text: "I need the product of {a} and {b}.", value: multiply },
    { text: "What is the greater of {a} and {b}?", value: largest },
    { text: "{qa} {qb} What is the difference of the two answers?", value: apart },
    { text: "Add the following: {a} and {b}.", value: add },
  ],
  heldout: [
    { text: "Start with {a} and subtract {b}.", value: ([a = 0, b = 0]) => a - b },
    { text: "How much is {a} minus {b}?", value: ([a = 0, b = 0]) => a - b },
    { text: "Give me the sum of {a} and {b}.", value: add },
    { text: "Which is larger, {a} or {b}?", value: largest },
    { text: "{qa} {qb} What is the product of the two answers?", value: multiply },
    { text: "Find the difference between {a} and {b}.", value: apart },
  ],
};

const three: Readonly<Record<Split, readonly Joiner[]>> = {
  train: [
    { text: "Take {a}, add {b}, and subtract {c}.", value: ([a = 0, b = 0, c = 0]) => a + b - c },
    { text: "Take {a}, add {b}, and add {c}.", value: add },
    { text: "What is the sum of {a}, {b} and {c}?", value: add },
    { text: "What is the largest of {a}, {b} and {c}?", value: largest },
    { text: "{qa} {qb} {qc} Add the three results.", value: add },
    { text: "What is {a} plus {b} minus {c}?", value: ([a = 0, b = 0, c = 0]) => a + b - c },
    { text: "Compare {a}, {b} and {c}: what is the maximum?", value: largest },
    { text: "I have three questions. {qa} {qb} {qc} What is the total of the answers?", value: add },
    { text: "Start with {a}, subtract {b}, then add {c}.", value: ([a = 0, b = 0, c = 0]) => a - b + c },
    { text: "First: {qa} Second: {qb} Third: {qc} Finally give the sum of all three answers.", value: add },
    { text: "Which is the smallest of {a}, {b} and {c}?", value: smallest },
    { text: "Find the total of {a}, {b} and {c}.", value: add },
  ],
  validation: [
    { text: "Begin with {a}, add {b}, then subtract {c}.", value: ([a = 0, b = 0, c = 0]) => a + b - c },
    { text: "How much is {a}, plus {b}, plus {c}?", value: add },
    { text: "Give me the maximum of {a}, {b} and {c}.", value: largest },
    { text: "{qa} {qb} {qc} What is the sum of the three results?", value: add },
  ],
  heldout: [
    { text: "Take {a}, subtract {b}, and add {c}.", value: ([a = 0, b = 0, c = 0]) => a - b + c },
    { text: "Give me the sum of {a}, {b} and {c}.", value: add },
    { text: "What is the minimum of {a}, {b} and {c}?", value: smallest },
    { text: "{qa} {qb} {qc} What is the largest of the three answers?", value: largest },
  ],
};

const lists: Readonly<Record<Split, readonly string[]>> = {
  train: [
    "{qa} {qb} {qc}",
    "Tell me {a}, and also {b}{c}.",
    "Work out {a}; {b}{c}. Give each result.",
    "Some questions: {qa} {qb} {qc}",
    "I want to know the following: {a}; {b}{c}.",
    "First: {qa} Second: {qb} {qc}",
  ],
  validation: ["Please answer the following questions: {qa} {qb} {qc}", "Please answer: {qa} {qb} {qc}"],
  heldout: [
    "Answer these questions: {qa} {qb} {qc}",
    "Find {a}; also {b}{c}.",
    "I have some questions. {qa} {qb} {qc}",
  ],
};

export interface Joined {
  readonly query: string;
  readonly answer: string;
  readonly exact: boolean;
}

/** As the engine's programs print: whole numbers as such, others to 12 significant digits. */
export function showNumber(value: number): string {
  return String(Number(value.toPrecision(12)));
}

function sentence(text: string | undefined): string {
  return text === undefined || /[.?!]$/.test(text) ? (text ?? "") : `${text}.`;
}

/** Two or three parts, none of them a target puzzle. */
export function joinParts(parts: readonly PartTask[], split: Split, random: Random): Joined {
  const [a, b, c] = parts;
  const slots = {
    a: a?.noun ?? "",
    b: b?.noun ?? "",
    c: c?.noun ?? "",
    qa: sentence(a?.ask),
    qb: sentence(b?.ask),
    qc: sentence(c?.ask),
  };
  const values = parts.flatMap((part) => (typeof part.value === "number" ? [part.value] : []));
  if (values.length < parts.length) {
    const third = c === undefined ? "" : `; ${c.noun}`;
    const text = fillIn(random.pick(lists[split]), { ...slots, c: third });
    const answer = parts.map(({ value }) => (typeof value === "number" ? showNumber(value) : (value ?? ""))).join("; ");
    return { query: text.trim(), answer, exact: true };
  }
  const joiner = random.pick((parts.length === 2 ? two : three)[split]);
  return { query: fillIn(joiner.text, slots), answer: showNumber(joiner.value(values)), exact: false };
}
