// 1 where the pattern is found in the final answer. Anchor it with `^…$` to ask for the whole of it. The pattern is
// matched in linear time by our own engine, never by the one that backtracks; gold answers are not looked at.
// Our own rule, after no benchmark; the syntax is that of ECMAScript's `u` flag.

import { err, ok, type Result } from "../lib/result.ts";
import { finalAnswer } from "./final-answer.ts";
import { compilePattern, type Pattern } from "./pattern/compile-pattern.ts";
import { hitOrMiss, type Outcome, type Reward, type RewardError } from "./reward.ts";
import type { RegexReward } from "./reward-spec.ts";

/** A longer answer earns 0: a cut one could match what the whole does not. */
const maxTextLength = 16 * 1024;

export function regexReward(spec: RegexReward, { answer }: Outcome): Result<Reward, RewardError> {
  const pattern = toPattern(spec.pattern, spec.flags ?? "");
  if (!pattern.ok) {
    return err({ code: "bad_spec", detail: pattern.error });
  }
  const text = finalAnswer(answer);
  return ok(hitOrMiss("regex", text.length <= maxTextLength && pattern.value.test(text)));
}

export function toPattern(pattern: string, flags: string): Result<Pattern, string> {
  return compilePattern(pattern, { i: flags.includes("i"), m: flags.includes("m"), s: flags.includes("s") });
}
