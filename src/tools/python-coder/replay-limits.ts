// What a run's earlier programs may take together when they must run again. Each of them once ended within the limits of
// one, so none of them may make the program that comes after them look as if it took too long.

import type { ProgramLimits } from "./sandbox/job.ts";

/** Machines and clocks differ, so there is room for so many programs more. */
const sparePrograms = 3;
/** Waits are bounded by the tool's own time, which must hold them: a minute by default. Longer ones are a `replay_limit`. */
const maxReplayWaits = 12;

/** `timeMs` does not grow: what they may take of a machine that is too slow is no more than what one program may. */
export function replayLimitsOf({ maxFuel, waitMs, timeMs }: ProgramLimits, programCount: number): ProgramLimits {
  const room = programCount + sparePrograms;
  return { maxFuel: maxFuel * room, waitMs: waitMs * Math.min(room, maxReplayWaits), timeMs };
}
