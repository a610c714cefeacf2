// Trainings that were played, one file each, so that a study can be cut off and go on, or be spread over processes. A
// file says what was measured; the weights are not in it.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { arms, type Arm } from "./arms.ts";

export const Exam = z.strictObject({
  /** Shares of tasks solved: sampled at temperature 1, and greedy. */
  sampled: z.number(),
  greedy: z.number(),
});
export type Exam = z.infer<typeof Exam>;

export const Iteration = z.strictObject({
  iteration: z.int(),
  /** Mean over the batch's rollouts. */
  reward: z.number(),
  /** Of the last Adam step: the farthest from the weights that sampled. */
  clipFraction: z.number(),
  divergence: z.number(),
  loss: z.number(),
  /** Null where this iteration was not examined. */
  heldOut: z.number().nullable(),
  seconds: z.number(),
  /** Rollouts that do not count, by reason. */
  invalid: z.record(z.string(), z.int()),
});
export type Iteration = z.infer<typeof Iteration>;

export const Measured = z.strictObject({
  arm: z.enum(arms),
  seed: z.int(),
  before: Exam,
  after: Exam,
  iterations: z.array(Iteration),
  /** Whether the last weights are the first, bit for bit. */
  isUntouched: z.boolean(),
});
export type Measured = z.infer<typeof Measured>;

function fileOf(folder: string, arm: Arm, seed: number): string {
  return join(folder, `${arm}-${seed}.json`);
}

export function saveMeasured(folder: string, measured: Measured): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(fileOf(folder, measured.arm, measured.seed), `${JSON.stringify(measured)}\n`);
}

/** Null where this training was not played, or played for another number of iterations. */
export function loadMeasured(folder: string, arm: Arm, seed: number, iterations: number): Measured | null {
  const file = fileOf(folder, arm, seed);
  const measured = existsSync(file) ? Measured.parse(JSON.parse(readFileSync(file, "utf8"))) : null;
  return measured?.iterations.length === iterations ? measured : null;
}
