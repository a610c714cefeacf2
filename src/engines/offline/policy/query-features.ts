// The planner's view of a question: known words, shapes of tokens, and pairs of neighbours. It looks at tokens one
// after the other and does not use the readers of parts, so what a question asks for is the policy's to learn.

import { type Item, isNumberAt, textAt } from "../question/items.ts";
import { readUnit } from "../question/read-units.ts";
import { questionTokens } from "../question/read-question.ts";
import { featureId, measureWords } from "./vocabulary.ts";

/** Left out before pairs are formed: "the mean of the numbers 3, 5" and "mean: 3, 5" give the same pair. */
const fillers = new Set(
  "the a an of these this those following numbers number values value data set list , : [ ] ( ) ? . ! ; - is are there and to what which".split(
    " ",
  ),
);
const keepsBefore = new Set(["to", "is", "of"]);
/** Units of time that questions about dates use, too: they are seen as words. */
const calendarUnits = new Set(["day", "days", "week", "weeks"]);
/** Seen as another word of the same meaning, so that rare ways to write something need no weights of their own. */
const synonyms = new Map([
  ["½", "half"],
  ["quarter", "half"],
  ["quarters", "half"],
  ["thirds", "half"],
  ["remainder", "modulo"],
]);
const ordinalEndings = new Set(["st", "nd", "rd", "th"]);
const operators = new Set(["+", "-", "*", "/", "^", "√"]);

export function queryFeatures(query: string): Set<number> {
  const tokens = questionTokens(query);
  const names = shapesOf(tokens);
  const found = new Set<number>();
  const add = (name: string) => {
    const id = featureId(name);
    if (id !== null) {
      found.add(id);
    }
  };
  names.forEach(add);
  for (const pair of pairsOf(names)) {
    add(pair);
  }
  const dates = names.filter((name) => name === "<date>").length;
  if (dates > 1) {
    add(dates === 2 ? "<two-dates>" : "<three-dates>");
  }
  const has = (...wanted: string[]) => wanted.some((name) => names.includes(name));
  if (has("<list>") && has(...measureWords)) {
    add("<list+measure>");
  }
  if (
    dates > 0 &&
    has("days", "weeks") &&
    (dates > 1 || pairsOf(names).some((pair) => /^<num>\|(?:days|weeks)$/.test(pair)))
  ) {
    add("<dates+days>");
  }
  if (dates > 0 && (has("weekday") || (has("day") && has("week")))) {
    add("<date+weekday>");
  }
  if (found.size === 0) {
    add("<nothing>");
  }
  return found;
}

/** One name a token: its shape, or its text. A run of numbers is one `<list>`. */
function shapesOf(tokens: readonly Item[]): string[] {
  const names: string[] = [];
  for (let at = 0; at < tokens.length;) {
    const unit = !calendarUnits.has(textAt(tokens, at)) && isUnitPlace(tokens, at) ? readUnit(tokens, at) : null;
    const list = readRun(tokens, at);
    if (list > at) {
      names.push("<list>");
      at = list;
    } else if (unit !== null) {
      names.push("<unit>");
      at = unit.next;
    } else {
      names.push(shapeOf(tokens, at));
      at += 1;
    }
  }
  return names;
}

/** A short name such as "m" or "in" is a unit only where a unit is expected. */
function isUnitPlace(tokens: readonly Item[], at: number): boolean {
  const text = textAt(tokens, at);
  const before = textAt(tokens, at - 1);
  return (
    isNumberAt(tokens, at - 1) ||
    ["many", "much"].includes(before) ||
    (text.length > 2 && text !== "second") ||
    ["to", "in", "into"].includes(before)
  );
}

/** The end of a run of two or more numbers with commas or nothing between them; `at` where there is none. */
function readRun(tokens: readonly Item[], at: number): number {
  let next = at;
  let count = 0;
  while (isNumberAt(tokens, next)) {
    count += 1;
    const end = next + 1;
    next = end + (textAt(tokens, end) === "," || textAt(tokens, end) === ";" ? 1 : 0);
    next += count > 1 && textAt(tokens, next) === "and" && isNumberAt(tokens, next + 1) ? 1 : 0;
    if (!isNumberAt(tokens, next)) {
      return count > 1 ? end : at;
    }
  }
  return at;
}

function shapeOf(tokens: readonly Item[], at: number): string {
  const token = tokens[at];
  if (token?.kind === "number" || token?.kind === "date") {
    return token.kind === "date" ? "<date>" : "<num>";
  }
  const text = token?.text ?? "";
  const value = (index: number) => isNumberAt(tokens, index) || ["(", ")", "%", "-"].includes(textAt(tokens, index));
  if (operators.has(text) && value(at - 1) && value(at + 1)) {
    return "<op>";
  }
  if (text === "%") {
    return "<percent>";
  }
  return text === "[" || text === "(" ? "<brackets>" : wordOf(tokens, at);
}

function wordOf(tokens: readonly Item[], at: number): string {
  const text = textAt(tokens, at);
  if (text === "!" && isNumberAt(tokens, at - 1)) {
    return "factorial";
  }
  // "3 to the 4th"
  if (ordinalEndings.has(text) && textAt(tokens, at - 3) === "to" && textAt(tokens, at - 2) === "the") {
    return "power";
  }
  return synonyms.get(text) ?? text;
}

function pairsOf(names: readonly string[]): string[] {
  const kept = names.filter((name, at) => {
    const pointsOn = keepsBefore.has(name) && ["<date>", "<unit>"].includes(names[at + 1] ?? "");
    return pointsOn || (!fillers.has(name) && name !== "<brackets>");
  });
  const pairs = kept.slice(1).map((name, index) => `${kept[index] ?? ""}|${name}`);
  const dates = names.flatMap((name, at) => (name === "<date>" ? [at] : []));
  const near = dates.some((at, index) => index > 0 && at - (dates[index - 1] ?? 0) <= 3);
  return near ? [...pairs, "<date>|<date>"] : pairs;
}
