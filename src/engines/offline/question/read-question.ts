// Reads a question of the offline engine's domain into parts and their combination: one reader a kind, each on
// what the earlier ones left. A question outside the domain has no parts. Pure, and safe on any text.

import { foldDates } from "./dates.ts";
import { foldParts, type Item, textAt } from "./items.ts";
import { isNumberWord, readNumberWords } from "./number-words.ts";
import type { Question } from "./part.ts";
import { readArithmeticParts } from "./read-arithmetic.ts";
import { readCombination } from "./read-combination.ts";
import { readDayParts, readWeekdayParts } from "./read-dates.ts";
import { readStatisticsParts } from "./read-statistics.ts";
import { readTargetParts } from "./read-target.ts";
import { readUnitParts } from "./read-units.ts";
import { takeRounding } from "./rounding.ts";
import { readTokens, type Token } from "./tokens.ts";
import { findUnread } from "./unread.ts";

// Dates before days before arithmetic: the more a reader asks for, the earlier it comes.
const readers = [
  readWeekdayParts,
  readUnitParts,
  readDayParts,
  readStatisticsParts,
  readTargetParts,
  readArithmeticParts,
];

export interface ReadQuestion extends Question {
  /** Decimal places asked for; null where nothing is said. */
  readonly decimals: number | null;
  /** What stands in the question and cannot be read: then it has no parts at all. */
  readonly unread: string | null;
}

export function readQuestion(text: string): ReadQuestion {
  const { question, unread } = readWhole(text);
  return unread === null ? question : { ...question, parts: [], operands: [], combination: null, unread };
}

/** Another planner's sub-goal, in whose words nothing is refused: it is a step, and the question itself is read strictly. */
export function readLoosely(text: string): ReadQuestion {
  return readWhole(text).question;
}

function readWhole(text: string): { question: ReadQuestion; unread: string | null } {
  const { items: asked, decimals } = takeRounding(questionTokens(text));
  const items = readers.reduce<readonly Item[]>((left, read) => foldParts(left, read(left)), asked);
  const parts = items.flatMap((item) => (item.kind === "part" ? [item.part] : []));
  const read = readCombination(items);
  const unread = parts.length === 0 ? null : findUnread(asked, items, read.combination);
  return { question: { parts, ...read, decimals, unread: null }, unread };
}

/** The tokens that readers and features see: examples left out, dates folded, number words as numbers. */
export function questionTokens(text: string): Token[] {
  return foldNumberWords(foldDates(withoutNotes(readTokens(text))));
}

const weekdays = new Set("monday tuesday wednesday thursday friday saturday sunday".split(" "));

/** Neither "Example: for [1, 2, 3, 4], one solution is (1+2+3)×4." nor "(Monday = 1)" is part of what is asked. */
function withoutNotes(tokens: readonly Token[]): Token[] {
  const kept: Token[] = [];
  let endings: readonly string[] = [];
  for (const [at, token] of tokens.entries()) {
    if (endings.length === 0 && token.text === "example" && textAt(tokens, at + 1) === ":") {
      endings = [".", "?", "!"];
    } else if (endings.length === 0 && token.text === "(" && weekdays.has(textAt(tokens, at + 1))) {
      endings = ["=", "is"].includes(textAt(tokens, at + 2)) ? [")"] : [];
    }
    if (endings.length === 0) {
      kept.push(token);
    }
    endings = endings.includes(token.text) ? [] : endings;
  }
  return kept;
}

const pointers = new Set(["the", "these", "those", "both", "all", "your", "each", "which", "any", "no"]);
const joints = new Set("+ - * / plus minus times divided multiplied by squared cubed percent % , and to of".split(" "));

/** "two" is a number in "two plus three", but not in "add the two results". */
function foldNumberWords(tokens: readonly Token[]): Token[] {
  const folded: Token[] = [];
  for (let at = 0; at < tokens.length;) {
    const token = tokens[at];
    if (token === undefined) {
      break;
    }
    const read = isNumberWord(token.text) && isCounted(tokens, at) ? readNumberWords(tokens, at) : null;
    const end = tokens[(read?.next ?? at + 1) - 1]?.end ?? token.end;
    folded.push(read === null ? token : { kind: "number", text: String(read.value), start: token.start, end });
    at = read?.next ?? at + 1;
  }
  return folded;
}

function isCounted(tokens: readonly Token[], at: number): boolean {
  if (pointers.has(textAt(tokens, at - 1))) {
    return false;
  }
  // "one" is mostly a pronoun: it counts only beside an operator or in a list.
  return textAt(tokens, at) !== "one" || joints.has(textAt(tokens, at + 1)) || joints.has(textAt(tokens, at - 1));
}
