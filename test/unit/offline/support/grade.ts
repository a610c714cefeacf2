// Grades an answer against a generated task: expressions by evaluating them, numbers within rounding, texts exactly.

import { reachesTarget } from "../../../../src/engines/offline/expression.ts";
import type { OfflineTask } from "../../../../src/engines/offline/tasks/offline-tasks.ts";

export function isRight(task: OfflineTask, answer: string): boolean {
  const { reward } = task;
  if (reward.kind === "expression") {
    return reachesTarget(answer, reward.numbers.map(String), String(reward.target));
  }
  const [wanted = ""] = task.answers;
  if (reward.kind === "exact") {
    const [given, expected] = [answer.split("; "), wanted.split("; ")];
    return given.length === expected.length && given.every((piece, index) => same(piece, expected[index] ?? ""));
  }
  return same(answer, wanted);
}

/** Both sides round to 12 digits, of which combining may cost a few. */
function same(given: string, wanted: string): boolean {
  const [a, b] = [Number(given), Number(wanted)];
  return given === wanted || (given !== "" && Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b)));
}
