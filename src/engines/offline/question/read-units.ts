// Reads unit conversions: "5 miles in km", "convert 6 ft 2 in to cm", "how many grams are in 2 pounds".

import { type Item, readSigned, skipWords, textAt } from "./items.ts";
import type { Found } from "./part.ts";
import { type Unit, unitByAlias } from "./unit-table.ts";

/** The longest unit name that starts at `at`: names have up to four tokens ("us fluid ounces", "km / h"). */
export function readUnit(items: readonly Item[], at: number): { unit: Unit; next: number } | null {
  for (let length = 4; length > 0; length -= 1) {
    const name = items.slice(at, at + length).map((item) => item.text);
    const unit = unitByAlias.get(name.join(" "));
    if (unit !== undefined && name.length === length) {
      return { unit, next: at + length };
    }
  }
  return null;
}

const connectors = new Set(["to", "in", "into", "as", "=", "equals"]);
/** Between a quantity and the question "how many": "5 miles is how many km". */
const isWords = new Set([
  "is",
  "are",
  "equals",
  "equal",
  "=",
  "make",
  "makes",
  "to",
  "in",
  "as",
  "into",
  "expressed",
  "converted",
  "measured",
]);
const fillers = new Set(
  "are is there in a an make makes equal equals do does have you get from to per correspond fit into".split(" "),
);

export function readUnitParts(items: readonly Item[]): Found[] {
  const found: Found[] = [];
  for (let at = 0; at < items.length;) {
    const part = readConversion(items, at) ?? readHowMany(items, at);
    if (part === null) {
      at += 1;
    } else {
      found.push(part);
      at = part.to;
    }
  }
  return found;
}

type Amount = readonly [value: string, unit: string];

/** One or more amounts in a row, largest first as people write them: "6 ft 2 in". */
function readAmounts(items: readonly Item[], from: number): { amounts: Amount[]; next: number } | null {
  const amounts: Amount[] = [];
  let next = from;
  for (;;) {
    const value = readSigned(items, next);
    const unit = value === null ? null : readUnit(items, value.next);
    if (value === null || unit === null) {
      break;
    }
    amounts.push([value.value, unit.unit.name]);
    next = unit.next;
    // "6 feet and 2 inches", but never two conversions joined by "and".
    const joint = textAt(items, next) === "and" || textAt(items, next) === "," ? 1 : 0;
    if (joint === 1 && continuesAmount(items, next + 1, unit.unit)) {
      next += 1;
    }
  }
  return amounts.length === 0 ? null : { amounts, next };
}

/** "a gallon in litres" */
function readSingle(items: readonly Item[], at: number): { amounts: Amount[]; next: number } | null {
  const unit = ["a", "an", "one"].includes(textAt(items, at)) ? readUnit(items, at + 1) : null;
  return unit === null ? null : { amounts: [["1", unit.unit.name]], next: unit.next };
}

function continuesAmount(items: readonly Item[], at: number, before: Unit): boolean {
  const value = readSigned(items, at);
  const unit = value === null ? null : readUnit(items, value.next);
  return unit !== null && unit.unit.dimension === before.dimension && unit.unit.name !== before.name;
}

function readConversion(items: readonly Item[], at: number): Found | null {
  const amounts = readAmounts(items, at) ?? readSingle(items, at);
  if (amounts === null) {
    return null;
  }
  let next = skipWords(items, amounts.next, isWords, 2);
  if (next === amounts.next) {
    return null;
  }
  const asksHowMany = textAt(items, next) === "how" && ["many", "much"].includes(textAt(items, next + 1));
  next += asksHowMany ? 2 : 0;
  next += ["the", "unit"].includes(textAt(items, next)) ? 1 : 0;
  const linked = asksHowMany || connectors.has(textAt(items, next - 1));
  const to = linked ? readUnit(items, next) : null;
  return to === null
    ? null
    : { part: { kind: "units", amounts: amounts.amounts, to: to.unit.name }, from: at, to: to.next };
}

function readHowMany(items: readonly Item[], at: number): Found | null {
  if (textAt(items, at) !== "how" || !["many", "much"].includes(textAt(items, at + 1))) {
    return null;
  }
  const to = readUnit(items, at + 2);
  if (to === null) {
    return null;
  }
  const next = skipWords(items, to.next, fillers, 5);
  const amounts = readAmounts(items, next);
  if (amounts !== null) {
    return { part: { kind: "units", amounts: amounts.amounts, to: to.unit.name }, from: at, to: amounts.next };
  }
  // "how many minutes are in a day"
  const single = ["a", "an", "one"].includes(textAt(items, next - 1)) ? readUnit(items, next) : null;
  return single === null
    ? null
    : { part: { kind: "units", amounts: [["1", single.unit.name]], to: to.unit.name }, from: at, to: single.next };
}
