// Numbers written as words, from zero to 999,999 ("twenty-three", "two hundred and five", "four thousand").
// It turns runs of such words into number tokens and leaves "a", "one of" and ordinals alone.

import type { Token } from "./tokens.ts";

const units = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen".split(
  " ",
);
units.push("sixteen", "seventeen", "eighteen", "nineteen");
const tens = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

const small = new Map<string, number>([
  ...units.map((word, value): [string, number] => [word, value]),
  ...tens.map((word, index): [string, number] => [word, 20 + 10 * index]),
]);

export function isNumberWord(text: string): boolean {
  return small.has(text);
}

/** The number whose words start at `at`, and the index after its last word; null where there is none. */
export function readNumberWords(tokens: readonly Token[], at: number): { value: number; next: number } | null {
  const first = small.get(tokens[at]?.text ?? "");
  if (first === undefined) {
    return null;
  }
  let value = first;
  let total = 0;
  let next = at + 1;
  for (;;) {
    const text = tokens[next]?.text ?? "";
    // "twenty-three" and "two hundred and five": the joint is read only if a number word follows it.
    const joint = text === "-" || (text === "and" && value >= 100 && value % 100 === 0) ? 1 : 0;
    const word = tokens[next + joint]?.text ?? "";
    const added = small.get(word);
    const fits = value % 100 === 0 ? value >= 100 : value % 10 === 0 && value % 100 >= 20 && (added ?? 10) < 10;
    if (added !== undefined && added > 0 && fits) {
      value += added;
      next += joint + 1;
    } else if (word === "hundred" && joint === 0 && value > 0 && value < 10) {
      value *= 100;
      next += 1;
    } else if (word === "thousand" && joint === 0 && value > 0 && total === 0) {
      total = value * 1000;
      value = 0;
      next += 1;
      const rest = readNumberWords(tokens, next);
      return rest === null || rest.value >= 1000
        ? { value: total, next }
        : { value: total + rest.value, next: rest.next };
    } else {
      return { value, next };
    }
  }
}
