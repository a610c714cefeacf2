// Reads what an arithmetic part is followed by: instructions, each of which works on all that stands before it
// ("…, then add 4, and multiply by 2"). A verb that starts something new ("add 17 to 23") is left alone.

import { type Item, skipWords, textAt } from "./items.ts";
import type { Parsed } from "./read-verb.ts";

export const maxOperations = 200;

const chainFillers = new Set([",", "and", "then", ".", "finally", "next"]);
const verbs: Readonly<Record<string, string>> = {
  add: "+",
  subtract: "-",
  multiply: "*",
  divide: "/",
  minus: "-",
  plus: "+",
  times: "*",
};

/** "…, then add 4, and multiply by 2": each verb works on all that stands before it. */
export function readChain(items: readonly Item[], first: Parsed, readOperand: (at: number) => Parsed | null): Parsed {
  let value = first;
  for (;;) {
    const at = skipWords(items, value.next, chainFillers, 3);
    const verb = textAt(items, at) === "take" && textAt(items, at + 1) === "away" ? "subtract" : textAt(items, at);
    const operator = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
    const operandAt = skipWords(items, at + 1, new Set(["away", "by", "it", "the", "result", "that"]), 3);
    const right =
      operator === undefined || at === value.next || value.operations > maxOperations ? null : readOperand(operandAt);
    // "add 17 to 23" and "subtract 4 from …" start something new.
    if (right === null || ["to", "from"].includes(textAt(items, right.next)) || wordBelongsToUnit(items, right)) {
      return value;
    }
    value = {
      text: `(${value.text}) ${operator ?? "+"} (${right.text})`,
      next: right.next,
      operations: value.operations + right.operations + 1,
    };
  }
}

function wordBelongsToUnit(items: readonly Item[], right: Parsed): boolean {
  return ["day", "days", "week", "weeks"].includes(textAt(items, right.next));
}
