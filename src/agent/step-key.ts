// The key of a step within its run, by which recoveries are counted.

import type { StepName } from "./events.ts";

export function stepKey(step: StepName, turn: number | null): string {
  return `${turn ?? "-"}/${step}`;
}
