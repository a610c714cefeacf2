// The sequence that the readers of parts work on: the question's tokens, in which parts already found stand as
// single items, so that no number is read twice. Also the small things that several readers look for.

import type { Found, Part } from "./part.ts";
import { type Token, touches } from "./tokens.ts";

export interface PartItem {
  readonly kind: "part";
  /** Never a word of a question. */
  readonly text: "<part>";
  readonly part: Part;
  readonly start: number;
  readonly end: number;
}

export type Item = Token | PartItem;

/** Replaces each found span by one item. Spans must not overlap and come in order. */
export function foldParts(items: readonly Item[], found: readonly Found[]): Item[] {
  const folded: Item[] = [];
  let at = 0;
  for (const { part, from, to } of found) {
    const first = items[from];
    const last = items[to - 1];
    if (from >= at && first !== undefined && last !== undefined) {
      folded.push(...items.slice(at, from), { kind: "part", text: "<part>", part, start: first.start, end: last.end });
      at = to;
    }
  }
  return [...folded, ...items.slice(at)];
}

export function textAt(items: readonly Item[], at: number): string {
  return items[at]?.text ?? "";
}

export function isNumberAt(items: readonly Item[], at: number): boolean {
  return items[at]?.kind === "number";
}

/** The first index from `at` on whose text is not among `words`, at most `most` further. */
export function skipWords(items: readonly Item[], at: number, words: ReadonlySet<string>, most: number): number {
  let next = at;
  while (next < at + most && words.has(textAt(items, next))) {
    next += 1;
  }
  return next;
}

/** A number with its sign; a minus counts as a sign only where it touches its number and none stands before it. */
export function readSigned(items: readonly Item[], at: number): { value: string; next: number } | null {
  const item = items[at];
  if (item?.kind === "number") {
    return { value: item.text, next: at + 1 };
  }
  const digits = items[at + 1];
  const signed = item?.text === "-" && digits?.kind === "number" && isTight(items, at) && !isNumberAt(items, at - 1);
  return signed ? { value: `-${digits.text}`, next: at + 2 } : null;
}

function isTight(items: readonly Item[], at: number): boolean {
  const [sign, digits] = [items[at], items[at + 1]];
  return sign?.kind === "sign" && digits?.kind === "number" && touches(sign, digits);
}
