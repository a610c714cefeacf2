// Evaluates an expression of numbers, + - * / and round brackets exactly, and checks it against the rule of a number
// puzzle: each given number once. It knows no names, powers or functions, and reads nothing but its argument.

import {
  addFractions,
  decimalFraction,
  divideFractions,
  type Fraction,
  multiplyFractions,
  negateFraction,
  subtractFractions,
} from "./fraction.ts";

export interface Evaluated {
  readonly value: Fraction;
  /** In their order, without sign. */
  readonly numbers: readonly Fraction[];
}

/** Far more than eight numbers with all their brackets need; bounds the depth of the recursion too. */
export const maxExpressionLength = 300;

/** Null where the text is no such expression or divides by zero. */
export function evaluateExpression(text: string): Evaluated | null {
  if (text.length > maxExpressionLength) {
    return null;
  }
  const reader = new ExpressionReader(text.match(/\d+(?:\.\d+)?|\S/g) ?? []);
  const value = reader.sum();
  return value === null || !reader.isAtEnd() ? null : { value, numbers: reader.numbers };
}

/** As multisets, without signs: a given -3 is the digit 3 with a minus before it. */
export function usesEach({ numbers }: Evaluated, given: readonly Fraction[]): boolean {
  const name = ({ top, bottom }: Fraction): string => `${top}/${bottom}`.replace("-", "");
  return numbers.map(name).toSorted().join(" ") === given.map(name).toSorted().join(" ");
}

class ExpressionReader {
  readonly numbers: Fraction[] = [];
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  isAtEnd(): boolean {
    return this.#at === this.#tokens.length;
  }

  sum(): Fraction | null {
    let left = this.#product();
    while (left !== null) {
      const operate = this.#take("+") ? addFractions : this.#take("-") ? subtractFractions : null;
      if (operate === null) {
        return left;
      }
      const right = this.#product();
      left = right === null ? null : operate(left, right);
    }
    return null;
  }

  #product(): Fraction | null {
    let left = this.#factor();
    while (left !== null) {
      const operate = this.#take("*") ? multiplyFractions : this.#take("/") ? divideFractions : null;
      if (operate === null) {
        return left;
      }
      const right = this.#factor();
      left = right === null ? null : operate(left, right);
    }
    return null;
  }

  #factor(): Fraction | null {
    if (this.#take("-")) {
      const value = this.#factor();
      return value === null ? null : negateFraction(value);
    }
    if (this.#take("(")) {
      const inner = this.sum();
      return this.#take(")") ? inner : null;
    }
    const token = this.#tokens[this.#at] ?? "";
    const value = /^\d/.test(token) ? decimalFraction(token) : null;
    if (value !== null) {
      this.#at += 1;
      this.numbers.push(value);
    }
    return value;
  }

  #take(token: string): boolean {
    const found = this.#tokens[this.#at] === token;
    this.#at += found ? 1 : 0;
    return found;
  }
}
