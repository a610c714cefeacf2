// Takes the rounding instruction out of a question ("rounded to two decimal places", "to the nearest integer"),
// so that its number is not read as one of the question's own.

import { type Item, skipWords, textAt } from "./items.ts";

const lead = new Set(
  "round rounded rounding give answer it result off correct and , your the final express".split(" "),
);
const nearest: Readonly<Record<string, number>> = {
  integer: 0,
  whole: 0,
  unit: 0,
  tenth: 1,
  hundredth: 2,
  thousandth: 3,
};

export interface Rounded<T> {
  readonly items: readonly T[];
  /** Null = as exact as it prints. */
  readonly decimals: number | null;
}

export function takeRounding<T extends Item>(items: readonly T[]): Rounded<T> {
  for (let at = 0; at < items.length; at += 1) {
    const found = textAt(items, at) === "to" ? readPlaces(items, at + 1) : null;
    if (found !== null) {
      let from = at;
      while (from > 0 && from > at - 8 && lead.has(textAt(items, from - 1))) {
        from -= 1;
      }
      return { items: [...items.slice(0, from), ...items.slice(found.next)], decimals: found.decimals };
    }
  }
  return { items, decimals: null };
}

function readPlaces(items: readonly Item[], at: number): { decimals: number; next: number } | null {
  const word = skipWords(items, at, new Set(["the", "nearest"]), 2);
  const places = textAt(items, word);
  if (word === at + 2 && Object.hasOwn(nearest, places)) {
    const next = word + (textAt(items, word + 1) === "number" ? 2 : 1);
    return { decimals: nearest[places] ?? 0, next };
  }
  const unit = textAt(items, word + 1);
  if (/^\d$/.test(places) && ["decimal", "decimals"].includes(unit)) {
    return { decimals: Number(places), next: word + (/^(places?|digits?)$/.test(textAt(items, word + 2)) ? 3 : 2) };
  }
  return null;
}
