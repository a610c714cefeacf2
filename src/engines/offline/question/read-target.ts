// Reads target puzzles: numbers to be used once each and the value that an expression of them must have
// ("make 24 from 3, 3, 8, 8", "using 1, 1, 1, 8 create an expression that equals 24", "24 game: 1 5 5 5").

import { type Item, isNumberAt, readSigned, skipWords, textAt } from "./items.ts";
import type { Found } from "./part.ts";
import { readList } from "./read-statistics.ts";

/** The search is exact and exhaustive; with seven numbers it would not end within a sandbox's time. */
const maxNumbers = 6;
/** A puzzle is stated within this many tokens. */
const reach = 30;

const reaches = new Set(
  "make makes making get gets getting reach reaches reaching obtain equal equals equalling equaling give gives giving hit produce produces form forms yield yields total totals target = is result value evaluates build solve".split(
    " ",
  ),
);
const toNumber = new Set(
  "to of is be the number value a an total exactly as out result target equal in : =".split(" "),
);
/** "is 6 squared" names no target. */
const operators = new Set("squared cubed % percent ^ / * times plus minus divided multiplied".split(" "));
const cues = new Set("using use uses with from numbers number given combine of out only".split(" "));

export function readTargetParts(items: readonly Item[]): Found[] {
  const found: Found[] = [];
  for (let at = 0; at < items.length;) {
    const list = readList(items, at);
    const floor = found.at(-1)?.to ?? 0;
    const part = list === null || list.numbers.length > maxNumbers ? null : readPuzzle(items, list, floor);
    if (part !== null) {
      found.push(part);
    }
    at = Math.max(part?.to ?? 0, list?.to ?? 0, at + 1);
  }
  return found;
}

type List = NonNullable<ReturnType<typeof readList>>;

function readPuzzle(items: readonly Item[], list: List, floor: number): Found | null {
  const before = targetBefore(items, list, floor);
  // A target named in the numbers' own sentence comes before one that a later sentence seems to name.
  const isNear =
    before !== null && !items.slice(before.to, list.from).some(({ text }) => [".", "?", "!"].includes(text));
  const goal = isNear ? before : (targetAfter(items, list) ?? before);
  if (goal === null) {
    return null;
  }
  const from = Math.min(goal.from, cueBefore(items, list.from, floor) ?? list.from);
  return {
    part: { kind: "target", numbers: list.numbers, target: goal.value },
    from,
    to: Math.max(list.to + (textAt(items, list.to) === "]" ? 1 : 0), goal.to),
  };
}

interface Goal {
  readonly value: string;
  readonly from: number;
  readonly to: number;
}

function goalAt(items: readonly Item[], at: number): Goal | null {
  if (!reaches.has(textAt(items, at))) {
    return null;
  }
  const next = skipWords(items, at + 1, toNumber, 5);
  const value = readSigned(items, next);
  // "equals 24 and 30 …" would be a list of its own.
  const isOperand = value !== null && operators.has(textAt(items, value.next));
  return value === null || isOperand || readList(items, next) !== null
    ? null
    : { value: value.value, from: at, to: value.next };
}

/** "1, 1, 1, 8 … equals 24": the numbers need a cue ("using", "numbers", "with", …) before them. */
function targetAfter(items: readonly Item[], list: List): Goal | null {
  if (cueBefore(items, list.from, 0) === null) {
    return null;
  }
  for (let at = list.to; at < list.to + reach; at += 1) {
    const item = items[at];
    if (item === undefined || item.kind === "part" || item.kind === "date" || readList(items, at) !== null) {
      return null;
    }
    const goal = goalAt(items, at);
    if (goal !== null) {
      return goal;
    }
  }
  return null;
}

/** "make 24 from 3, 3, 8, 8", "game of 24: 3 3 8 8", "24 game with 3 3 8 8" */
function targetBefore(items: readonly Item[], list: List, floor: number): Goal | null {
  for (let at = list.from - 1; at >= Math.max(floor, list.from - reach); at -= 1) {
    const item = items[at];
    if (item === undefined || item.kind === "part" || item.kind === "date") {
      return null;
    }
    const game = gameAt(items, at);
    if (game !== null) {
      return game;
    }
    const goal = goalAt(items, at);
    if (goal !== null) {
      return cueBefore(items, list.from, goal.to) === null ? null : goal;
    }
  }
  return null;
}

function gameAt(items: readonly Item[], at: number): Goal | null {
  const text = textAt(items, at);
  if (text === "game" && textAt(items, at + 1) === "of" && isNumberAt(items, at + 2)) {
    return { value: textAt(items, at + 2), from: at, to: at + 3 };
  }
  const named = ["game", "puzzle"].includes(text) && isNumberAt(items, at - 1);
  return named ? { value: textAt(items, at - 1), from: at - 1, to: at + 1 } : null;
}

/** The word right before the numbers that says they are to be used. */
function cueBefore(items: readonly Item[], from: number, floor: number): number | null {
  const skipped = new Set(
    "the numbers number digits four three five following these each all values [ ( { :".split(" "),
  );
  let at = from - 1;
  while (at > floor && at > from - 8 && skipped.has(textAt(items, at)) && !cues.has(textAt(items, at))) {
    at -= 1;
  }
  const bareOf = textAt(items, at) === "of" && textAt(items, at - 1) !== "out";
  return at >= floor && cues.has(textAt(items, at)) && !bareOf ? at : null;
}
