// Real numbers as the math reward needs them: exact fractions as long as possible, else sixty decimal places, so
// that 2√2 and √8 agree to far more digits than any two different short answers do. Sizes are bounded: beyond them
// an operation gives null.

import { absolute, type Fraction, fraction } from "../../lib/fraction.ts";

export type Real =
  | { readonly kind: "exact"; readonly value: Fraction }
  | { readonly kind: "approximate"; readonly scaled: bigint };

const places = 10n ** 60n;
/** 6,000 decimal digits: more than any answer, cheap to multiply. */
const maxBits = 20_000;
const maxExponent = 1000n;
const maxRoot = 12n;
/** What remains of the sixty places after the rounding of some hundred operations. */
const agreement = 10n ** 40n;

export function exact(value: Fraction): Real | null {
  return bits(value.top) + bits(value.bottom) > maxBits ? null : { kind: "exact", value };
}

export function approximate(decimal: string): Real {
  const [whole = "0", decimals = ""] = decimal.split(".");
  return { kind: "approximate", scaled: BigInt(whole + decimals.slice(0, 60).padEnd(60, "0")) };
}

function fromScaled(scaled: bigint): Real | null {
  return bits(scaled) > maxBits ? null : { kind: "approximate", scaled };
}

function bits(value: bigint): number {
  return absolute(value).toString(16).length * 4;
}

function toScaled(real: Real): bigint {
  return real.kind === "exact" ? (real.value.top * places) / real.value.bottom : real.scaled;
}

export function add(a: Real, b: Real): Real | null {
  if (a.kind === "exact" && b.kind === "exact") {
    return exact(
      fraction(a.value.top * b.value.bottom + b.value.top * a.value.bottom, a.value.bottom * b.value.bottom),
    );
  }
  return fromScaled(toScaled(a) + toScaled(b));
}

export function multiply(a: Real, b: Real): Real | null {
  if (a.kind === "exact") {
    return b.kind === "exact"
      ? exact(fraction(a.value.top * b.value.top, a.value.bottom * b.value.bottom))
      : fromScaled((b.scaled * a.value.top) / a.value.bottom);
  }
  return b.kind === "exact" ? multiply(b, a) : fromScaled((a.scaled * b.scaled) / places);
}

export function negate(a: Real): Real {
  return a.kind === "exact"
    ? { kind: "exact", value: { top: -a.value.top, bottom: a.value.bottom } }
    : { kind: "approximate", scaled: -a.scaled };
}

export function isZero(a: Real): boolean {
  return a.kind === "exact" ? a.value.top === 0n : absolute(a.scaled) * agreement < places;
}

export function isNegative(a: Real): boolean {
  return (a.kind === "exact" ? a.value.top : a.scaled) < 0n;
}

/** Null for zero. */
export function invert(a: Real): Real | null {
  if (isZero(a)) {
    return null;
  }
  return a.kind === "exact" ? exact(fraction(a.value.bottom, a.value.top)) : fromScaled((places * places) / a.scaled);
}

/** Fractional exponents are roots. Null where the result is not real, too large, or of an irrational exponent. */
export function raise(base: Real, exponent: Real): Real | null {
  if (exponent.kind !== "exact") {
    return null;
  }
  const { top, bottom } = exponent.value;
  const root = bottom === 1n ? base : rootOf(base, bottom);
  if (root === null || absolute(top) > maxExponent) {
    return null;
  }
  const power = integerPower(root, absolute(top));
  return power === null || top >= 0n ? power : invert(power);
}

function integerPower(base: Real, exponent: bigint): Real | null {
  const size = base.kind === "exact" ? bits(base.value.top) + bits(base.value.bottom) : bits(base.scaled) - 200;
  if (Math.max(1, size) * Number(exponent) > maxBits) {
    return null;
  }
  if (base.kind === "exact") {
    return exact(fraction(base.value.top ** exponent, base.value.bottom ** exponent));
  }
  let power: Real | null = { kind: "exact", value: fraction(1n) };
  for (let count = 0n; count < exponent && power !== null; count += 1n) {
    power = multiply(power, base);
  }
  return power;
}

function rootOf(base: Real, degree: bigint): Real | null {
  if (degree > maxRoot || (isNegative(base) && degree % 2n === 0n)) {
    return null;
  }
  if (isNegative(base)) {
    const positive = rootOf(negate(base), degree);
    return positive === null ? null : negate(positive);
  }
  if (base.kind === "exact") {
    const [top, bottom] = [integerRoot(base.value.top, degree), integerRoot(base.value.bottom, degree)];
    if (top ** degree === base.value.top && bottom ** degree === base.value.bottom) {
      return exact(fraction(top, bottom));
    }
  }
  return fromScaled(integerRoot(toScaled(base) * places ** (degree - 1n), degree));
}

/** The largest integer whose power is not above `value`, by Newton's method from above. */
function integerRoot(value: bigint, degree: bigint): bigint {
  if (value < 2n) {
    return value;
  }
  let guess = 1n << (BigInt(bits(value)) / degree + 1n);
  for (;;) {
    const next = ((degree - 1n) * guess + value / guess ** (degree - 1n)) / degree;
    if (next >= guess) {
      return guess;
    }
    guess = next;
  }
}

/** Equal to 40 significant digits where one of them is irrational, else exactly. */
export function isEqual(a: Real, b: Real): boolean {
  if (a.kind === "exact" && b.kind === "exact") {
    return a.value.top === b.value.top && a.value.bottom === b.value.bottom;
  }
  return isWithin(a, b, agreement);
}

/** Whether they differ by at most one part in `parts` of the larger (or of one, where both are smaller). */
export function isWithin(a: Real, b: Real, parts: bigint): boolean {
  const [left, right] = [toScaled(a), toScaled(b)];
  const larger = [absolute(left), absolute(right), parts === agreement ? places : 0n].reduce((x, y) => (x > y ? x : y));
  return absolute(left - right) * parts <= larger;
}

/** A name that equal values share. */
export function nameOf(a: Real): string {
  return a.kind === "exact" ? `${a.value.top}/${a.value.bottom}` : String(a.scaled / 10n ** 15n);
}
