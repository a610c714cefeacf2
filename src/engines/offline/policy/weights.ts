// The weights file of the offline planner: what it must look like, and an untrained one to start from. One row a
// choice of the grammar, one column a feature of the vocabulary; both vocabularies are named in the file.

import * as z from "zod";
import { endToken, planRows, planTokens, planVocabulary } from "./grammar.ts";
import { featureGroups, featureNames, featureVocabulary } from "./vocabulary.ts";

/** Beyond this a logit says nothing that a smaller one would not, and sums could lose precision. */
const maxWeight = 1000;

export const OfflineWeights = z.strictObject({
  version: z.string().min(1).max(64),
  features: z.literal(featureVocabulary),
  tokens: z.literal(planVocabulary),
  /** Groups of features that this policy sees; the others never reach its prompt token ids. */
  groups: z
    .array(z.enum(featureGroups))
    .min(2)
    .refine((groups) => groups.includes("bias") && groups.includes("tools"), "must hold bias and tools"),
  /** `rows[row][feature]`, rows in the order of `planRows`. */
  rows: z.array(z.array(z.number().min(-maxWeight).max(maxWeight)).length(featureNames.length)).length(planRows.length),
});
export type OfflineWeights = z.infer<typeof OfflineWeights>;

/** Every choice as likely as another. */
export function zeroWeights(version: string, groups: OfflineWeights["groups"] = [...featureGroups]): OfflineWeights {
  return {
    version,
    features: featureVocabulary,
    tokens: planVocabulary,
    groups,
    rows: planRows.map(() => featureNames.map(() => 0)),
  };
}

/** Where training starts: uniform over tools and kinds, and seldom an argument, since few questions need one. */
export function untrainedWeights(
  version: string,
  groups: OfflineWeights["groups"] = [...featureGroups],
): OfflineWeights {
  const zero = zeroWeights(version, groups);
  const ends = planRows.map((row) => row.endsWith(`>${planTokens[endToken] ?? ""}`));
  const rows = zero.rows.map((row, index) => row.map((_, feature) => (feature === 0 && ends[index] === true ? 3 : 0)));
  return { ...zero, rows };
}
