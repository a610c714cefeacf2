// Exact rational arithmetic over bigints. It knows no rounding and no irrational numbers; callers bound the size of
// what they put in, since a fraction grows without limit.

/** In lowest terms, with a positive denominator. */
export interface Fraction {
  readonly top: bigint;
  readonly bottom: bigint;
}

/** More digits than any answer has and few enough that a greatest common divisor stays cheap. */
const maxDigits = 400;
/** A little past the range of a double. */
const maxExponent = 400;
const decimal = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d{1,4}))?$/i;

/** `bottom` must not be zero. */
export function fraction(top: bigint, bottom = 1n): Fraction {
  const divisor = greatestCommonDivisor(top, bottom) * (bottom < 0n ? -1n : 1n);
  return { top: top / divisor, bottom: bottom / divisor };
}

function greatestCommonDivisor(left: bigint, right: bigint): bigint {
  let [a, b] = [absolute(left), absolute(right)];
  while (b !== 0n) {
    [a, b] = [b, a % b];
  }
  return a;
}

export function absolute(value: bigint): bigint {
  return value < 0n ? -value : value;
}

/** A decimal such as `-12.50` or `1e-7` as it is written, not as the nearest double. Null where it is none or too long. */
export function decimalFraction(text: string): Fraction | null {
  const match = text.length > maxDigits ? null : decimal.exec(text);
  if (match === null) {
    return null;
  }
  const [, sign = "", whole = "", decimals = "", exponent = "0"] = match;
  const shift = Number(exponent);
  if (whole + decimals === "" || Math.abs(shift) > maxExponent) {
    return null;
  }
  const digits = BigInt(whole + decimals) * (sign === "-" ? -1n : 1n);
  const places = BigInt(decimals.length) - BigInt(shift);
  return places >= 0n ? fraction(digits, 10n ** places) : fraction(digits * 10n ** -places);
}

export function addFractions(a: Fraction, b: Fraction): Fraction {
  return fraction(a.top * b.bottom + b.top * a.bottom, a.bottom * b.bottom);
}

export function subtractFractions(a: Fraction, b: Fraction): Fraction {
  return addFractions(a, negateFraction(b));
}

export function negateFraction(a: Fraction): Fraction {
  return { top: -a.top, bottom: a.bottom };
}

export function multiplyFractions(a: Fraction, b: Fraction): Fraction {
  return fraction(a.top * b.top, a.bottom * b.bottom);
}

/** Null where `b` is zero. */
export function divideFractions(a: Fraction, b: Fraction): Fraction | null {
  return b.top === 0n ? null : fraction(a.top * b.bottom, a.bottom * b.top);
}

/** Negative, zero or positive, as of `a - b`. */
export function compareFractions(a: Fraction, b: Fraction): bigint {
  return a.top * b.bottom - b.top * a.bottom;
}
