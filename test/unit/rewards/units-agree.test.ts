// Two tables of units, one for reading answers and one for the offline engine's questions, must never disagree.

import { expect, test } from "vitest";
import { type Unit, units } from "../../../src/engines/offline/question/unit-table.ts";
import { compareFractions, decimalFraction, divideFractions, type Fraction } from "../../../src/lib/fraction.ts";
import { unitNamed } from "../../../src/rewards/units.ts";

function exact(factor: string): Fraction {
  const [top = "", bottom = "1"] = factor.split("/");
  const [above, below] = [decimalFraction(top), decimalFraction(bottom)];
  const value = above === null || below === null ? null : divideFractions(above, below);
  if (value === null) {
    throw new Error(`no factor: ${factor}`);
  }
  return value;
}

// The offline engine converts temperatures by formula, and its factors for them mean nothing.
const convertible = units.filter((unit) => unit.dimension !== "temperature");
const known = (unit: Unit) => unit.aliases.flatMap((alias) => unitNamed(alias) ?? []);

test("every name that both tables know has the same dimension and the same factor in both", () => {
  const wrong = convertible.flatMap((unit) =>
    known(unit).filter(
      ({ dimension, factor }) => dimension !== unit.dimension || compareFractions(factor, exact(unit.factor)) !== 0n,
    ),
  );
  expect(wrong).toEqual([]);
});

test("every unit of the offline engine has a name that an answer may use", () => {
  expect(units.filter((unit) => known(unit).length === 0).map((unit) => unit.name)).toEqual([]);
});
