// The reward of a run: a pure one is in the log before the terminal event, so that whoever reads the log to its end
// has it. A late one, which takes time or a service, comes after the end and stands in the ledger.

import type { LateRewardSpec } from "../rewards/late-reward-spec.ts";
import type { RewardError } from "../rewards/reward.ts";
import type { RewardSpec } from "../rewards/reward-spec.ts";
import { scoreAnswer } from "../rewards/score.ts";
import type { NewEvent } from "./events.ts";
import type { Reference } from "./run-spec.ts";
import type { RunState } from "./run-state.ts";

/** Null where the run has no reference, no answer, a late reward, or a reference that cannot score any answer. */
export function rewardEvent(state: RunState, reference: Reference | null): NewEvent | null {
  const answer = answerOf(state);
  const spec = reference === null ? null : rewardSpecOf(reference);
  if (reference === null || spec === null || answer === null || isLate(spec)) {
    return null;
  }
  const scored = scoreAnswer(spec, { answer, answers: reference.answers, query: state.spec.query });
  return scored.ok ? { type: "reward.recorded", turn: null, ...scored.value } : null;
}

/** What still has to be found out about an ended run; null where nothing has, because it ended without an answer. */
export function owedReward(state: RunState, reference: Reference | null): LateRewardSpec | null {
  const spec = reference === null ? null : rewardSpecOf(reference);
  const hasEndedByItself = state.status === "completed" || state.status === "incomplete";
  return spec !== null && isLate(spec) && hasEndedByItself && answerOf(state) !== null ? spec : null;
}

/** Why no answer at all could be scored; null where one could. */
export function referenceFault(reference: Reference, query: string): RewardError | null {
  const spec = rewardSpecOf(reference);
  if (spec === null) {
    return null;
  }
  if (isLate(spec)) {
    const isBlind = spec.kind === "judge" && spec.instructions === undefined && reference.answers.length === 0;
    const detail = "a judge compares with gold answers or follows instructions, and the task has neither";
    return isBlind ? { code: "no_reference", detail } : null;
  }
  const scored = scoreAnswer(spec, { answer: "", answers: reference.answers, query });
  return scored.ok ? null : scored.error;
}

/** The reward asked for, or exact match where there are gold answers and nothing was said. */
function rewardSpecOf(reference: Reference): RewardSpec | null {
  return reference.reward ?? (reference.answers.length > 0 ? { kind: "exact" } : null);
}

function isLate(spec: RewardSpec): spec is LateRewardSpec {
  return spec.kind === "judge" || spec.kind === "webhook" || spec.kind === "external";
}

/** What a run is rewarded for: the first of its outputs. */
export function answerOf(state: RunState): string | null {
  const [first] = state.spec.outputs;
  return (first === undefined ? undefined : state.answers[first]) ?? null;
}
