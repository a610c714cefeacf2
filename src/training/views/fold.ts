// The fold of Eq. 5 into advantages. The clipped surrogate is positively homogeneous in the advantage, so a weight
// can be multiplied into it: with A' = A * loss_weight * tokens / groups a trainer's mean over all tokens of the
// surrogate is the paper's objective without the divergence term, which no fold reaches.

import * as z from "zod";

export const Fold = z.enum(["eq5"]);
export type Fold = z.infer<typeof Fold>;

export function foldAdvantage(
  row: { readonly advantage: number; readonly loss_weight: number },
  totals: { readonly tokens: number; readonly groups: number },
): number {
  return (row.advantage * row.loss_weight * totals.tokens) / totals.groups;
}
