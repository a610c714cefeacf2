// A mathematical answer as it is compared: a formula, a tuple or interval, a set or list of solutions, a union of
// intervals, or, where it cannot be read, its text.

import { type Formula, maxFormulaLength, parseFormula } from "./parse-formula.ts";
import { evaluateFormula, points } from "./evaluate-formula.ts";
import { plainFormula, withoutThousands } from "./plain-formula.ts";
import { isEqual, isWithin, type Real } from "./real.ts";

export type MathValue =
  | { readonly kind: "text"; readonly text: string }
  | {
      readonly kind: "formula";
      readonly text: string;
      readonly values: readonly (Real | null)[];
      readonly long: boolean;
    }
  /** `brackets` are those of a tuple or interval; a set, a bare list and a union have none and no order. */
  | { readonly kind: "list"; readonly brackets: string; readonly items: readonly MathValue[] };

const maxItems = 50;
const maxNesting = 4;
/** Roots of long numbers are the costly part: this many take a few milliseconds. */
const maxPowers = 20;
/** A decimal of so many digits stands for the number that it was rounded from. */
const longDecimal = 10;
const longAgreement = 10n ** 9n;

export function readMath(text: string): MathValue {
  return text.length > maxFormulaLength * 2
    ? { kind: "text", text }
    : readPlain(plainFormula(text).replace(/^[a-zA-Z](?:_\{?\w{1,5}\}?)?\s*(?:=|\\in(?![a-z]))\s*/, ""), 0);
}

function readPlain(source: string, depth: number): MathValue {
  const text = source.trim();
  if (depth > maxNesting) {
    return { kind: "text", text };
  }
  const union = splitOutside(text, "\\cup");
  const list = union.length > 1 ? union : splitOutside(withoutThousands(text), ",");
  if (list.length > 1) {
    return toList("", list, depth);
  }
  const bracketed = /^([([⦃{])([^]*)([)\]⦄}])$/.exec(text);
  if (bracketed !== null) {
    const [, open = "", inside = "", close = ""] = bracketed;
    const isSet = open === "⦃" && close === "⦄";
    const items = inside.trim() === "" ? [] : splitOutside(inside, ",");
    const isPair = (open === "{") === (close === "}") && open !== "⦃" && close !== "⦄";
    if (isSet || (isPair && items.length > 1)) {
      return toList(isSet || open === "{" ? "" : open + close, items, depth);
    }
  }
  return readFormula(withoutThousands(text));
}

function toList(brackets: string, items: readonly string[], depth: number): MathValue {
  return items.length > maxItems
    ? { kind: "text", text: items.join(",") }
    : { kind: "list", brackets, items: items.map((item) => readPlain(item, depth + 1)) };
}

/** Splits where no bracket is open. Kinds of brackets are not told apart, since half-open intervals mix them. */
function splitOutside(text: string, separator: string): string[] {
  const parts: string[] = [];
  let [depth, start] = [0, 0];
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at] ?? "";
    depth += "([{⦃".includes(char) ? 1 : ")]}⦄".includes(char) ? -1 : 0;
    if (depth === 0 && text.startsWith(separator, at)) {
      parts.push(text.slice(start, at));
      start = at + separator.length;
    }
  }
  return [...parts, text.slice(start)];
}

function readFormula(text: string): MathValue {
  const compact = text.replaceAll(/\s+/g, "").toLowerCase();
  // Three letters and more are a word; as a product of names, "even" and "neve" would be equal.
  const isWord = /^[a-zA-Z\s]{3,}$/.test(text);
  const powers = text.match(/[\^√]|\\sqrt/g)?.length ?? 0;
  const formula = isWord || powers > maxPowers ? null : parseFormula(text);
  return formula === null
    ? { kind: "text", text: compact }
    : {
        kind: "formula",
        text: compact,
        values: points.map((_, point) => evaluateFormula(formula, point)),
        long: isLongDecimal(formula),
      };
}

function isLongDecimal(formula: Formula): boolean {
  const number = formula.kind === "negate" ? formula.of : formula;
  return number.kind === "number" && number.value.bottom !== 1n && number.digits >= longDecimal;
}

export function isSameMath(a: MathValue, b: MathValue): boolean {
  if (a.kind === "list" && b.kind === "list") {
    return (
      a.items.length === b.items.length && a.brackets === b.brackets && haveSameItems(a.items, b.items, a.brackets)
    );
  }
  if (a.kind === "list" || b.kind === "list") {
    return isSingle(a, b) || isSingle(b, a);
  }
  if (a.kind === "formula" && b.kind === "formula") {
    return haveSameValues(a.values, b.values, a.long || b.long);
  }
  return a.text !== "" && a.text === b.text;
}

/** A set of one solution is that solution. */
function isSingle(a: MathValue, b: MathValue): boolean {
  const [item, ...more] = a.kind === "list" && a.brackets === "" ? a.items : [];
  return item !== undefined && more.length === 0 && b.kind !== "list" && isSameMath(item, b);
}

function haveSameItems(left: readonly MathValue[], right: readonly MathValue[], brackets: string): boolean {
  if (brackets !== "") {
    return left.every((item, index) => {
      const other = right[index];
      return other !== undefined && isSameMath(item, other);
    });
  }
  const rest = [...right];
  return left.every((item) => {
    const index = rest.findIndex((other) => isSameMath(item, other));
    return index !== -1 && rest.splice(index, 1).length === 1;
  });
}

/** At every point where both have a value; where only one has, they differ. */
function haveSameValues(left: readonly (Real | null)[], right: readonly (Real | null)[], isLoose: boolean): boolean {
  let defined = 0;
  for (const [point, a] of left.entries()) {
    const b = right[point] ?? null;
    if (a === null && b === null) {
      continue;
    }
    if (a === null || b === null || !(isLoose ? isWithin(a, b, longAgreement) : isEqual(a, b))) {
      return false;
    }
    defined += 1;
  }
  return defined > 0;
}
