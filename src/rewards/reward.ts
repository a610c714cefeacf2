// What every kind of reward takes and gives. A kind is a pure function of these: no clock, no network, no model.

import { err, ok, type Result } from "../lib/result.ts";

/** What a run ended with and what it is compared to. */
export interface Outcome {
  readonly answer: string;
  /** The gold answers; the best match counts. */
  readonly answers: readonly string[];
  readonly query: string;
}

export interface Reward {
  /** 0 to 1; of a sum the weighted sum, which its weights bound. */
  readonly value: number;
  readonly kind: string;
  readonly components: Record<string, number>;
}

/**
 * The task is at fault, never the answer: `no_reference` where a kind needs gold answers and has none,
 * `bad_reference` where none of them can be read, `bad_spec` where the reward itself cannot be computed.
 */
export interface RewardError {
  readonly code: "no_reference" | "bad_reference" | "bad_spec";
  readonly detail: string;
}

export function hitOrMiss(kind: string, hit: boolean): Reward {
  const value = hit ? 1 : 0;
  return { value, kind, components: { [kind]: value } };
}

/** The gold answers as `read` reads them; those it cannot read do not count, but one must remain. */
export function readGold<T>(
  answers: readonly string[],
  expected: string,
  read: (answer: string) => T | null,
): Result<readonly T[], RewardError> {
  if (answers.length === 0) {
    return err({ code: "no_reference", detail: "this reward compares with gold answers and the task has none" });
  }
  const gold = answers.map(read).filter((value) => value !== null);
  return gold.length === 0
    ? err({ code: "bad_reference", detail: `none of the gold answers is ${expected}` })
    : ok(gold);
}
