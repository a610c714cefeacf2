// F1 over the bags of normalised words, best over the gold answers: SQuAD's score with HotpotQA's rule that "yes",
// "no" and "noanswer" match whole or not at all. It does not look at the order of words.

import { ok, type Result } from "../lib/result.ts";
import { finalAnswer } from "./final-answer.ts";
import { normalizeAnswer } from "./normalize-answer.ts";
import { type Outcome, readGold, type Reward, type RewardError } from "./reward.ts";

/** `hotpot_evaluate_v1.py`: a long reply that happens to hold "no" has not answered no. */
const wholeOrNothing: ReadonlySet<string> = new Set(["yes", "no", "noanswer"]);

interface Bag {
  readonly text: string;
  readonly size: number;
  readonly counts: ReadonlyMap<string, number>;
}

interface Overlap {
  readonly f1: number;
  readonly precision: number;
  readonly recall: number;
}

export function f1Reward({ answer, answers }: Outcome): Result<Reward, RewardError> {
  const gold = readGold(answers, "a text", toBag);
  if (!gold.ok) {
    return gold;
  }
  const given = toBag(finalAnswer(answer));
  const [best = overlap(given, given)] = gold.value
    .map((bag) => overlap(given, bag))
    .toSorted((left, right) => right.f1 - left.f1);
  return ok({ value: best.f1, kind: "f1", components: { ...best } });
}

function toBag(text: string): Bag {
  const normalized = normalizeAnswer(text);
  const words = normalized === "" ? [] : normalized.split(" ");
  const counts = new Map<string, number>();
  for (const word of words) {
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return { text: normalized, size: words.length, counts };
}

function overlap(given: Bag, gold: Bag): Overlap {
  if (given.text === gold.text) {
    return { f1: 1, precision: 1, recall: 1 };
  }
  let shared = 0;
  for (const [word, count] of gold.counts) {
    shared += Math.min(count, given.counts.get(word) ?? 0);
  }
  if (shared === 0 || wholeOrNothing.has(given.text) || wholeOrNothing.has(gold.text)) {
    return { f1: 0, precision: 0, recall: 0 };
  }
  const [precision, recall] = [shared / given.size, shared / gold.size];
  return { f1: (2 * precision * recall) / (precision + recall), precision, recall };
}
