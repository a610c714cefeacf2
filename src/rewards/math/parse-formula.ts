// Reads a formula, LaTeX or plain, into a tree. It takes the sum, product and power notations of school mathematics and
// names; anything else (relations, matrices, integrals, words) is not read, and is compared as text elsewhere.

import { decimalFraction, type Fraction } from "../../lib/fraction.ts";

export type Formula =
  | { readonly kind: "number"; readonly value: Fraction; readonly digits: number }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "add" | "multiply" | "power"; readonly left: Formula; readonly right: Formula }
  | { readonly kind: "negate" | "invert" | "absolute" | "factorial" | "percent"; readonly of: Formula }
  | { readonly kind: "call"; readonly name: string; readonly of: readonly Formula[] };

export const maxFormulaLength = 1000;
/** Brackets within brackets; each level is a few levels of recursion, here and in evaluation. */
const maxNesting = 40;
const tokens = /\\[a-zA-Z]+|\d+(?:\.\d+)?|\.\d+|\S/g;
const functions = /^\\?(?:sin|cos|tan|cot|sec|csc|arcsin|arccos|arctan|sinh|cosh|tanh|ln|log|exp|lg|gcd|max|min)$/;
const symbols =
  /^(?:[a-zA-Zα-ωΑ-Ω∞]|\\(?:alpha|beta|gamma|delta|epsilon|theta|lambda|mu|nu|rho|sigma|tau|phi|varphi|psi|omega|Omega|pi|infty|ell|hbar))$/;

/** Null where it is not read. The text has passed `plainFormula`. */
export function parseFormula(text: string): Formula | null {
  if (text.length > maxFormulaLength) {
    return null;
  }
  return new FormulaReader(text.match(tokens) ?? []).whole();
}

class FormulaReader {
  readonly #tokens: readonly string[];
  #at = 0;
  #depth = 0;

  constructor(found: readonly string[]) {
    this.#tokens = found;
  }

  whole(): Formula | null {
    const formula = this.#sum();
    return this.#at === this.#tokens.length ? formula : null;
  }

  #sum(): Formula | null {
    let left = this.#product();
    while (left !== null && (this.#sees("+") || this.#sees("-"))) {
      const isMinus = this.#next() === "-";
      const right = this.#product();
      left = right === null ? null : { kind: "add", left, right: isMinus ? { kind: "negate", of: right } : right };
    }
    return left;
  }

  #product(): Formula | null {
    let left = this.#signed();
    while (left !== null) {
      const isOver = this.#sees("/");
      if (isOver || this.#sees("*")) {
        this.#at += 1;
      } else if (!this.#startsFactor()) {
        return left;
      }
      const right = this.#signed();
      left = right === null ? null : { kind: "multiply", left, right: isOver ? { kind: "invert", of: right } : right };
    }
    return null;
  }

  /** What may follow without a sign of multiplication. A number may not: "3 4" is no product. */
  #startsFactor(): boolean {
    const token = this.#tokens[this.#at] ?? "";
    return /^(?:\(|\{|\\(?:frac|sqrt|binom)|√)$/.test(token) || symbols.test(token) || functions.test(token);
  }

  #signed(): Formula | null {
    if (this.#sees("-") || this.#sees("+")) {
      const isMinus = this.#next() === "-";
      const of = this.#nested(() => this.#signed());
      return of === null || !isMinus ? of : { kind: "negate", of };
    }
    return this.#power();
  }

  #power(): Formula | null {
    let left = this.#atom();
    while (left !== null && (this.#sees("!") || this.#sees("%"))) {
      left = { kind: this.#next() === "!" ? "factorial" : "percent", of: left };
    }
    if (left === null || !this.#sees("^")) {
      return left;
    }
    this.#at += 1;
    const right = this.#nested(() => (this.#sees("{") ? this.#argument() : this.#signed()));
    return right === null ? null : { kind: "power", left, right };
  }

  #atom(): Formula | null {
    const token = this.#next();
    if (/^[\d.]/.test(token)) {
      return toNumber(token);
    }
    if (token === "\\frac" || token === "\\binom") {
      const [top, bottom] = [this.#argument(), this.#argument()];
      if (top === null || bottom === null) {
        return null;
      }
      return token === "\\binom"
        ? { kind: "call", name: "binom", of: [top, bottom] }
        : { kind: "multiply", left: top, right: { kind: "invert", of: bottom } };
    }
    if (token === "\\sqrt" || token === "√") {
      return this.#root();
    }
    if (functions.test(token)) {
      return this.#call(token);
    }
    if (symbols.test(token)) {
      return this.#name(token);
    }
    const close = { "(": ")", "{": "}", "|": "|" }[token];
    if (close === undefined) {
      return null;
    }
    const inner = this.#nested(() => this.#sum());
    return inner === null || this.#next() !== close ? null : token === "|" ? { kind: "absolute", of: inner } : inner;
  }

  /** `{…}`, or as in TeX the one digit or token that follows. */
  #argument(): Formula | null {
    const token = this.#tokens[this.#at] ?? "";
    return token === "{" || token.startsWith("\\") || symbols.test(token)
      ? this.#nested(() => this.#atom())
      : this.#digit();
  }

  #digit(): Formula | null {
    const token = this.#next();
    return /^\d$/.test(token) ? toNumber(token) : null;
  }

  #root(): Formula | null {
    let degree: Formula | null = toNumber("2");
    if (this.#sees("[")) {
      this.#at += 1;
      degree = this.#nested(() => this.#sum());
      if (this.#next() !== "]") {
        return null;
      }
    }
    const of = /^[\d(]/.test(this.#tokens[this.#at] ?? "") ? this.#nested(() => this.#atom()) : this.#argument();
    return of === null || degree === null ? null : { kind: "power", left: of, right: { kind: "invert", of: degree } };
  }

  /** The value of a function is not computed: equal arguments give equal values, that is all. */
  #call(token: string): Formula | null {
    const base = this.#sees("_") ? this.#subscript() : "";
    const power = this.#sees("^") ? this.#exponent() : undefined;
    const of = this.#nested(() => this.#power());
    if (of === null || power === null || base === null) {
      return null;
    }
    const call: Formula = { kind: "call", name: token.replace("\\", "") + base, of: [of] };
    return power === undefined ? call : { kind: "power", left: call, right: power };
  }

  #exponent(): Formula | null {
    this.#at += 1;
    return this.#argument();
  }

  #name(token: string): Formula | null {
    const subscript = this.#sees("_") ? this.#subscript() : "";
    return subscript === null ? null : { kind: "name", name: token + subscript };
  }

  #subscript(): string | null {
    this.#at += 1;
    const end = this.#sees("{") ? this.#tokens.indexOf("}", this.#at) + 1 : this.#at + 1;
    const text = this.#tokens.slice(this.#at, end).join("").replaceAll(/[{}]/g, "");
    this.#at = Math.max(end, this.#at);
    return text === "" ? null : `_${text}`;
  }

  #nested(read: () => Formula | null): Formula | null {
    this.#depth += 1;
    const formula = this.#depth > maxNesting ? null : read();
    this.#depth -= 1;
    return formula;
  }

  #sees(token: string): boolean {
    return this.#tokens[this.#at] === token;
  }

  #next(): string {
    this.#at += 1;
    return this.#tokens[this.#at - 1] ?? "";
  }
}

function toNumber(token: string): Formula | null {
  const value = decimalFraction(token);
  return value === null ? null : { kind: "number", value, digits: token.replace(/^[0.]+/, "").replace(".", "").length };
}
