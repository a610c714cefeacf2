// Where rollouts are played and become a dataset: behind this interface stands the service, or the same loop in this
// process. The training sees no difference, and needs nothing but what the dataset says.

import type { OfflineWeights } from "../../src/engines/offline/policy/weights.ts";
import type { OfflineTask } from "../../src/engines/offline/tasks/offline-tasks.ts";
import type { Split } from "../../src/engines/offline/tasks/part-task.ts";
import type { LearnDataset } from "../../src/training/learn/learn-dataset.ts";

/** One batch of groups. */
export interface Practice {
  readonly tasks: readonly OfflineTask[];
  readonly groupSize: number;
  readonly temperature: number;
  readonly split: Split;
  /** Fixes every sample, together with task, rollout index and turn. */
  readonly seed: number;
}

export interface Played {
  readonly rollouts: number;
  /** The sum of all rewards over all rollouts: one that does not count has earned nothing. */
  readonly success: number;
  /** Rollouts that do not count, by reason. */
  readonly invalid: Readonly<Record<string, number>>;
}

export interface Collected extends Played {
  readonly datasetId: string;
  readonly dataset: LearnDataset;
}

export interface Arena {
  readonly name: string;
  /** From now on this version plans. `datasets`: what it was trained on. */
  publish(weights: OfflineWeights, datasets: readonly string[]): Promise<void>;
  /** Plays, waits for every rollout, exports, and reads the dataset. */
  collect(practice: Practice, advantageSpec: string): Promise<Collected>;
  /** Plays without an export. */
  examine(practice: Practice): Promise<Played>;
  close(): Promise<void>;
}

/** One tool that works and one that ends a run without an answer, as long as no model stands behind it. */
export const learnTools: readonly string[] = ["base_generator", "python_coder"];
export const learnTurns = 5;
