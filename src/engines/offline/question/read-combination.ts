// Reads from the words around the parts how their results become one answer: as a chain ("take A, add B, and
// subtract C"; "A plus B"), as one function of all ("the largest of A, B and C"), or, where nothing is said, as a list.

import { type Item, isNumberAt, textAt } from "./items.ts";
import type { ChainOperator, Combination, Fold, Operand, Part, PartKind } from "./part.ts";

const infix: Readonly<Record<string, ChainOperator>> = {
  "+": "+",
  plus: "+",
  "-": "-",
  minus: "-",
  less: "-",
  "*": "*",
  x: "*",
  times: "*",
  "/": "/",
  over: "/",
  divided: "/",
  multiplied: "*",
};
const verbs: Readonly<Record<string, ChainOperator>> = {
  add: "+",
  adding: "+",
  subtract: "-",
  subtracting: "-",
  deduct: "-",
  multiply: "*",
  multiplying: "*",
  divide: "/",
  dividing: "/",
};
const folds: Readonly<Record<string, Fold>> = {
  sum: "sum",
  total: "sum",
  add: "sum",
  together: "sum",
  altogether: "sum",
  product: "product",
  multiply: "product",
  difference: "difference",
  differ: "difference",
  subtract: "difference",
  quotient: "quotient",
  ratio: "quotient",
  divide: "quotient",
  largest: "max",
  larger: "max",
  greatest: "max",
  greater: "max",
  maximum: "max",
  max: "max",
  highest: "max",
  biggest: "max",
  bigger: "max",
  smallest: "min",
  smaller: "min",
  minimum: "min",
  min: "min",
  lowest: "min",
  least: "min",
  lesser: "min",
  mean: "mean",
  average: "mean",
};

interface Glued {
  readonly operands: readonly Operand[];
  /** Words before, between and after the operands; one more than there are operands. */
  readonly glue: readonly (readonly string[])[];
}

export function readCombination(items: readonly Item[]): {
  operands: readonly Operand[];
  combination: Combination | null;
} {
  const { operands, glue } = readOperands(items);
  const parts = items.flatMap((item) => (item.kind === "part" ? [item.part] : []));
  if (parts.length === 0 || operands.length < 2) {
    return { operands, combination: null };
  }
  if (parts.some(isText)) {
    return { operands: operands.filter((operand) => operand.source === "part"), combination: { how: "list" } };
  }
  const combination = readChain(glue) ?? readFold(glue) ?? { how: "list" };
  return { operands, combination };
}

/** Names, dates and expressions cannot be added up. */
function isText(part: Part): boolean {
  return (
    part.kind === "target" ||
    (part.kind === "weekday" && !part.asNumber) ||
    (part.kind === "days" && part.form === "shift")
  );
}

function operatorOf(text: string): boolean {
  return Object.hasOwn(infix, text) || Object.hasOwn(verbs, text);
}

/** Parts, and the numbers that an operator ties to them: "the mean of 3 and 5, plus 7". */
function readOperands(items: readonly Item[]): Glued {
  const operands: Operand[] = [];
  const ranks = new Map<PartKind, number>();
  const glue: string[][] = [[]];
  for (const [at, item] of items.entries()) {
    if (item.kind === "part") {
      const rank = (ranks.get(item.part.kind) ?? 0) + 1;
      ranks.set(item.part.kind, rank);
      operands.push({ source: "part", kind: item.part.kind, rank });
      glue.push([]);
    } else if (isOperandAt(items, at)) {
      operands.push({ source: "constant", value: item.text });
      glue.push([]);
    } else {
      glue.at(-1)?.push(item.text);
    }
  }
  return { operands, glue };
}

/** A number of the question that is calculated with as it stands. */
export function isOperandAt(items: readonly Item[], at: number): boolean {
  if (!isNumberAt(items, at)) {
    return false;
  }
  const by = textAt(items, at - 1) === "by";
  const before = textAt(items, at - (by ? 2 : 1));
  const takes = ["take", "from"].includes(before) || (by && (items[at - 2]?.kind === "part" || before === "it"));
  return operatorOf(before) || Object.hasOwn(infix, textAt(items, at + 1)) || takes;
}

/** Every place between two operands must name its operator. */
function readChain(glue: readonly (readonly string[])[]): Combination | null {
  const steps: (Combination & { how: "chain" })["steps"][number][] = [];
  for (const [index, words] of glue.slice(1, -1).entries()) {
    const lead = index === 0 ? (glue[0] ?? []) : [];
    const step = stepOf(words) ?? leadStep(lead, words);
    if (step === null) {
      return null;
    }
    steps.push(step);
  }
  return steps.length === 0 ? null : { how: "chain", steps };
}

function stepOf(words: readonly string[]) {
  for (const word of words) {
    if (Object.hasOwn(verbs, word)) {
      // "…, then subtract 5 from it" reads the same way as "…, then subtract 5".
      return { operator: verbs[word] ?? "+", binds: "steps", swap: false } as const;
    }
    if (Object.hasOwn(infix, word)) {
      return { operator: infix[word] ?? "+", binds: "words", swap: false } as const;
    }
  }
  return null;
}

/** "subtract A from B", "multiply A by B", "divide A by B", "add A to B" */
function leadStep(lead: readonly string[], words: readonly string[]) {
  const verb = lead.findLast((word) => Object.hasOwn(verbs, word));
  const operator = verb === undefined ? undefined : verbs[verb];
  const joint = words.find((word) => ["from", "by", "to", "with"].includes(word));
  if (operator === undefined || joint === undefined) {
    return null;
  }
  return { operator, binds: "steps", swap: operator === "-" && joint === "from" } as const;
}

/** What is said after the last part counts first ("… Add the results."), then before the first, then between. */
function readFold(glue: readonly (readonly string[])[]): Combination | null {
  for (const words of [glue.at(-1) ?? [], glue[0] ?? [], ...glue.slice(1, -1)]) {
    const word = words.find((candidate) => Object.hasOwn(folds, candidate));
    const fold = word === undefined ? undefined : folds[word];
    if (fold !== undefined) {
      return { how: "fold", fold };
    }
  }
  return null;
}
