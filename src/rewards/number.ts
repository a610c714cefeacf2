// 1 where the last number of the answer is a gold answer's, after conversion of units and within the tolerance.
// Fractions and percent are exact: "1/2", "0.5" and "50%" are one number. It does not read numbers in words.
// That the last number counts is how GSM8K is scored (lm-evaluation-harness, `flexible-extract`); the tolerance is that
// of Python's `math.isclose`, the units are ours.

import {
  absolute,
  compareFractions,
  decimalFraction,
  type Fraction,
  fraction,
  multiplyFractions,
  subtractFractions,
} from "../lib/fraction.ts";
import { err, ok, type Result } from "../lib/result.ts";
import { boxedAnswer } from "./final-answer.ts";
import { lastQuantity, type Quantity } from "./read-quantity.ts";
import { hitOrMiss, type Outcome, readGold, type Reward, type RewardError } from "./reward.ts";
import type { NumberReward } from "./reward-spec.ts";
import { toBaseUnit, type Unit, unitNamed } from "./units.ts";

/** Enough for what a double prints (0.30000000000000004), too little to forgive a wrong digit that anyone writes. */
const defaultRelative = 1e-9;

export function numberReward(spec: NumberReward, { answer, answers }: Outcome): Result<Reward, RewardError> {
  const assumed = spec.unit === undefined ? null : unitOf(spec.unit);
  if (spec.unit !== undefined && assumed === null) {
    return err({ code: "bad_spec", detail: `unknown unit: ${spec.unit}` });
  }
  const gold = readGold(answers, "a number", (text) => withUnit(lastQuantity(text), assumed));
  if (!gold.ok) {
    return gold;
  }
  const given = lastQuantity(boxedAnswer(answer));
  return ok(hitOrMiss("number", given !== null && gold.value.some((wanted) => matches(spec, given, wanted))));
}

/** A unit of the table or `%`. */
export function unitOf(name: string): Unit | "%" | null {
  return name === "%" ? "%" : unitNamed(name);
}

/** A bare number counts in the unit that is assumed. A value in percent is kept as its fraction of one. */
function withUnit(quantity: Quantity | null, unit: Unit | "%" | null): Quantity | null {
  if (quantity === null || quantity.unit !== null || unit === null) {
    return quantity;
  }
  const value = unit === "%" ? multiplyFractions(quantity.value, fraction(1n, 100n)) : quantity.value;
  return { value, unit };
}

function matches(spec: NumberReward, given: Quantity, gold: Quantity): boolean {
  // Without a unit in the task, "50%" is the number 0.5 and a bare answer to "5 km" counts in km.
  const asked = spec.unit === undefined && gold.unit === "%" ? null : gold.unit;
  const answered = withUnit(given, asked);
  if (answered === null) {
    return false;
  }
  if (asked === null || asked === "%") {
    const plain = answered.unit === null || answered.unit === "%" || asked === null;
    return plain && isClose(spec, answered.value, gold.value);
  }
  if (answered.unit === null || answered.unit === "%" || answered.unit.dimension !== asked.dimension) {
    return false;
  }
  const inAsked = (quantity: Fraction, unit: Unit): Fraction =>
    multiplyFractions(
      subtractFractions(toBaseUnit(quantity, unit), asked.offset),
      fraction(asked.factor.bottom, asked.factor.top),
    );
  return isClose(spec, inAsked(answered.value, answered.unit), gold.value);
}

/** As Python's `math.isclose`, relative to the gold answer, in its unit. */
function isClose({ tolerance }: NumberReward, given: Fraction, gold: Fraction): boolean {
  const difference = magnitude(subtractFractions(given, gold));
  const absoluteBound = exactly(tolerance?.absolute ?? 0);
  const relative = exactly(tolerance?.relative ?? (tolerance?.absolute === undefined ? defaultRelative : 0));
  const relativeBound = multiplyFractions(relative, magnitude(gold));
  return compareFractions(difference, absoluteBound) <= 0n || compareFractions(difference, relativeBound) <= 0n;
}

function magnitude(value: Fraction): Fraction {
  return { top: absolute(value.top), bottom: value.bottom };
}

function exactly(value: number): Fraction {
  return decimalFraction(String(value)) ?? fraction(0n);
}
