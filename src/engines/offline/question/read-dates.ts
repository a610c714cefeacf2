// Reads what is asked about dates: days or weeks between two of them, a date moved by days or weeks, and the
// weekday of a date. A part may name its date before or after its question.

import { type Item, isNumberAt, skipWords, textAt } from "./items.ts";
import type { Found } from "./part.ts";
import { readUnit } from "./read-units.ts";

const dayWords: Readonly<Record<string, 1 | 7>> = { day: 1, days: 1, week: 7, weeks: 7 };
const later = new Set(["after", "from", "since", "following", "past", "later"]);
const earlier = new Set(["before", "prior", "earlier", "preceding"]);
const linkWords = new Set("and to until till through - , from the is was apart separate between on".split(" "));
const shiftFillers = new Set(["than", "to", "the", "date", "day", "of", "on"]);

function isDateAt(items: readonly Item[], at: number): boolean {
  return items[at]?.kind === "date";
}

function daysPer(text: string): 1 | 7 | null {
  return Object.hasOwn(dayWords, text) ? (dayWords[text] ?? null) : null;
}

interface Shift {
  readonly date: string;
  readonly days: string;
  readonly from: number;
  readonly to: number;
}

/** Calls `read` at each position and skips what it found. */
function scan(items: readonly Item[], read: (at: number, floor: number) => Found | null): Found[] {
  const found: Found[] = [];
  for (let at = 0; at < items.length;) {
    const part = read(at, found.at(-1)?.to ?? 0);
    if (part !== null) {
      found.push(part);
    }
    at = Math.max(part?.to ?? 0, at + 1);
  }
  return found;
}

/** Weekdays first: "which weekday is 30 days after 1 March 2024" is one part, not a date. */
export function readWeekdayParts(items: readonly Item[]): Found[] {
  return scan(items, (at, floor) => {
    const shift = readShift(items, at) ?? bareDate(items, at);
    if (shift === null) {
      return null;
    }
    const ahead = weekdayWordBefore(items, shift.from, floor);
    const behind = ahead === null ? weekdayWordAfter(items, shift.to) : null;
    const word = ahead ?? behind;
    if (word === null) {
      return null;
    }
    const from = Math.min(word.from, shift.from);
    const to = Math.max(word.to, shift.to);
    return { part: { kind: "weekday", date: shift.date, days: shift.days, asNumber: word.asNumber }, from, to };
  });
}

export function readDayParts(items: readonly Item[]): Found[] {
  return scan(items, (at, floor) => {
    const shift = readShift(items, at);
    if (shift !== null) {
      return {
        part: { kind: "days", form: "shift", from: shift.date, days: shift.days },
        from: shift.from,
        to: shift.to,
      };
    }
    return readBetween(items, at, floor);
  });
}

function bareDate(items: readonly Item[], at: number): Shift | null {
  const item = items[at];
  return item?.kind === "date" ? { date: item.text, days: "0", from: at, to: at + 1 } : null;
}

/** "45 days after D", "D plus 3 weeks", "add 30 days to D". */
function readShift(items: readonly Item[], at: number): Shift | null {
  return readAmountFirst(items, at) ?? readDateFirst(items, at);
}

function readAmount(items: readonly Item[], at: number): { days: number; next: number } | null {
  const per = isNumberAt(items, at) ? daysPer(textAt(items, at + 1)) : null;
  const count = Number(textAt(items, at));
  return per === null || !Number.isSafeInteger(count * per) ? null : { days: count * per, next: at + 2 };
}

function readAmountFirst(items: readonly Item[], at: number): Shift | null {
  const amount = readAmount(items, at);
  if (amount === null) {
    return null;
  }
  const word = textAt(items, amount.next);
  const verb = textAt(items, at - 1);
  const subtracts = verb === "subtract" || verb === "subtracting";
  const adds = (verb === "add" || verb === "adding") && word === "to";
  if (!later.has(word) && !earlier.has(word) && !adds) {
    return null;
  }
  const sign = earlier.has(word) || (subtracts && word === "from") ? -1 : 1;
  const next = skipWords(items, amount.next + 1, shiftFillers, 4);
  const date = items[next];
  const from = adds || subtracts ? at - 1 : at;
  return date?.kind === "date" ? { date: date.text, days: String(sign * amount.days), from, to: next + 1 } : null;
}

function readDateFirst(items: readonly Item[], at: number): Shift | null {
  const date = items[at];
  const sign = ["plus", "+"].includes(textAt(items, at + 1))
    ? 1
    : ["minus", "-"].includes(textAt(items, at + 1))
      ? -1
      : 0;
  const amount = date?.kind === "date" && sign !== 0 ? readAmount(items, at + 2) : null;
  // "the weekday of D minus 2 weeks in hours": the weeks are a part of their own.
  const converted =
    amount !== null && ["in", "to"].includes(textAt(items, amount.next)) && readUnit(items, amount.next + 1) !== null;
  return amount === null || date === undefined || converted
    ? null
    : { date: date.text, days: String(sign * amount.days), from: at, to: amount.next };
}

/** Two dates with only linking words between them, and the word days or weeks before, between or after them. */
function readBetween(items: readonly Item[], at: number, floor: number): Found | null {
  const [from, linked] = [items[at], skipWords(items, at + 1, linkWords, 5)];
  const words = isDateAt(items, linked) ? linked : secondDate(items, at);
  const to = items[words];
  if (from?.kind !== "date" || to?.kind !== "date") {
    return null;
  }
  const ahead = dayWordBefore(items, at, floor);
  if (ahead !== null) {
    return { part: toBetween(from.text, to.text, ahead.per), from: ahead.from, to: words + 1 };
  }
  for (let next = words + 1; next <= words + 9 && items[next] !== undefined && !isDateAt(items, next); next += 1) {
    const per = daysPer(textAt(items, next));
    if (per !== null && !isNumberAt(items, next - 1)) {
      return { part: toBetween(from.text, to.text, per), from: at, to: next + 1 };
    }
  }
  return null;
}

/** "how many days after D1 is D2", "from D1 it is how many days to D2". */
function secondDate(items: readonly Item[], at: number): number {
  const allowed = new Set("is was it does are until to how many long the and , come comes fall falls".split(" "));
  let next = at + 1;
  while (next <= at + 8 && (allowed.has(textAt(items, next)) || daysPer(textAt(items, next)) !== null)) {
    next += 1;
  }
  return next;
}

function dayWordBefore(items: readonly Item[], at: number, floor: number): { per: 1 | 7; from: number } | null {
  for (let back = at - 1; back >= Math.max(floor, at - 12); back -= 1) {
    if (isDateAt(items, back) || items[back]?.kind === "part" || isNumberAt(items, back)) {
      return null;
    }
    const per = daysPer(textAt(items, back));
    if (per !== null) {
      return { per, from: back };
    }
  }
  return null;
}

function toBetween(from: string, to: string, daysPerUnit: 1 | 7) {
  return { kind: "days", form: "between", from, to, daysPerUnit } as const;
}

interface WeekdayWord {
  readonly from: number;
  readonly to: number;
  readonly asNumber: boolean;
}

const asks = new Set(["which", "what"]);
const beforeDate = new Set(
  "is was will be does did do has the a date of on for fall falls fell land lands landed come comes came that that's day it it's = : , ( number find tell me find".split(
    " ",
  ),
);

/** "weekday", "day of the week", or "which day" right before the date. */
function weekdayWordBefore(items: readonly Item[], at: number, floor: number): WeekdayWord | null {
  let back = at - 1;
  const lowest = Math.max(floor, at - 12);
  while (back >= lowest && beforeDate.has(textAt(items, back)) && !isPlainDay(items, back)) {
    back -= 1;
  }
  const word = weekdayWordAt(items, back);
  return word !== null && word.from >= floor ? word : null;
}

function weekdayWordAfter(items: readonly Item[], at: number): WeekdayWord | null {
  const fillers = new Set(
    "? , . was is will be fall falls fell land lands landed on in a the which what happen happens it".split(" "),
  );
  for (let next = at; next <= at + 9; next += 1) {
    const word = weekdayWordAt(items, next);
    if (word !== null) {
      // A weekday word followed by a date of its own belongs to that date.
      const own = skipWords(items, word.to, beforeDate, 6);
      return isDateAt(items, own) ? null : word;
    }
    if (!fillers.has(textAt(items, next)) && !isPlainDay(items, next)) {
      return null;
    }
  }
  return null;
}

function isPlainDay(items: readonly Item[], at: number): boolean {
  return textAt(items, at) === "day" && asks.has(textAt(items, at - 1));
}

/** A word that asks for a weekday and has its last token at `at`, or starts there. */
function weekdayWordAt(items: readonly Item[], at: number): WeekdayWord | null {
  const text = textAt(items, at);
  const number = (from: number, to: number): WeekdayWord => {
    const asNumber = textAt(items, to) === "number" || textAt(items, from - 1) === "iso" || readsNumberOf(items, from);
    return {
      from: readsNumberOf(items, from) ? from - 3 : from,
      to: textAt(items, to) === "number" ? to + 1 : to,
      asNumber,
    };
  };
  if (text === "weekday" || text === "weekdays") {
    return number(at, at + 1);
  }
  if (text === "week" && textAt(items, at - 1) === "the" && textAt(items, at - 3) === "day") {
    return number(at - 3, at + 1);
  }
  if (text === "day" && textAt(items, at + 1) === "of" && textAt(items, at + 3) === "week") {
    return number(at, at + 4);
  }
  return isPlainDay(items, at) && textAt(items, at + 1) !== "of" ? { from: at - 1, to: at + 1, asNumber: false } : null;
}

/** "the number of the weekday" */
function readsNumberOf(items: readonly Item[], at: number): boolean {
  return textAt(items, at - 1) === "the" && textAt(items, at - 2) === "of" && textAt(items, at - 3) === "number";
}
