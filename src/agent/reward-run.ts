// The reward of a run whose reward is a pure function of its answer: in the log before the terminal event, so that
// whoever reads the log to its end has it. Rewards that take time or a service come later, in the ledger.

import type { RewardSpec } from "../rewards/reward-spec.ts";
import { scoreAnswer } from "../rewards/score.ts";
import type { NewEvent } from "./events.ts";
import type { Reference } from "./run-spec.ts";
import type { RunState } from "./run-state.ts";

/** Null where the run has no reference, no answer, or a reference that cannot score any answer. */
export function rewardEvent(state: RunState, reference: Reference | null): NewEvent | null {
  const [first] = state.spec.outputs;
  const answer = first === undefined ? undefined : state.answers[first];
  const spec = reference === null ? null : rewardSpecOf(reference);
  if (reference === null || spec === null || answer === undefined) {
    return null;
  }
  const scored = scoreAnswer(spec, { answer, answers: reference.answers, query: state.spec.query });
  return scored.ok ? { type: "reward.recorded", turn: null, ...scored.value } : null;
}

/** The reward asked for, or exact match where there are gold answers and nothing was said. */
export function rewardSpecOf(reference: Reference): RewardSpec | null {
  return reference.reward ?? (reference.answers.length > 0 ? { kind: "exact" } : null);
}
