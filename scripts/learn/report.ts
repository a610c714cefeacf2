// What the command prints: a line an iteration, a curve of characters, and the study's table.

import { armTexts } from "./arms.ts";
import type { Exam, Iteration, Measured } from "./results.ts";

export const iterationHead = "iteration  reward  held-out  clipped       k3      loss  seconds";

export function iterationLine(report: Iteration): string {
  const { iteration, reward, heldOut, clipFraction, divergence, loss, seconds, invalid } = report;
  const cells = [
    String(iteration).padStart(9),
    reward.toFixed(3).padStart(7),
    (heldOut === null ? "" : percent(heldOut)).padStart(9),
    percent(clipFraction).padStart(8),
    divergence.toFixed(3).padStart(8),
    loss.toFixed(4).padStart(9),
    seconds.toFixed(1).padStart(8),
  ];
  const broken = Object.entries(invalid).map(([reason, count]) => `  ${count} ${reason}`);
  return [...cells, ...broken].join(" ");
}

export function examText({ sampled, greedy }: Exam): string {
  return `${percent(sampled)} sampled at temperature 1, ${percent(greedy)} greedy`;
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

const height = 10;

/** Held-out success; a column for each iteration that was examined. */
export function textCurve(iterations: readonly Iteration[]): string {
  const shares = iterations.flatMap(({ heldOut }) => heldOut ?? []);
  const rows = Array.from({ length: height + 1 }, (_, index) => height - index);
  const lines = rows.map((row) => {
    const marks = shares.map((share) => (Math.round(share * height) === row ? "*" : " ")).join("");
    return `${String(row * (100 / height)).padStart(5)} % |${marks}`;
  });
  return [...lines, `        +${"-".repeat(shares.length)}`].join("\n");
}

export function trainingLine({ arm, seed, before, after, isUntouched, iterations }: Measured): string {
  const clipped = iterations.reduce((sum, { clipFraction }) => sum + clipFraction, 0) / Math.max(1, iterations.length);
  const cells = [
    arm,
    String(seed),
    percent(before.sampled),
    percent(after.sampled),
    percent(after.greedy),
    percent(clipped),
    isUntouched ? "bit-identical" : "changed",
  ];
  return `| ${cells.join(" | ")} |`;
}

export function studyTable(trainings: readonly Measured[]): string {
  const head = [
    "| arm | seed | untrained, sampled | trained, sampled | trained, greedy | clipped | weights |",
    "|---|---|---|---|---|---|---|",
  ];
  return [...head, ...trainings.map(trainingLine)].join("\n");
}

/** Means over the seeds of each arm. */
export function meansTable(trainings: readonly Measured[]): string {
  const rows = [...Map.groupBy(trainings, ({ arm }) => arm)].map(([arm, own]) => {
    const mean = (read: (training: Measured) => number) => own.reduce((sum, one) => sum + read(one), 0) / own.length;
    const low = Math.min(...own.map(({ after }) => Math.min(after.sampled, after.greedy)));
    const cells = [
      `${arm}: ${armTexts[arm]}`,
      percent(mean(({ before }) => before.sampled)),
      percent(mean(({ after }) => after.sampled)),
      percent(mean(({ after }) => after.greedy)),
      percent(low),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  const head = ["| arm | untrained | trained, sampled | trained, greedy | lowest of all |", "|---|---|---|---|---|"];
  return [...head, ...rows].join("\n");
}
