// One training: from untrained weights, a batch of groups, its dataset, a few Adam steps, the new version, again. It
// holds nothing back from the dataset but the two sets of weights that the loss compares with.

import { type OfflineWeights, untrainedWeights } from "../../src/engines/offline/policy/weights.ts";
import { offlineTasks } from "../../src/engines/offline/tasks/offline-tasks.ts";
import type { Split } from "../../src/engines/offline/tasks/part-task.ts";
import { newAdam } from "../../src/training/learn/adam.ts";
import { defaultImprove, improve, type ImproveOptions } from "../../src/training/learn/improve.ts";
import { toLearnBatch } from "../../src/training/learn/learn-dataset.ts";
import { fromTable, toTable } from "../../src/training/learn/weight-table.ts";
import type { Arena, Played } from "./arena.ts";
import { type Arm, groupsOf, seenBy, specNameOf } from "./arms.ts";
import type { Exam, Iteration, Measured } from "./results.ts";

export interface TrainOptions {
  readonly seed: number;
  readonly arm: Arm;
  readonly iterations: number;
  /** Groups a batch, and rollouts a group. */
  readonly tasks: number;
  readonly groupSize: number;
  /** What is examined: held-out tasks, or validation tasks while somebody works on features or training. */
  readonly examSplit: Exclude<Split, "train">;
  /** Tasks before the first and after the last iteration. */
  readonly examTasks: number;
  /** Tasks after every `curveEvery`th iteration and after the last, for the curve. */
  readonly curveTasks: number;
  readonly curveEvery: number;
}

export const fullTraining = {
  iterations: 100,
  tasks: 32,
  groupSize: 8,
  examSplit: "heldout",
  examTasks: 400,
  curveTasks: 100,
  curveEvery: 5,
} as const;
export const quickTraining = {
  iterations: 3,
  tasks: 8,
  groupSize: 4,
  examSplit: "heldout",
  examTasks: 40,
  curveTasks: 20,
  curveEvery: 1,
} as const;

export interface Training extends Measured {
  readonly weights: OfflineWeights;
}

/** All arms and seeds take the same examination, which no training has seen a task of. */
const examSeed = 2026;

/** `curveArena` examines after each iteration; it may be the same arena. */
export async function train(
  arenas: { readonly arena: Arena; readonly curveArena: Arena },
  options: TrainOptions,
  onIteration: (iteration: Iteration) => void,
): Promise<Training> {
  const { arena, curveArena } = arenas;
  const { arm, seed } = options;
  const versionOf = (iteration: number) => `learn-${arm}-${seed}-${iteration}`;
  let weights = untrainedWeights(versionOf(0), groupsOf(arm));
  const reference = toTable(weights);
  let state = { weights: reference, adam: newAdam(reference.length) };
  await arena.publish(weights, []);
  const before = await examine(arena, options);
  const iterations: Iteration[] = [];
  for (let iteration = 1; iteration <= options.iterations; iteration += 1) {
    const startedAt = performance.now();
    const batchSeed = seed * 1000 + iteration;
    const practice = {
      tasks: offlineTasks({ seed: batchSeed, count: options.tasks, split: "train" }),
      groupSize: options.groupSize,
      temperature: 1,
      split: "train",
      seed: batchSeed,
    } as const;
    const collected = await arena.collect(practice, specNameOf(arm));
    const batch = toLearnBatch(seenBy(arm, collected.dataset, { seed, iteration }));
    if (!batch.ok) {
      throw new Error(`${collected.datasetId}: ${batch.error}`);
    }
    const improved = improve(batch.value, state, reference, optionsAt(iteration, options.iterations));
    state = { weights: improved.weights, adam: improved.adam };
    weights = fromTable(state.weights, weights, versionOf(iteration));
    await arena.publish(weights, arena === curveArena ? [] : [collected.datasetId]);
    await curveArena.publish(weights, []);
    const seconds = (performance.now() - startedAt) / 1000;
    const last = improved.steps.at(-1) ?? { loss: 0, clipFraction: 0, divergence: 0 };
    const isOnCurve = iteration % options.curveEvery === 0 || iteration === options.iterations;
    const heldOut = isOnCurve ? await shareSolved(curveArena, options.examSplit, options.curveTasks, 1) : null;
    const report = {
      iteration,
      reward: share(collected),
      ...last,
      heldOut,
      seconds,
      invalid: { ...collected.invalid },
    };
    iterations.push(report);
    onIteration(report);
  }
  const after = await examine(arena, options);
  const isUntouched = state.weights.every((value, at) => Object.is(value, reference[at]));
  return { arm, seed, before, after, iterations, weights, isUntouched };
}

/** The learning rate falls on a straight line to a tenth: late batches hold few failures, and each would shake it. */
function optionsAt(iteration: number, iterations: number): ImproveOptions {
  const done = iterations === 1 ? 0 : (iteration - 1) / (iterations - 1);
  const learningRate = defaultImprove.adam.learningRate * (1 - 0.9 * done);
  return { ...defaultImprove, adam: { ...defaultImprove.adam, learningRate } };
}

export async function examine(
  arena: Arena,
  { examSplit, examTasks }: Pick<TrainOptions, "examSplit" | "examTasks">,
): Promise<Exam> {
  return {
    sampled: await shareSolved(arena, examSplit, examTasks, 1),
    greedy: await shareSolved(arena, examSplit, examTasks, 0),
  };
}

async function shareSolved(arena: Arena, split: Split, count: number, temperature: number): Promise<number> {
  const tasks = offlineTasks({ seed: examSeed, count, split });
  return share(await arena.examine({ tasks, groupSize: 1, temperature, split, seed: examSeed }));
}

function share({ success, rollouts }: Played): number {
  return success / rollouts;
}
