// The offline planner's weights as one flat array of doubles, which is what gradients and optimisers work on, and
// back again as the file that a policy is registered with. Nothing is rounded on the way in either direction.

import { planRows } from "../../engines/offline/policy/grammar.ts";
import { featureNames } from "../../engines/offline/policy/vocabulary.ts";
import { OfflineWeights } from "../../engines/offline/policy/weights.ts";

/** Columns of a row: one a feature. */
export const rowWidth: number = featureNames.length;
export const weightCount: number = planRows.length * rowWidth;

/** Row after row. */
export function toTable(weights: OfflineWeights): Float64Array {
  const table = new Float64Array(weightCount);
  for (const [index, row] of weights.rows.entries()) {
    table.set(row, index * rowWidth);
  }
  return table;
}

/** Throws where a number has left the range that a weights file may hold: the training has run away. */
export function fromTable(table: Float64Array, like: OfflineWeights, version: string): OfflineWeights {
  const rows = like.rows.map((_, index) => Array.from(table.subarray(index * rowWidth, (index + 1) * rowWidth)));
  return OfflineWeights.parse({ ...like, version, rows });
}
