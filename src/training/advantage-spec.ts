// The name of the rule that makes advantages: `grpo/<trajectory|turn>/std=<n-1|n|none>/eps=<number>` (DESIGN section
// 6). One rule has one name, so that a dataset's id can be made from it; whatever is not such a name is refused.

import * as z from "zod";
import { err, ok, type Result } from "../lib/result.ts";

export const AdvantageSpec = z.strictObject({
  /** What the baseline counts: rollouts (the paper), or planner turns (what the authors' code does). */
  over: z.enum(["trajectory", "turn"]),
  /** The divisor N-1, N, or no division at all: then the advantage is R - mean. */
  std: z.enum(["n-1", "n", "none"]),
  /** Added to the standard deviation; without one it has no effect. */
  eps: z.number().min(0).max(1),
});
export type AdvantageSpec = z.infer<typeof AdvantageSpec>;

export const defaultAdvantageSpec: AdvantageSpec = { over: "trajectory", std: "n-1", eps: 1e-6 };

/** For schemas of requests. The length bound keeps a reader of numbers from long input. */
const form = /^grpo\/(trajectory|turn)\/std=(n-1|n|none)\/eps=(\d{1,20}(?:\.\d{1,20})?(?:e-?\d{1,3})?)$/;

/** The error is a sentence for whoever wrote the name. */
export function parseAdvantageSpec(text: string): Result<AdvantageSpec, string> {
  const [, over, std, eps] = form.exec(text) ?? [];
  const parsed = AdvantageSpec.safeParse({ over, std, eps: Number(eps) });
  return parsed.success
    ? ok(parsed.data)
    : err("not of the form grpo/<trajectory|turn>/std=<n-1|n|none>/eps=<number from 0 to 1>");
}

/** The one name of a rule: `eps=0.000001` and `eps=1e-6` are the same and are written the second way. */
export function formatAdvantageSpec(spec: AdvantageSpec): string {
  return `grpo/${spec.over}/std=${spec.std}/eps=${formatEps(spec.eps)}`;
}

function formatEps(eps: number): string {
  return eps === 0 ? "0" : eps.toExponential().replace("e+", "e");
}
