// Reads arithmetic that begins with its verb: "multiply 17 by 23", "add 3 and 4", "subtract 4 from 17",
// "increase 250 by 12%", "divide 9 by 4", "raise 2 to the power of 10".

import { type Item, textAt } from "./items.ts";

/** A piece of a Python expression, the index after it, and how many operations it holds. */
export interface Parsed {
  readonly text: string;
  readonly next: number;
  readonly operations: number;
}

interface Form {
  readonly joint: readonly string[];
  readonly build: (a: string, b: string) => string;
}

const forms: Readonly<Record<string, readonly Form[]>> = {
  add: [{ joint: ["and", "to"], build: (a, b) => `(${a}) + (${b})` }],
  subtract: [{ joint: ["from"], build: (a, b) => `(${b}) - (${a})` }],
  multiply: [{ joint: ["by", "and", "with"], build: (a, b) => `(${a}) * (${b})` }],
  divide: [{ joint: ["by"], build: (a, b) => `(${a}) / (${b})` }],
  increase: [{ joint: ["by"], build: (a, b) => `(${a}) + (${b})` }],
  decrease: [{ joint: ["by"], build: (a, b) => `(${a}) - (${b})` }],
  reduce: [{ joint: ["by"], build: (a, b) => `(${a}) - (${b})` }],
};

export function readVerb(items: readonly Item[], at: number, read: (from: number) => Parsed | null): Parsed | null {
  const verb = textAt(items, at);
  const known = Object.hasOwn(forms, verb) ? (forms[verb] ?? []) : [];
  const left = known.length === 0 ? null : read(at + 1);
  if (left === null) {
    return null;
  }
  const form = known.find((candidate) => candidate.joint.includes(textAt(items, left.next)));
  const right = form === undefined ? null : read(left.next + 1);
  if (form === undefined || right === null) {
    return null;
  }
  const operations = left.operations + right.operations + 1;
  const change = ["increase", "decrease", "reduce"].includes(verb);
  const share = change && ["%", "percent"].includes(textAt(items, right.next - 1));
  const text = share ? form.build(left.text, `${left.text} * ${right.text}`) : form.build(left.text, right.text);
  // "add 3 and 4 and 5"
  const more = verb === "add" && textAt(items, left.next) === "and" ? readMore(items, right.next, read) : [];
  const sum = more.reduce((before, { text: term }) => `${before} + (${term})`, text);
  return { text: sum, next: more.at(-1)?.next ?? right.next, operations: operations + more.length };
}

function readMore(items: readonly Item[], from: number, read: (from: number) => Parsed | null): Parsed[] {
  const more: Parsed[] = [];
  for (let at = from; textAt(items, at) === "and"; at = more.at(-1)?.next ?? items.length) {
    const term = read(at + 1);
    if (term === null) {
      break;
    }
    more.push(term);
  }
  return more;
}
