// The value of a formula where its names have values: equal formulas have equal values at every point, and unequal ones
// differ at one of a few fixed points (Schwartz and Zippel's test of polynomial identities). Functions such as sin
// are not computed: they get a value that follows from their name and argument alone.

import { absolute, fraction } from "../../lib/fraction.ts";
import { unreachable } from "../../lib/unreachable.ts";
import type { Formula } from "./parse-formula.ts";
import {
  add,
  approximate,
  exact,
  invert,
  isNegative,
  isZero,
  multiply,
  negate,
  raise,
  type Real,
  nameOf,
} from "./real.ts";

/** Signs of the names' values: a negative point tells |x| and √x² from x. */
export const points = [1n, 1n, -1n] as const;

const pi = approximate(
  "3.1415926535897932384626433832795028841971693993751058209749445923078164062862089986280348253421170679",
);
const e = approximate(
  "2.7182818284590452353602874713526624977572470936999595749669676277240766303535475945713821785251664274",
);

/** Null where it has none at this point: a division by zero, or a number too large. */
export function evaluateFormula(formula: Formula, point: number): Real | null {
  const valueOf = (part: Formula): Real | null => evaluateFormula(part, point);
  switch (formula.kind) {
    case "number":
      return exact(formula.value);
    case "name":
      return nameValue(formula.name, point);
    case "add":
      return both(valueOf(formula.left), valueOf(formula.right), add);
    case "multiply":
      return both(valueOf(formula.left), valueOf(formula.right), multiply);
    case "power":
      return both(valueOf(formula.left), valueOf(formula.right), power);
    case "call":
      return callValue(formula.name, formula.of.map(valueOf));
    case "negate":
    case "invert":
    case "absolute":
    case "factorial":
    case "percent": {
      const value = valueOf(formula.of);
      return value === null ? null : unary(formula.kind, value);
    }
    default:
      return unreachable(formula);
  }
}

function both(a: Real | null, b: Real | null, operate: (a: Real, b: Real) => Real | null): Real | null {
  return a === null || b === null ? null : operate(a, b);
}

function unary(kind: "negate" | "invert" | "absolute" | "factorial" | "percent", value: Real): Real | null {
  switch (kind) {
    case "negate":
      return negate(value);
    case "invert":
      return invert(value);
    case "absolute":
      return isNegative(value) ? negate(value) : value;
    case "factorial":
      return factorial(value);
    case "percent":
      return multiply(value, { kind: "exact", value: fraction(1n, 100n) });
    default:
      return unreachable(kind);
  }
}

function power(base: Real, exponent: Real): Real | null {
  if (isZero(base)) {
    return isNegative(exponent) || isZero(exponent) ? null : base;
  }
  return raise(base, exponent) ?? opaque(`power ${nameOf(base)} ${nameOf(exponent)}`, 1n);
}

function factorial(value: Real): Real {
  const number = value.kind === "exact" && value.value.bottom === 1n ? value.value.top : -1n;
  if (number < 0n || number > 200n) {
    return opaque(`factorial ${nameOf(value)}`, 1n);
  }
  let product = 1n;
  for (let factor = 2n; factor <= number; factor += 1n) {
    product *= factor;
  }
  return { kind: "exact", value: fraction(product) };
}

function callValue(name: string, values: readonly (Real | null)[]): Real | null {
  const known = values.filter((value) => value !== null);
  const [first, second] = known;
  if (first === undefined || known.length < values.length) {
    return null;
  }
  if (name === "binom" && second !== undefined) {
    return binomial(first, second) ?? opaque(`binom ${known.map(nameOf).join(" ")}`, 1n);
  }
  return opaque(`${name} ${known.map(nameOf).join(" ")}`, 1n);
}

function binomial(a: Real, b: Real): Real | null {
  if (a.kind !== "exact" || b.kind !== "exact" || a.value.bottom !== 1n || b.value.bottom !== 1n) {
    return null;
  }
  const [n, k] = [a.value.top, b.value.top];
  if (k < 0n || n < k || n > 1000n) {
    return null;
  }
  let product = 1n;
  for (let index = 1n; index <= k; index += 1n) {
    product = (product * (n - k + index)) / index;
  }
  return exact(fraction(product));
}

function nameValue(name: string, point: number): Real {
  if (name === "\\pi" || name === "π") {
    return pi;
  }
  return name === "e" ? e : opaque(`name ${name} ${point}`, points[point] ?? 1n);
}

/** A small fraction that the text determines (FNV-1a), over seven so that a power of it is a seventh root. */
function opaque(text: string, sign: bigint): Real {
  let hash = 0xcbf29ce484222325n;
  for (const char of text) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(char.codePointAt(0) ?? 0)) * 0x100000001b3n);
  }
  const isPlainName = text.startsWith("name");
  const top = isPlainName ? (absolute(hash) % 97n) + 2n : (hash % 1_000_003n) + 2n;
  return { kind: "exact", value: fraction(top * sign, 7n) };
}
