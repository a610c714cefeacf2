// Reads the last number of a text, with its percent sign, scale word and unit, as an exact fraction. Numbers in words
// ("three") and decimal commas ("3,14") are not read.

import {
  addFractions,
  decimalFraction,
  divideFractions,
  type Fraction,
  fraction,
  multiplyFractions,
} from "../lib/fraction.ts";
import { readUnit, type Unit } from "./units.ts";

export interface Quantity {
  readonly value: Fraction;
  readonly unit: Unit | "%" | null;
}

interface Found extends Quantity {
  readonly start: number;
  readonly end: number;
}

/** The answer stands at the end; with a fixed length a hostile text costs no more than any other. */
const maxTail = 4096;
/** No quantity has more parts than days, hours, minutes, seconds and what follows. */
const maxJoined = 8;

/** Digits in groups of three or plain, decimals, an exponent in one of its notations. Not inside a word such as B12. */
const digits = String.raw`(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+)(?:\.\d+)?|\.\d+`;
const power = String.raw`(?:[eE](?<e>[+-]?\d{1,4})(?!\d)|\s*[*x×·]\s*10(?:\^\{?(?<ten>[+-]?\d{1,4})\}?|(?<raised>[⁺⁻]?[⁰¹²³⁴-⁹]+)))?`;
const whole = String.raw`(?:(?<mixed>\d+)\s+(?=\d+\/\d))?`;
const over = String.raw`(?:\s*\/\s*(?<bottom>\d+(?:\.\d+)?)(?!\d*[/\d]))?`;
const numbers = new RegExp(
  String.raw`(?<![\p{L}\p{N}_.]|\^\{?)(?<sign>(?<![\p{L}\p{N})\]%]\s*)-\s*[$€£]?|[+$€£]?)${whole}(?<top>${digits})${power}(?![eE][+-]?\d|\d|\s*\^)${over}`,
  "gu",
);
const scales: ReadonlyMap<string, Fraction> = new Map([
  ["thousand", fraction(1000n)],
  ["million", fraction(10n ** 6n)],
  ["billion", fraction(10n ** 9n)],
  ["trillion", fraction(10n ** 12n)],
]);
const raisedDigits = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** The last quantity, to which those right before it belong where they count larger units: "5 ft 11 in". */
export function lastQuantity(text: string): Quantity | null {
  const plain = plainText(text.slice(-maxTail));
  const found = [...plain.matchAll(numbers)].slice(-maxJoined).flatMap((match) => readMatch(plain, match));
  let last = found.pop();
  for (let before = found.pop(); last !== undefined && before !== undefined; before = found.pop()) {
    const joined = join(plain, before, last);
    if (joined === null) {
      break;
    }
    last = joined;
  }
  return last === undefined ? null : { value: last.value, unit: last.unit };
}

/** Without LaTeX's and Markdown's marks, and with one kind of minus. */
function plainText(text: string): string {
  return text
    .replaceAll(/[−–—‐‑]/g, "-")
    .replaceAll(/\\[dtc]?frac\s*\{([^{}]{1,100})\}\s*\{([^{}]{1,100})\}/g, " $1/$2")
    .replaceAll(/\\(?:text|mathrm|textbf|mathbf)\s*\{([^{}]{0,100})\}/g, " $1")
    .replaceAll(/\\times|\\cdot/g, "×")
    .replaceAll(/\^\{?\s*\\circ\s*\}?|\\degree|º/g, "°")
    .replaceAll(/\{,\}|\\,(?=\d{3})/g, ",")
    .replaceAll("\\%", "%")
    .replaceAll(/\\[,;:! ]|~|\*\*|__|`|\$|\\[()[\]]/g, " ");
}

function readMatch(text: string, match: RegExpExecArray): Found[] {
  const number = toNumber(match.groups ?? {});
  if (number === null) {
    return [];
  }
  const end = match.index + match[0].length;
  const scale = /^\s*(thousand|million|billion|trillion)\b/i.exec(text.slice(end, end + 20));
  const afterScale = end + (scale?.[0].length ?? 0);
  const value = multiplyFractions(number, scales.get(scale?.[1]?.toLowerCase() ?? "") ?? fraction(1n));
  const rest = text.slice(afterScale, afterScale + 60);
  const percent = /^\s*(?:%|per ?cent\b)/i.exec(rest);
  if (percent !== null) {
    const hundredth = multiplyFractions(value, fraction(1n, 100n));
    return [{ value: hundredth, unit: "%", start: match.index, end: afterScale + percent[0].length }];
  }
  const gap = /^[\s-]{0,3}/.exec(rest)?.[0].length ?? 0;
  const read = readUnit(rest.slice(gap)) ?? readUnit(rest.slice(gap).replace(/^° +/, "°"));
  return [{ value, unit: read?.unit ?? null, start: match.index, end: afterScale + (read ? gap + read.length : 0) }];
}

function toNumber(groups: Readonly<Record<string, string | undefined>>): Fraction | null {
  const { sign = "", mixed, top = "", e, ten, raised, bottom } = groups;
  const exponent = e ?? ten ?? (raised === undefined ? "0" : lowered(raised));
  const numerator = decimalFraction(`${top.replaceAll(",", "")}e${exponent}`);
  const denominator = decimalFraction(bottom ?? "1");
  const quotient = numerator === null || denominator === null ? null : divideFractions(numerator, denominator);
  const added = decimalFraction(mixed ?? "0");
  if (quotient === null || added === null) {
    return null;
  }
  return multiplyFractions(addFractions(added, quotient), fraction(sign.startsWith("-") ? -1n : 1n));
}

function lowered(raised: string): string {
  return raised.replaceAll(/[^]/gu, (char) => ({ "⁻": "-", "⁺": "" })[char] ?? String(raisedDigits.indexOf(char)));
}

/** "1 h 30 min" is one quantity: nothing but a blank, a comma or "and" between, same dimension, the smaller unit last. */
function join(text: string, before: Found, last: Found): Found | null {
  if (before.unit === null || before.unit === "%" || last.unit === null || last.unit === "%") {
    return null;
  }
  const { unit } = before;
  const ratio = divideFractions(unit.factor, last.unit.factor);
  const descends = ratio !== null && ratio.top > ratio.bottom && unit.dimension === last.unit.dimension;
  const between = text.slice(before.end, last.start);
  if (!descends || unit.dimension === "temperature" || !/^\s*(?:,\s*)?(?:and\s+)?$/.test(between)) {
    return null;
  }
  const value = addFractions(multiplyFractions(before.value, ratio), last.value);
  return { value, unit: last.unit, start: before.start, end: last.end };
}
