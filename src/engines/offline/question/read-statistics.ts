// Reads statistics of a list: "the mean of 3, 5 and 10", "for 4, 8, 15, what is the median?". A list has at
// least two numbers; a number that belongs to an operation, a unit or a date is not one of its elements.

import { type Item, isNumberAt, readSigned, skipWords, textAt } from "./items.ts";
import type { Found, Measure } from "./part.ts";
import { readUnit } from "./read-units.ts";
import { splitGroup } from "./tokens.ts";

const measureWords: Readonly<Record<string, Measure>> = {
  mean: "mean",
  average: "mean",
  median: "median",
  mode: "mode",
  range: "range",
  deviation: "pstdev",
  stdev: "pstdev",
  sd: "pstdev",
  variance: "pvariance",
  sum: "sum",
  total: "sum",
  maximum: "max",
  max: "max",
  largest: "max",
  highest: "max",
  biggest: "max",
  greatest: "max",
  minimum: "min",
  min: "min",
  smallest: "min",
  lowest: "min",
  least: "min",
  count: "count",
};

const before = new Set(
  "of for the there these this following numbers number values value list data set dataset sample series figures scores among from in what is are : [ ( { = given by -".split(
    " ",
  ),
);
const after = new Set(
  "] ) } , : . ; ? - what is are 's the their its them of find compute calculate give determine state me for and has have do does these this numbers values list data set how much tell work out".split(
    " ",
  ),
);
const operators = new Set(
  "* / + ^ % ! x times plus minus multiplied divided over percent squared cubed mod modulo factorial halves third thirds quarter quarters fifths tenths".split(
    " ",
  ),
);
const additive = new Set(["plus", "minus", "+", "-"]);
const afterQuantity = new Set([
  "to",
  "in",
  "into",
  "as",
  "after",
  "before",
  "from",
  "since",
  "later",
  "earlier",
  "is",
  "prior",
]);

interface List {
  readonly numbers: readonly string[];
  readonly from: number;
  readonly to: number;
}

export function readStatisticsParts(items: readonly Item[]): Found[] {
  const found: Found[] = [];
  for (let at = 0; at < items.length;) {
    const larger = readLarger(items, at);
    const list = larger === null ? readList(items, at) : null;
    const part = list === null ? larger : (measureBefore(items, list) ?? measureAfter(items, list));
    if (part !== null && part.from >= (found.at(-1)?.to ?? 0)) {
      found.push(part);
    }
    at = Math.max(part?.to ?? 0, list?.to ?? 0, at + 1);
  }
  return found;
}

/** A run of at least two numbers, divided by commas, semicolons, "and" or nothing. */
export function readList(items: readonly Item[], from: number): List | null {
  const numbers: string[] = [];
  let next = from;
  let to = from;
  for (;;) {
    const element = readSigned(items, next);
    if (element === null || belongsElsewhere(items, element.next)) {
      // "the mean of 3 and 5 plus 7" has a list of two, not of one.
      if (element !== null && isLastElement(items, element.next, numbers.length)) {
        return { numbers: [...numbers, element.value], from, to: element.next };
      }
      break;
    }
    numbers.push(element.value);
    to = element.next;
    next = to;
    next += [",", ";", "&"].includes(textAt(items, next)) ? 1 : 0;
    next += textAt(items, next) === "and" || textAt(items, next) === "&" ? 1 : 0;
  }
  // "the mean of 100,200,300": one run of digits that can only have been meant as a list.
  const only = items[from];
  if (
    numbers.length === 1 &&
    only?.kind === "number" &&
    only.text.length > 3 &&
    only.end - only.start > only.text.length
  ) {
    const split = splitGroup(groupedText(only.text), only.start);
    return { numbers: split.filter((token) => token.kind === "number").map((token) => token.text), from, to };
  }
  return numbers.length < 2 ? null : { numbers, from, to };
}

/** "3 and 5 plus 7", "3, 5 and 10 multiplied by <part>": the operator works on the whole list's statistic. */
function isLastElement(items: readonly Item[], at: number, count: number): boolean {
  const operand = skipWords(items, at + 1, new Set(["by", "the", "number", "of"]), 4);
  const onPart = count > 0 && operators.has(textAt(items, at)) && items[operand]?.kind === "part";
  return onPart || (count === 1 && additive.has(textAt(items, at)));
}

function groupedText(digits: string): string {
  return digits.replaceAll(/(?<=\d)(?=(?:\d{3})+$)/g, ",");
}

function belongsElsewhere(items: readonly Item[], next: number): boolean {
  const text = textAt(items, next);
  if (operators.has(text)) {
    return true;
  }
  // "5 - 3" is a difference; "5, -3" never gets here, because a comma stands between.
  if (text === "-" && isNumberAt(items, next + 1)) {
    return true;
  }
  if (text === "raised" || (text === "to" && textAt(items, next + 2) === "power")) {
    return true;
  }
  const unit = readUnit(items, next);
  return unit !== null && afterQuantity.has(textAt(items, unit.next));
}

const countedWords = new Set(["numbers", "values", "scores"]);
const largerWords: Readonly<Record<string, Measure>> = {
  larger: "max",
  bigger: "max",
  greater: "max",
  largest: "max",
  biggest: "max",
  greatest: "max",
  smaller: "min",
  lesser: "min",
  smallest: "min",
};

/** "Which is larger: 81 or 72?" */
function readLarger(items: readonly Item[], at: number): Found | null {
  const word = textAt(items, at);
  const measure = Object.hasOwn(largerWords, word) ? largerWords[word] : undefined;
  if (measure === undefined) {
    return null;
  }
  const numbers: string[] = [];
  let next = skipWords(items, at + 1, new Set([":", ",", "number", "of", "the", "is"]), 3);
  let to = next;
  for (let found = readSigned(items, next); found !== null; found = readSigned(items, next)) {
    if (belongsElsewhere(items, found.next)) {
      return null;
    }
    numbers.push(found.value);
    to = found.next;
    next = skipWords(items, to, new Set([",", "or", "and"]), 2);
    if (next === to) {
      break;
    }
  }
  return numbers.length < 2 || items[next]?.kind === "part"
    ? null
    : toFound(measure, { numbers, from: at, to }, at, to);
}

function measureBefore(items: readonly Item[], list: List): Found | null {
  let at = list.from - 1;
  while (at > list.from - 10 && before.has(textAt(items, at))) {
    at -= 1;
  }
  const found = measureAt(items, at);
  return found === null ? null : toFound(found.measure, list, found.from, list.to + closing(items, list.to));
}

function measureAfter(items: readonly Item[], list: List): Found | null {
  if (["product", "difference", "quotient"].includes(textAt(items, list.from - 2))) {
    return null;
  }
  const at = skipWords(items, list.to, after, 12);
  // "population standard deviation": its measure is the last word.
  const lead = ["standard", "population", "sample", "arithmetic"];
  const word = lead.includes(textAt(items, at)) ? (lead.includes(textAt(items, at + 1)) ? at + 2 : at + 1) : at;
  const found = measureAt(items, word);
  if (found === null) {
    return null;
  }
  // "… 354 and 28. What is the total of the answers?" asks about something else.
  if (textAt(items, word + 1) === "of" && !["them", "these", "those", "this"].includes(textAt(items, word + 2))) {
    return null;
  }
  // The word belongs to a list of its own: "3 3 8 8. What is the mean of 4, 5, 6?", or to another part.
  const next = skipWords(items, word + 1, before, 8);
  const taken = isNumberAt(items, next) || items[next]?.kind === "date" || items[next]?.kind === "part";
  return taken ? null : toFound(found.measure, list, list.from, word + 1);
}

function measureAt(items: readonly Item[], at: number): { measure: Measure; from: number } | null {
  const text = textAt(items, at);
  if (text === "many" && textAt(items, at - 1) === "how" && countedWords.has(textAt(items, at + 1))) {
    return { measure: "count", from: at - 1 };
  }
  const measure = Object.hasOwn(measureWords, text) ? measureWords[text] : undefined;
  if (measure === undefined) {
    return null;
  }
  const lead = [textAt(items, at - 1), textAt(items, at - 2)];
  const sampled = lead.includes("sample");
  if (measure === "pstdev" && sampled) {
    return { measure: "stdev", from: at };
  }
  return { measure: measure === "pvariance" && sampled ? "variance" : measure, from: at };
}

function closing(items: readonly Item[], at: number): number {
  return ["]", ")", "}"].includes(textAt(items, at)) ? 1 : 0;
}

function toFound(measure: Measure, list: List, from: number, to: number): Found {
  return { part: { kind: "statistics", measure, numbers: list.numbers }, from, to };
}
