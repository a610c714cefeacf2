// Dates for generated questions, in the ways people write them, and the calendar facts that their answers need.
// Day numbers count from 1970-01-01 in UTC, so that no time zone can shift them.

import type { Random } from "../../../lib/random.ts";

const monthNames = "January February March April May June July August September October November December".split(" ");
export const weekdayNames = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split(" ");

const msPerDay = 86_400_000;

/** From 1950 to 2049. */
export function randomDay(random: Random): number {
  return Date.UTC(random.whole(1950, 2049), random.whole(0, 11), random.whole(1, 28)) / msPerDay;
}

export function isoDate(day: number): string {
  return new Date(day * msPerDay).toISOString().slice(0, 10);
}

/** 1 = Monday … 7 = Sunday. 1970-01-01 was a Thursday. */
export function isoWeekday(day: number): number {
  return ((((day + 3) % 7) + 7) % 7) + 1;
}

export function writeDate(day: number, random: Random): string {
  const iso = isoDate(day);
  const [year = "", month = "", date = ""] = iso.split("-");
  const name = monthNames[Number(month) - 1] ?? "";
  const number = Number(date);
  return random.pick([
    iso,
    `${number} ${name} ${year}`,
    `${name} ${number}, ${year}`,
    `${number}${ordinal(number)} of ${name} ${year}`,
  ]);
}

function ordinal(number: number): string {
  const ending = ["st", "nd", "rd"][(number % 10) - 1];
  return ending === undefined || (number > 10 && number < 14) ? "th" : ending;
}
