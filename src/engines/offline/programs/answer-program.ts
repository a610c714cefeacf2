// The programs that print an answer to the whole question: `combine` joins the results that the context holds,
// however many there are; `guess` prints some number near those of the question; `restate` only says the question back.

import { unreachable } from "../../../lib/unreachable.ts";
import type { Combination, Fold, Operand } from "../question/part.ts";
import type { ReadQuestion } from "../question/read-question.ts";
import { readTokens } from "../question/tokens.ts";
import { type PartResult, renderResult, resultLabel } from "../results.ts";
import { pythonText, showFunction } from "./python.ts";

export function combineProgram(question: ReadQuestion, known: readonly PartResult[]): string {
  const values = new Map(known.map((result) => [resultLabel(result), result.value]));
  const operands = question.operands.map((operand) => valueOf(operand, values));
  // Results that are missing are left out: this program cannot know whether they would still come.
  if (known.length === 0 || operands.every((value) => value === null)) {
    return `raise LookupError("no result is known that could be combined")\n`;
  }
  const decimals = question.decimals === null ? "" : `, ${question.decimals}`;
  const answer = combine(question.combination ?? { how: "list" }, operands);
  const shown =
    question.combination === null || question.combination.how === "list" ? answer : `show(${answer}${decimals})`;
  return [
    showFunction,
    `# known: ${known.map(renderResult).join(", ").replaceAll("\n", " ")}`,
    `print("answer =", ${shown})\n`,
  ].join("\n\n");
}

/** The operand as text; null where its result is not known. */
function valueOf(operand: Operand, values: ReadonlyMap<string, string>): string | null {
  return operand.source === "constant" ? operand.value : (values.get(`${operand.kind} ${operand.rank}`) ?? null);
}

function combine(combination: Combination, operands: readonly (string | null)[]): string {
  const present = operands.flatMap((value) => (value === null ? [] : [value]));
  switch (combination.how) {
    case "list":
      return `"; ".join([${present.map(pythonText).join(", ")}])`;
    case "fold":
      return present.length === 1 ? toNumber(present[0] ?? "") : foldOf(combination.fold, present.map(toNumber));
    case "chain":
      return chainOf(combination.steps, operands);
    default:
      return unreachable(combination);
  }
}

function toNumber(value: string): string {
  return `F(${pythonText(value)})`;
}

function foldOf(fold: Fold, values: readonly string[]): string {
  const [first, ...rest] = values;
  switch (fold) {
    case "sum":
      return values.join(" + ");
    case "product":
      return values.join(" * ");
    case "difference":
      return values.length === 2 ? `abs(${values.join(" - ")})` : `${first} - ${rest.join(" - ")}`;
    case "quotient":
      return `${first} / ${rest.join(" / ")}`;
    case "max":
    case "min":
      return `${fold}(${values.join(", ")})`;
    case "mean":
      return `(${values.join(" + ")}) / ${values.length}`;
    default:
      return unreachable(fold);
  }
}

function chainOf(steps: Extract<Combination, { how: "chain" }>["steps"], operands: readonly (string | null)[]): string {
  let text = operands[0] === null || operands[0] === undefined ? null : toNumber(operands[0]);
  for (const [index, step] of steps.entries()) {
    const operand = operands[index + 1] ?? null;
    if (operand === null) {
      continue;
    }
    const value = toNumber(operand);
    if (text === null) {
      text = value;
    } else if (step.swap) {
      text = `${value} - (${text})`;
    } else {
      text = step.binds === "steps" ? `(${text}) ${step.operator} ${value}` : `${text} ${step.operator} ${value}`;
    }
  }
  return text ?? "None";
}

/** Somewhere between the question's numbers, or a weekday where one is asked for. */
export function guessProgram(query: string, question: ReadQuestion): string {
  const numbers = readTokens(query).flatMap((token) =>
    token.kind === "number" && token.text.length < 12 ? [token.text] : [],
  );
  const weekday = question.parts.length === 1 && question.parts[0]?.kind === "weekday" && !question.parts[0].asNumber;
  const guess = weekday
    ? `chance.choice("Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split())`
    : `chance.randint(int(min(numbers)), int(sum(numbers)))`;
  return [
    "import random",
    `chance = random.Random(${query.length})`,
    `numbers = [${numbers.length === 0 ? "0, 100" : numbers.slice(0, 50).map(Number).join(", ")}]`,
    `print("answer =", ${guess})\n`,
  ].join("\n");
}

export function restateProgram(query: string): string {
  return `question = ${pythonText(query.slice(0, 4000))}\nprint("The question has", len(question.split()), "words:", question)\n`;
}
