// Reads arithmetic in signs or plain words with the usual precedence ("17 times 23 minus 4", "12% of 250",
// "the square root of 144 plus 2^5") into a Python expression over exact fractions. It computes nothing.

import { type Item, isNumberAt, skipWords, textAt } from "./items.ts";
import type { Found } from "./part.ts";
import { maxOperations, readChain } from "./read-chain.ts";
import { type Parsed, readVerb } from "./read-verb.ts";

/** Deeper nesting is not a question anyone asks, and recursion must end. */
const maxDepth = 40;

export function readArithmeticParts(items: readonly Item[]): Found[] {
  const found: Found[] = [];
  for (let at = 0; at < items.length;) {
    // "<part> minus 4 times 5" takes something from the part: no product of minus four.
    if (items[at - 1]?.kind === "part" && ["-", "minus"].includes(textAt(items, at))) {
      at += 1;
      continue;
    }
    const verb = readVerb(items, at, (from) => readSum(items, from, 0));
    const parsed = verb ?? readSum(items, at, 0);
    const chained = parsed === null ? null : readChain(items, parsed, (from) => readProduct(items, from, 0));
    if (chained !== null && chained.operations > 0 && chained.operations <= maxOperations) {
      found.push({ part: { kind: "arithmetic", expression: chained.text }, from: at, to: chained.next });
      at = chained.next;
    } else {
      at += 1;
    }
  }
  return found;
}

type Read = (items: readonly Item[], at: number, depth: number) => Parsed | null;

function signAt(items: readonly Item[], at: number, signs: readonly (readonly [string, string])[]) {
  for (const [words, operator] of signs) {
    const texts = words.split(" ");
    if (texts.every((text, offset) => textAt(items, at + offset) === text)) {
      return { operator, next: at + texts.length };
    }
  }
  return null;
}

const additive = [
  ["+", "+"],
  ["plus", "+"],
  ["added to", "+"],
  ["-", "-"],
  ["minus", "-"],
  ["less", "-"],
] as const;
const multiplicative = [
  ["*", "*"],
  ["x", "*"],
  ["times", "*"],
  ["multiplied by", "*"],
  ["/", "/"],
  ["divided by", "/"],
  ["over", "/"],
  ["modulo", "%"],
  ["mod", "%"],
] as const;

function leftToRight(operand: Read, signs: readonly (readonly [string, string])[]): Read {
  return (items, at, depth) => {
    let left = operand(items, at, depth);
    while (left !== null) {
      const sign = signAt(items, left.next, signs);
      // "the mean of 3, 5 minus 17" may leave a sign without an operand: then it is not ours.
      const known = sign === null || left.operations > maxOperations || isYearSpan(items, left.next);
      const right = known ? null : operand(items, sign.next, depth);
      if (sign === null || right === null) {
        return left;
      }
      left = {
        text: `${left.text} ${sign.operator} ${right.text}`,
        next: right.next,
        operations: left.operations + right.operations + 1,
      };
    }
    return null;
  };
}

/** "1894-95": a year and two digits without a space. */
function isYearSpan(items: readonly Item[], at: number): boolean {
  const [year, sign, end] = [items[at - 1], items[at], items[at + 1]];
  const together = year?.end === sign?.start && sign?.end === end?.start;
  return sign?.text === "-" && together && /^[12]\d{3}$/.test(year?.text ?? "") && /^\d{2}$/.test(end?.text ?? "");
}

const readSum: Read = (items, at, depth) => leftToRight(readProduct, additive)(items, at, depth);
const readProduct: Read = (items, at, depth) => leftToRight(readSigned, multiplicative)(items, at, depth);

function readSigned(items: readonly Item[], at: number, depth: number): Parsed | null {
  const negative = textAt(items, at) === "-" || textAt(items, at) === "minus" || textAt(items, at) === "negative";
  const power = readPower(items, negative ? at + 1 : at, depth);
  return power === null || !negative ? power : { ...power, text: `-${power.text}` };
}

const powers = [
  ["^", "**"],
  ["* *", "**"],
  ["to the power of", "**"],
  ["to the power", "**"],
  ["raised to the power of", "**"],
  ["raised to the power", "**"],
  ["raised to", "**"],
] as const;

function readPower(items: readonly Item[], at: number, depth: number): Parsed | null {
  const base = readPostfix(items, at, depth);
  const ordinal = base === null ? null : readOrdinalPower(items, base);
  if (ordinal !== null) {
    return ordinal;
  }
  const sign = base === null || depth > maxDepth ? null : signAt(items, base.next, powers);
  const exponent = sign === null ? null : readSigned(items, sign.next, depth + 1);
  return base === null || exponent === null
    ? base
    : {
        text: `power(${base.text}, ${exponent.text})`,
        next: exponent.next,
        operations: base.operations + exponent.operations + 1,
      };
}

/** "3 to the 4th", "raised to the 4th power" */
function readOrdinalPower(items: readonly Item[], base: Parsed): Parsed | null {
  const at = skipWords(items, base.next, new Set(["raised"]), 1);
  const ends = ["st", "nd", "rd", "th"].includes(textAt(items, at + 3));
  if (textAt(items, at) !== "to" || textAt(items, at + 1) !== "the" || !isNumberAt(items, at + 2) || !ends) {
    return null;
  }
  const next = at + 4 + (textAt(items, at + 4) === "power" ? 1 : 0);
  return { text: `power(${base.text}, F("${textAt(items, at + 2)}"))`, next, operations: base.operations + 1 };
}

/** What may follow a value: squared, cubed, a factorial sign, or a percent sign with or without "of". */
function readPostfix(items: readonly Item[], at: number, depth: number): Parsed | null {
  let value = readAtom(items, at, depth);
  for (let rounds = 0; value !== null && rounds < 4; rounds += 1) {
    const next: string = textAt(items, value.next);
    const operations: number = value.operations + 1;
    if (next === "squared" || next === "cubed") {
      value = { text: `power(${value.text}, F(${next === "squared" ? 2 : 3}))`, next: value.next + 1, operations };
    } else if (next === "!" || next === "factorial") {
      value = { text: `factorial(${value.text})`, next: value.next + 1, operations };
    } else if (Object.hasOwn(shares, next) && textAt(items, value.next + 1) === "of" && depth < maxDepth) {
      const whole: Parsed | null = readPostfix(items, value.next + 2, depth + 1);
      return whole === null
        ? value
        : {
            text: `(${value.text} / F(${shares[next] ?? 1}) * ${whole.text})`,
            next: whole.next,
            operations: operations + whole.operations,
          };
    } else if (next === "%" || next === "percent") {
      const joint: string = textAt(items, value.next + 1);
      const whole: Parsed | null =
        (joint === "of" || joint === "off") && depth < maxDepth ? readPostfix(items, value.next + 2, depth + 1) : null;
      // "15% off 80" is what is left of the 80.
      const part: string = joint === "off" ? `(1 - ${value.text} / F(100))` : `(${value.text} / F(100))`;
      return whole === null
        ? { text: `(${value.text} / F(100))`, next: value.next + 1, operations }
        : { text: `(${part} * ${whole.text})`, next: whole.next, operations: operations + whole.operations };
    } else {
      return value;
    }
  }
  return value;
}

/** "three quarters of 80" */
const shares: Readonly<Record<string, number>> = {
  halves: 2,
  third: 3,
  thirds: 3,
  quarter: 4,
  quarters: 4,
  fifths: 5,
  tenths: 10,
};

const functions = [
  ["square root of", "root(", ", 2)"],
  ["cube root of", "root(", ", 3)"],
  ["sqrt of", "root(", ", 2)"],
  ["sqrt", "root(", ", 2)"],
  ["√", "root(", ", 2)"],
  ["square of", "power(", ", F(2))"],
  ["cube of", "power(", ", F(3))"],
  ["factorial of", "factorial(", ")"],
  ["half of", "(F(1, 2) * ", ")"],
  ["a third of", "(F(1, 3) * ", ")"],
  ["a quarter of", "(F(1, 4) * ", ")"],
  ["½ of", "(F(1, 2) * ", ")"],
  ["⅓ of", "(F(1, 3) * ", ")"],
  ["⅔ of", "(F(2, 3) * ", ")"],
  ["¼ of", "(F(1, 4) * ", ")"],
  ["¾ of", "(F(3, 4) * ", ")"],
  ["twice", "(2 * ", ")"],
  ["double", "(2 * ", ")"],
] as const;

function readAtom(items: readonly Item[], start: number, depth: number): Parsed | null {
  const at = textAt(items, start) === "the" ? start + 1 : start;
  if (depth > maxDepth) {
    return null;
  }
  if (isNumberAt(items, at)) {
    // Python would take seconds over a number of thousands of digits.
    const digits = textAt(items, at);
    return digits.length > 60 ? null : { text: `F("${digits}")`, next: at + 1, operations: 0 };
  }
  if (textAt(items, at) === "(" || textAt(items, at) === "[") {
    const inner = readSum(items, at + 1, depth + 1);
    const closed = inner !== null && textAt(items, inner.next) === (textAt(items, at) === "(" ? ")" : "]");
    return inner !== null && closed
      ? { text: `(${inner.text})`, next: inner.next + 1, operations: inner.operations }
      : null;
  }
  for (const [words, opening, closing] of functions) {
    const sign = signAt(items, at, [[words, ""]]);
    const inner = sign === null ? null : readPostfix(items, sign.next, depth + 1);
    if (inner !== null) {
      return { text: `${opening}${inner.text}${closing}`, next: inner.next, operations: inner.operations + 1 };
    }
  }
  return readRemainder(items, at, depth) ?? readPairFunction(items, at, depth);
}

/** "the remainder of 17 divided by 5", "the remainder when 17 is divided by 5" */
function readRemainder(items: readonly Item[], at: number, depth: number): Parsed | null {
  const named = textAt(items, at) === "remainder" && ["of", "when"].includes(textAt(items, at + 1));
  const left = named ? readPostfix(items, at + 2, depth + 1) : null;
  const sign =
    left === null
      ? null
      : signAt(items, left.next, [
          ["divided by", ""],
          ["is divided by", ""],
        ]);
  const right = sign === null ? null : readPostfix(items, sign.next, depth + 1);
  return left === null || right === null
    ? null
    : { text: `(${left.text} % ${right.text})`, next: right.next, operations: left.operations + right.operations + 1 };
}

/** "the product of 17 and 23", "the difference between 5 and 9" (the larger less the smaller). */
function readPairFunction(items: readonly Item[], at: number, depth: number): Parsed | null {
  const name = textAt(items, at);
  const templates: Readonly<Record<string, (a: string, b: string) => string>> = {
    product: (a, b) => `(${a} * ${b})`,
    sum: (a, b) => `(${a} + ${b})`,
    quotient: (a, b) => `(${a} / ${b})`,
    difference: (a, b) => `abs(${a} - ${b})`,
  };
  const template = Object.hasOwn(templates, name) ? templates[name] : undefined;
  if (template === undefined || !["of", "between"].includes(textAt(items, at + 1))) {
    return null;
  }
  const left = readSum(items, at + 2, depth + 1);
  const right = left === null || textAt(items, left.next) !== "and" ? null : readSum(items, left.next + 1, depth + 1);
  return left === null || right === null
    ? null
    : { text: template(left.text, right.text), next: right.next, operations: left.operations + right.operations + 1 };
}
