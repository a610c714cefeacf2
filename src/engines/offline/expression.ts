// Evaluates an expression of numbers, + - * / and brackets exactly, over fractions of bigints. The verifier checks
// target puzzles with it; it knows no names, no powers and no functions, and reads nothing but its argument.

interface Fraction {
  readonly top: bigint;
  readonly bottom: bigint;
}

export interface Evaluated {
  /** In lowest terms, with a positive denominator. */
  readonly value: Fraction;
  /** The numbers used, as written, in their order. */
  readonly numbers: readonly string[];
}

/** Longer than any expression of six numbers. */
const maxChars = 500;

/** Null where the text is no such expression, or divides by zero. */
export function evaluateExpression(text: string): Evaluated | null {
  const tokens = text.length > maxChars ? null : text.match(/\d+(?:\.\d+)?|\S/g);
  if (tokens === null) {
    return null;
  }
  const numbers: string[] = [];
  let at = 0;
  const sum = (): Fraction | null => fold(product, { "+": add, "-": (a, b) => add(a, negate(b)) });
  const product = (): Fraction | null => fold(factor, { "*": multiply, "/": divide });
  const fold = (
    operand: () => Fraction | null,
    signs: Readonly<Record<string, (a: Fraction, b: Fraction) => Fraction | null>>,
  ): Fraction | null => {
    let left = operand();
    for (let sign = signs[tokens[at] ?? ""]; left !== null && sign !== undefined; sign = signs[tokens[at] ?? ""]) {
      at += 1;
      const right = operand();
      left = right === null ? null : sign(left, right);
    }
    return left;
  };
  const factor = (): Fraction | null => {
    const token = tokens[at] ?? "";
    at += 1;
    if (token === "-") {
      const value = factor();
      return value === null ? null : negate(value);
    }
    if (token === "(") {
      const inner = sum();
      at += 1;
      return tokens[at - 1] === ")" ? inner : null;
    }
    numbers.push(token);
    return toFraction(token);
  };
  const value = sum();
  return value === null || at !== tokens.length ? null : { value, numbers };
}

/** Whether the expression uses each of the numbers once and has the target's value. */
export function reachesTarget(expression: string, numbers: readonly string[], target: string): boolean {
  const evaluated = evaluateExpression(expression);
  const wanted = toFraction(target.replace(/^-/, ""));
  if (evaluated === null || wanted === null) {
    return false;
  }
  const goal = target.startsWith("-") ? negate(wanted) : wanted;
  const used = evaluated.numbers.map(Number).toSorted((a, b) => a - b);
  const given = numbers.map((text) => Math.abs(Number(text))).toSorted((a, b) => a - b);
  const sameNumbers = used.length === given.length && used.every((value, index) => value === given[index]);
  return sameNumbers && evaluated.value.top === goal.top && evaluated.value.bottom === goal.bottom;
}

export function toFraction(text: string): Fraction | null {
  if (!/^\d{1,60}(?:\.\d{1,60})?$/.test(text)) {
    return null;
  }
  const [whole = "0", decimals = ""] = text.split(".");
  return reduce(BigInt(whole + decimals), 10n ** BigInt(decimals.length));
}

function reduce(top: bigint, bottom: bigint): Fraction {
  let [a, b] = [top < 0n ? -top : top, bottom < 0n ? -bottom : bottom];
  while (b !== 0n) {
    [a, b] = [b, a % b];
  }
  const sign = bottom < 0n ? -1n : 1n;
  return { top: (sign * top) / a, bottom: (sign * bottom) / a };
}

function add(a: Fraction, b: Fraction): Fraction {
  return reduce(a.top * b.bottom + b.top * a.bottom, a.bottom * b.bottom);
}

function negate(a: Fraction): Fraction {
  return { top: -a.top, bottom: a.bottom };
}

function multiply(a: Fraction, b: Fraction): Fraction {
  return reduce(a.top * b.top, a.bottom * b.bottom);
}

function divide(a: Fraction, b: Fraction): Fraction | null {
  return b.top === 0n ? null : reduce(a.top * b.bottom, a.bottom * b.top);
}
