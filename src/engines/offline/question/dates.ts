// Finds the calendar dates of a question and makes each one token with its ISO form. A date must have its year;
// a numeric date whose day and month could be swapped is not read at all. Whether the day exists is left to the
// program that computes with it.

import { type Token, touches } from "./tokens.ts";

const monthNames = "january february march april may june july august september october november december".split(" ");
const months = new Map(
  monthNames.flatMap((name, index): [string, number][] => [
    [name, index + 1],
    [name.slice(0, 3), index + 1],
  ]),
);
months.set("sept", 9);

const weekdayNames = "monday tuesday wednesday thursday friday saturday sunday".split(" ");
const weekdayShort = new Set([
  ...weekdayNames,
  ...weekdayNames.map((name) => name.slice(0, 3)),
  "tues",
  "thur",
  "thurs",
]);
const ordinals = new Set(["st", "nd", "rd", "th"]);

interface Found {
  readonly iso: string;
  readonly next: number;
}

/** The same tokens with each date folded into one token of kind `date`. */
export function foldDates(tokens: readonly Token[]): Token[] {
  const folded: Token[] = [];
  for (let at = 0; at < tokens.length;) {
    const found = readDate(tokens, at);
    const first = tokens[at];
    const last = tokens[(found?.next ?? at + 1) - 1];
    if (first === undefined || last === undefined) {
      break;
    }
    folded.push(found === null ? first : { kind: "date", text: found.iso, start: first.start, end: last.end });
    at = found?.next ?? at + 1;
  }
  return folded;
}

function readDate(tokens: readonly Token[], at: number): Found | null {
  // "Friday, 1 March 2024": the weekday is part of the date.
  if (weekdayShort.has(tokens[at]?.text ?? "")) {
    const comma = tokens[at + 1]?.text === "," ? 1 : 0;
    return readBareDate(tokens, at + 1 + comma);
  }
  return readBareDate(tokens, at);
}

function readBareDate(tokens: readonly Token[], at: number): Found | null {
  return tokens[at]?.kind === "number"
    ? (readNumericDate(tokens, at) ?? readDayFirst(tokens, at))
    : readMonthFirst(tokens, at);
}

/** 2024-03-01, 2024/3/1, and 25/12/2024 or 12/25/2024 where only one reading is possible. */
function readNumericDate(tokens: readonly Token[], at: number): Found | null {
  const [first, sign, second, again, third] = tokens.slice(at, at + 5);
  if (sign === undefined || (sign.text !== "-" && sign.text !== "/") || again?.text !== sign.text) {
    return null;
  }
  const together = touches(first, sign) && touches(sign, second) && touches(second, again) && touches(again, third);
  const [a, b, c] = [first?.text ?? "", second?.text ?? "", third?.text ?? ""];
  if (!together || !isWhole(a) || !isWhole(b) || !isWhole(c)) {
    return null;
  }
  if (a.length === 4 && b.length <= 2 && c.length <= 2) {
    return toFound(a, Number(b), Number(c), at + 5);
  }
  if (c.length !== 4 || a.length > 2 || b.length > 2) {
    return null;
  }
  const dayFirst = Number(a) > 12 || a === b;
  return dayFirst || Number(b) > 12 ? toFound(c, Number(dayFirst ? b : a), Number(dayFirst ? a : b), at + 5) : null;
}

/** 1 March 2024, 1st of March, 2024 */
function readDayFirst(tokens: readonly Token[], at: number): Found | null {
  const day = tokens[at]?.text ?? "";
  let next = at + 1;
  next += ordinals.has(tokens[next]?.text ?? "") ? 1 : 0;
  next += tokens[next]?.text === "of" ? 1 : 0;
  const month = months.get(tokens[next]?.text ?? "");
  return month === undefined ? null : readYear(tokens, next + 1, month, day);
}

/** March 1, 2024 and Mar 1st 2024 */
function readMonthFirst(tokens: readonly Token[], at: number): Found | null {
  const month = months.get(tokens[at]?.text ?? "");
  if (month === undefined) {
    return null;
  }
  let next = at + 1;
  next += tokens[next]?.text === "." ? 1 : 0;
  next += tokens[next]?.text === "the" ? 1 : 0;
  const day = tokens[next]?.text ?? "";
  next += ordinals.has(tokens[next + 1]?.text ?? "") ? 2 : 1;
  return readYear(tokens, next, month, day);
}

function readYear(tokens: readonly Token[], from: number, month: number, day: string): Found | null {
  let next = from;
  while ([",", ".", "of"].includes(tokens[next]?.text ?? "")) {
    next += 1;
  }
  const year = tokens[next]?.text ?? "";
  return isWhole(day) && day.length <= 2 && isWhole(year) && year.length === 4
    ? toFound(year, month, Number(day), next + 1)
    : null;
}

function isWhole(text: string): boolean {
  return /^\d{1,4}$/.test(text);
}

function toFound(year: string, month: number, day: number, next: number): Found | null {
  const two = (value: number) => String(value).padStart(2, "0");
  return month >= 1 && month <= 12 && day >= 1 && day <= 31 ? { iso: `${year}-${two(month)}-${two(day)}`, next } : null;
}
