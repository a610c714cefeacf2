// Reads a regular expression of JavaScript's `u` syntax into a tree. It refuses what cannot be matched in linear time:
// look-around and backreferences. What one character matches is left to the engine's own RegExp, one atom at a time.

import { err, ok, type Result } from "../../lib/result.ts";

export type PatternNode =
  | { readonly kind: "char"; readonly source: string }
  | { readonly kind: "assertion"; readonly which: Assertion }
  | { readonly kind: "sequence" | "choice"; readonly items: readonly PatternNode[] }
  | { readonly kind: "repeat"; readonly of: PatternNode; readonly min: number; readonly max: number };

export type Assertion = "^" | "$" | "\\b" | "\\B";

/** Groups within groups; the reader calls itself for each. */
const maxNesting = 50;
const quantifier = /(?:[*+?]|\{(\d+)(?:(,)(\d*))?\})\??/y;
/** One escaped character, a property, a code point (perhaps written as two surrogates), else the character itself. */
const atom =
  /\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|\\u\{[^}]*\}|\\u[\da-fA-F]{4}|\\x[\da-fA-F]{2}|\\c[A-Za-z]|\\[pP]\{[^}]*\}|\\.|\[(?:\\.|[^\]\\])*\]|[^]/suy;

class Refusal extends Error {}

/** The pattern has already been accepted by `new RegExp(pattern, "u")`, so that only its structure is read here. */
export function parsePattern(pattern: string): Result<PatternNode, string> {
  try {
    return ok(new PatternReader(pattern).choice(0));
  } catch (error) {
    if (error instanceof Refusal) {
      return err(error.message);
    }
    throw error;
  }
}

class PatternReader {
  readonly #pattern: string;
  #at = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  choice(depth: number): PatternNode {
    if (depth > maxNesting) {
      throw new Refusal(`groups are nested deeper than ${maxNesting}`);
    }
    const items = [this.#sequence(depth)];
    while (this.#take("|")) {
      items.push(this.#sequence(depth));
    }
    return { kind: "choice", items };
  }

  #sequence(depth: number): PatternNode {
    const items: PatternNode[] = [];
    while (this.#at < this.#pattern.length && !/^[|)]/.test(this.#rest(1))) {
      items.push(this.#quantified(this.#term(depth)));
    }
    return { kind: "sequence", items };
  }

  #term(depth: number): PatternNode {
    for (const which of ["^", "$", "\\b", "\\B"] as const) {
      if (this.#take(which)) {
        return { kind: "assertion", which };
      }
    }
    if (this.#take("(")) {
      this.#openGroup();
      const inner = this.choice(depth + 1);
      this.#take(")");
      return inner;
    }
    if (/^\\[k1-9]/.test(this.#rest(2))) {
      throw new Refusal("backreferences are not supported: they cannot be matched in linear time");
    }
    return { kind: "char", source: this.#match(atom)?.[0] ?? "" };
  }

  #openGroup(): void {
    if (!this.#take("?")) {
      return;
    }
    if (/^(?:=|!|<=|<!)/.test(this.#rest(2))) {
      throw new Refusal("look-ahead and look-behind are not supported");
    }
    if (!this.#take(":") && this.#match(/<[^>]*>/y) === null) {
      throw new Refusal("flags inside a group are not supported");
    }
  }

  #quantified(of: PatternNode): PatternNode {
    const match = this.#match(quantifier);
    if (match === null) {
      return of;
    }
    const [sign, low, comma, high] = match;
    if (low === undefined) {
      return { kind: "repeat", of, min: sign.startsWith("+") ? 1 : 0, max: sign.startsWith("?") ? 1 : Infinity };
    }
    const min = Number(low);
    const max = comma === undefined ? min : Infinity;
    return { kind: "repeat", of, min, max: high === undefined || high === "" ? max : Number(high) };
  }

  #rest(length: number): string {
    return this.#pattern.slice(this.#at, this.#at + length);
  }

  #take(text: string): boolean {
    const found = this.#pattern.startsWith(text, this.#at);
    this.#at += found ? text.length : 0;
    return found;
  }

  #match(sticky: RegExp): RegExpExecArray | null {
    sticky.lastIndex = this.#at;
    const match = sticky.exec(this.#pattern);
    this.#at += match?.[0].length ?? 0;
    return match;
  }
}
