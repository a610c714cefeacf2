// Weights by formula, the same in the NumPy script, and a dataset's batch.

import { expect } from "vitest";
import { planRows } from "../../../src/engines/offline/policy/grammar.ts";
import { type LearnDataset, toLearnBatch } from "../../../src/training/learn/learn-dataset.ts";
import type { LearnBatch } from "../../../src/training/learn/objective.ts";
import { rowWidth, weightCount } from "../../../src/training/learn/weight-table.ts";

interface Formula {
  readonly scale: number;
  readonly rowStep: number;
  readonly featureStep: number;
  readonly shift: number;
}

export function formula({ scale, rowStep, featureStep, shift }: Formula): Float64Array {
  const table = new Float64Array(weightCount);
  for (let row = 0; row < planRows.length; row += 1) {
    for (let feature = 0; feature < rowWidth; feature += 1) {
      table[row * rowWidth + feature] = scale * Math.sin(rowStep * row + featureStep * feature + shift);
    }
  }
  return table;
}

/** The weights that sampled test/fixtures/learn/dataset.jsonl. */
export const sampler: Float64Array = formula({ scale: 0.3, rowStep: 1.7, featureStep: 0.9, shift: 0 });

export function batchOf(dataset: LearnDataset): LearnBatch {
  const batch = toLearnBatch(dataset);
  if (!batch.ok) {
    expect.fail(batch.error);
  }
  return batch.value;
}
