// What an object appends that finds an unended run with no loop in memory: the step to be taken up again, or the
// end of a run that keeps taking the service down with it.

import type { Role } from "../engines/engine.ts";
import type { NewEvent, StepName } from "./events.ts";
import { type Live, next } from "./next.ts";
import type { RunState } from "./run-state.ts";
import { stepKey } from "./step-key.ts";

/** DESIGN section 4: a run that dies ten times at one step, or a hundred times without other progress, is poison. */
const maxRecoveriesOfStep = 10;
const maxRecoveriesSinceProgress = 100;

/** Null for a run that has ended. */
export function recover(state: RunState, live: Live): NewEvent | null {
  const step = next(state, live);
  if (step.step === "done") {
    return null;
  }
  const turn = "turn" in step ? step.turn : null;
  const count = state.recoveries.byStep[stepKey(step.step, turn)] ?? 0;
  if (count >= maxRecoveriesOfStep || state.recoveries.sinceProgress >= maxRecoveriesSinceProgress) {
    return exhausted(state, step.step, count);
  }
  const payload = { step: step.step, role: roleOf(step.step), attempt: count + 1, reason: "recovered" };
  return { type: "step.retried", turn, ...payload };
}

/** Whose deltas a reader must void: those of the call that the crash cut off. */
function roleOf(step: StepName): Role | null {
  switch (step) {
    case "analysis":
      return "analyzer";
    case "plan":
      return "planner";
    case "command":
      return "executor";
    case "tool":
      return "tool";
    case "verification":
      return "verifier";
    case "answer":
      return "generator";
    default:
      return null;
  }
}

function exhausted(state: RunState, step: StepName, count: number): NewEvent {
  const { sinceProgress } = state.recoveries;
  const detail = `the step "${step}" was taken up ${count} times after a crash, ${sinceProgress} crashes came without progress`;
  return {
    type: "run.failed",
    turn: null,
    problem: { code: "recovery_exhausted", detail },
    usage: state.usage,
  };
}
