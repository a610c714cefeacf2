// How a run's outcome becomes its reward: what callers send as `reward`. Pure kinds are functions of the answer and may
// be summed; a reward that takes time or another service (late-reward-spec.ts) stands alone.

import * as z from "zod";
import { LateRewardSpec } from "./late-reward-spec.ts";
import { unitOf } from "./number.ts";
import { maxPatternLength } from "./pattern/compile-pattern.ts";
import { toPattern } from "./regex.ts";
import { readSchema } from "./schema/read-schema.ts";

const finite = z.number().min(-1e15).max(1e15);

export const ExactReward = z.strictObject({ kind: z.literal("exact") });
export const F1Reward = z.strictObject({ kind: z.literal("f1") });

export const NumberReward = z.strictObject({
  kind: z.literal("number"),
  tolerance: z
    .strictObject({ relative: z.number().min(0).max(1).optional(), absolute: z.number().min(0).max(1e15).optional() })
    .optional()
    .describe("Either bound is enough. Without one, 1e-9 relative to the gold answer."),
  unit: z
    .string()
    .max(40)
    .refine((name) => unitOf(name) !== null, "unknown unit; see docs/rewards.md for those that are known")
    .optional()
    .describe("The unit that a number without one counts in, or %."),
});
export type NumberReward = z.infer<typeof NumberReward>;

export const MathReward = z.strictObject({ kind: z.literal("math") });

export const ChoiceReward = z.strictObject({
  kind: z.literal("choice"),
  options: z
    .array(z.string().min(1).max(2000))
    .min(2)
    .max(26)
    .optional()
    .describe("The contents of A, B, … without their letters. Else lines such as `A) …` of the query."),
});
export type ChoiceReward = z.infer<typeof ChoiceReward>;

export const ExpressionReward = z.strictObject({
  kind: z.literal("expression"),
  target: finite,
  numbers: z.array(finite).min(1).max(8).describe("Each is to be used exactly once."),
});
export type ExpressionReward = z.infer<typeof ExpressionReward>;

export const RegexReward = z.strictObject({
  kind: z.literal("regex"),
  pattern: z.string().min(1).max(maxPatternLength),
  flags: z
    .string()
    .regex(/^(?!.*(.).*\1)[imsu]{0,4}$/, "flags may be i, m, s and u, each once; u always holds")
    .optional(),
});
export type RegexReward = z.infer<typeof RegexReward>;

export const JsonSchemaReward = z.strictObject({
  kind: z.literal("json_schema"),
  schema: z.union([z.boolean(), z.record(z.string(), z.unknown())]),
});
export type JsonSchemaReward = z.infer<typeof JsonSchemaReward>;

/** Patterns and schemas are compiled once here, so that a task that cannot be scored is refused when it is posted. */
const checkedRegex = RegexReward.superRefine(({ pattern, flags }, context) => {
  const compiled = toPattern(pattern, flags ?? "");
  if (!compiled.ok) {
    context.addIssue({ code: "custom", path: ["pattern"], message: compiled.error });
  }
});
const checkedSchema = JsonSchemaReward.superRefine(({ schema }, context) => {
  const read = readSchema(schema);
  if (!read.ok) {
    context.addIssue({ code: "custom", path: ["schema"], message: read.error });
  }
});

const leaves = [
  ExactReward,
  F1Reward,
  NumberReward,
  MathReward,
  ChoiceReward,
  ExpressionReward,
  checkedRegex,
  checkedSchema,
] as const;

/** Negative weights are penalties. */
const weighted = { weight: z.number().min(-100).max(100) };
const weightedLeaves = [
  ExactReward.extend(weighted),
  F1Reward.extend(weighted),
  NumberReward.extend(weighted),
  MathReward.extend(weighted),
  ChoiceReward.extend(weighted),
  ExpressionReward.extend(weighted),
  checkedRegex.safeExtend(weighted),
  checkedSchema.safeExtend(weighted),
] as const;

const maxParts = 16;
const pureKinds = "exact, f1, number, math, choice, expression, regex, json_schema, sum";

function partError(issue: { readonly code: string }): string | undefined {
  return issue.code === "invalid_union"
    ? `a part's kind must be one of ${pureKinds}; judge, webhook and external stand alone`
    : undefined;
}

const sum = { kind: z.literal("sum") };
/** Three levels of sums, written out: a schema without recursion bounds the depth by itself. */
const InnerSum = z.strictObject({
  ...sum,
  parts: z
    .array(z.discriminatedUnion("kind", weightedLeaves, { error: partError }))
    .min(1)
    .max(maxParts),
});
const MiddleSum = z.strictObject({
  ...sum,
  parts: z
    .array(z.discriminatedUnion("kind", [...weightedLeaves, InnerSum.extend(weighted)], { error: partError }))
    .min(1)
    .max(maxParts),
});
export const SumReward = z.strictObject({
  ...sum,
  parts: z
    .array(z.discriminatedUnion("kind", [...weightedLeaves, MiddleSum.extend(weighted)], { error: partError }))
    .min(1)
    .max(maxParts),
});
export type SumReward = z.infer<typeof SumReward>;

/** Sixteen rewards in all, whatever the nesting: each reads the whole answer. */
export const PureRewardSpec = z
  .discriminatedUnion("kind", [...leaves, SumReward])
  .refine((spec) => leafCount(spec) <= maxParts, `a sum has at most ${maxParts} rewards in all`);
export type PureRewardSpec = z.infer<typeof PureRewardSpec>;

export const RewardSpec = z.discriminatedUnion("kind", [PureRewardSpec, LateRewardSpec], {
  error: (issue) =>
    issue.code === "invalid_union" ? `kind must be one of ${pureKinds}, judge, webhook, external` : undefined,
});
export type RewardSpec = z.infer<typeof RewardSpec>;

function leafCount(spec: z.infer<typeof SumReward> | { readonly kind: string }): number {
  if (!("parts" in spec)) {
    return 1;
  }
  return spec.parts.reduce((total, part) => total + leafCount(part), 0);
}
