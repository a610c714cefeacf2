// Looks for what the readers left over. The domain is narrow, and a skipped word can turn a question into another one
// ("the remainder of …", "without weekends"), so a question is refused as a whole unless every number is read and
// every other word is known to change nothing. It reads no meaning into what it finds.

import { type Item, isNumberAt, textAt } from "./items.ts";
import type { Combination } from "./part.ts";
import { isHarmless, isOperatorWord, isPuzzleWord, isSpanWord } from "./harmless-words.ts";
import { isOperandAt } from "./read-combination.ts";
import { readUnit } from "./read-units.ts";
import { type Token, touches } from "./tokens.ts";

/** The first thing that cannot be read, as it stands in the question; null where there is none. */
export function findUnread(
  tokens: readonly Item[],
  items: readonly Item[],
  combination: Combination | null,
): string | null {
  return (
    unreadNumber(tokens) ??
    unbalanced(tokens) ??
    firstText(items, (at) => isLeftOver(items, at, combination)) ??
    insideParts(tokens, items) ??
    doubtfulSum(items, combination)
  );
}

function firstText(items: readonly Item[], isUnread: (at: number) => boolean): string | null {
  return items.find((_, at) => isUnread(at))?.text ?? null;
}

/** Numbers that are written in a way that the tokens do not keep: 1.000.000, 03/01/2024, 2024-13-01, 5x, 2½, 7e. */
function unreadNumber(tokens: readonly Item[]): string | null {
  return firstText(tokens, (at) => isNumberAt(tokens, at) && (isTangled(tokens, at) || isDateLike(tokens, at)));
}

const endings = new Set(["st", "nd", "rd", "th"]);

function isTangled(tokens: readonly Item[], at: number): boolean {
  const [before, own, next, after] = [tokens[at - 1], tokens[at], tokens[at + 1], tokens[at + 2]];
  const joined = (left: Item | undefined, right: Item | undefined) =>
    isToken(left) && isToken(right) && touches(left, right);
  if (joined(before, own) && (before?.kind === "word" ? before.text !== "x" : before?.kind === "number")) {
    return true;
  }
  if (!joined(own, next) || next === undefined) {
    return false;
  }
  // "5x" is five times an unknown, "5x7" and "5x(3)" are products.
  if (next.text === "x") {
    return !joined(next, after) || !(after?.kind === "number" || after?.text === "(");
  }
  return next.kind === "word"
    ? !endings.has(next.text) && readUnit(tokens, at + 1) === null
    : /[½¼¾⅓⅔²³]/.test(next.text);
}

function isToken(item: Item | undefined): item is Token {
  return item !== undefined && item.kind !== "part";
}

/** Three numbers joined by the same stroke, one of them a year: a date, but not one that can be read. */
function isDateLike(tokens: readonly Item[], at: number): boolean {
  const five = tokens.slice(at, at + 5).filter(isToken);
  const [first, sign, second, again, third] = five;
  const together = five.length === 5 && five.slice(1).every((token, index) => touches(five[index], token));
  const strokes = (sign?.text === "/" || sign?.text === "-") && again?.text === sign.text;
  const numbers = second?.kind === "number" && third?.kind === "number";
  return together && strokes && numbers && [first, third].some((token) => /^\d{4}$/.test(token?.text ?? ""));
}

const closes: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

function unbalanced(tokens: readonly Item[]): string | null {
  const open: string[] = [];
  for (const { text } of tokens) {
    const wanted = Object.hasOwn(closes, text) ? closes[text] : undefined;
    if (wanted !== undefined) {
      open.push(wanted);
    } else if ((text === ")" || text === "]" || text === "}") && open.pop() !== text) {
      return text;
    }
  }
  return open.length === 0 ? null : "(";
}

const counted = new Set("questions parts results answers numbers values digits times steps things tasks".split(" "));
const stops = new Set(". , ; : ? ! \" “ ” ' … &".split(" "));

function isLeftOver(items: readonly Item[], at: number, combination: Combination | null): boolean {
  const item = items[at];
  if (item === undefined || item.kind === "part") {
    return false;
  }
  const combines = combination !== null && combination.how !== "list";
  if (item.kind === "number") {
    // "plus 2 days" adds no bare number.
    const isOperand = combines && isOperandAt(items, at) && readUnit(items, at + 1) === null;
    return !isOperand && !counted.has(textAt(items, at + 1));
  }
  if (item.kind === "date") {
    return true;
  }
  if (item.kind === "word") {
    // "20% of <part>" is a product that only plain numbers have.
    if ((item.text === "of" || item.text === "off") && items[at - 1]?.kind === "part") {
      return true;
    }
    return !(
      isHarmless(item.text) ||
      (combines && isOperatorWord(item.text)) ||
      (hasPuzzle(items) && isPuzzleWord(item.text))
    );
  }
  return !stops.has(item.text) && !isReadSign(items, at, item.text, combination);
}

function hasPuzzle(items: readonly Item[]): boolean {
  return items.some((item) => item.kind === "part" && item.part.kind === "target");
}

const isValue = (item: Item | undefined) => item?.kind === "number" || item?.kind === "part";

function isReadSign(items: readonly Item[], at: number, text: string, combination: Combination | null): boolean {
  const [before, next] = [items[at - 1], items[at + 1]];
  const combines = combination !== null && combination.how !== "list";
  if ("[]{}".includes(text)) {
    return true;
  }
  if (text === "(" || text === ")") {
    // Between results that are calculated with, brackets group; the combination does not read them.
    return !combines;
  }
  if (text === "=") {
    return isValue(before) && (next === undefined || [".", "?"].includes(next.text));
  }
  if (["+", "-", "*", "/"].includes(text) && ((combines && isValue(before) && isValue(next)) || hasPuzzle(items))) {
    return true;
  }
  // A dash between words.
  return (text === "-" || text === "–") && !isValue(before) && !isValue(next);
}

/** Some readers pass over words between a part's beginning and its end: these must be known, too. */
function insideParts(tokens: readonly Item[], items: readonly Item[]): string | null {
  for (const item of items) {
    if (item.kind === "part" && (item.part.kind === "target" || item.part.kind === "days")) {
      const inside = tokens.filter((token) => token.start >= item.start && token.end <= item.end);
      const known = item.part.kind === "target" ? isPuzzleWord : isSpanWord;
      const strange = inside.find((token) => token.kind === "word" && !isHarmless(token.text) && !known(token.text));
      const extra =
        item.part.kind === "target" &&
        inside.filter((token) => token.kind === "number").length > item.part.numbers.length + 1;
      if (strange !== undefined || extra) {
        return strange?.text ?? "one number too many";
      }
    }
  }
  return restrictedSigns(tokens, items);
}

/** "with + and - only": all four signs may be named, or none. */
function restrictedSigns(tokens: readonly Item[], items: readonly Item[]): string | null {
  if (!hasPuzzle(items)) {
    return null;
  }
  const puzzles = items.filter((item) => item.kind === "part" && item.part.kind === "target");
  const inside = tokens.filter(({ start, end }) => puzzles.some((part) => start >= part.start && end <= part.end));
  const listed = [...inside, ...items].flatMap(({ text, kind }) =>
    kind === "sign" && ["+", "-", "*", "/"].includes(text) ? [text] : [],
  );
  const named = new Set(listed);
  // A lone "-" is a dash.
  return named.size === 0 || named.size === 4 || (named.size === 1 && !named.has("+") && !named.has("/"))
    ? null
    : [...named].join(" ");
}

/** "the mean of 3, 5 and 10 plus 7" could be a list of two or of three numbers. */
function doubtfulSum(items: readonly Item[], combination: Combination | null): string | null {
  if (combination?.how !== "list") {
    return null;
  }
  const found = items.findIndex((item, at) => {
    const before = items.slice(0, at).findLast(({ text }) => text !== "and" && text !== ",");
    const isSum =
      item.kind === "part" && item.part.kind === "arithmetic" && /^F\("[^"]*"\) [-+*/] /.test(item.part.expression);
    return isSum && before?.kind === "part" && before.part.kind === "statistics";
  });
  return found < 0 ? null : textAt(items, found - 1);
}
