// Whether a rollout counts. It does unless something outside the policy broke it (DESIGN section 6); what the
// policy itself did badly, malformed replies and crashed programs included, is what training is about.

import type { LateRewardSpec } from "../rewards/late-reward-spec.ts";
import type { RunState } from "../agent/run-state.ts";
import type { TurnRow } from "./turn-row.ts";

export type InvalidReason =
  | "engine_failed"
  | "platform_lost"
  | "cancelled"
  | "no_turns"
  | "no_reward"
  /** A judge or a webhook gave up. Never in a record, which is older; it is found where the reward is looked up. */
  | "judge_failed"
  | "mixed_policy"
  | "bad_capture";

const lostSandbox: ReadonlySet<string> = new Set(["sandbox_unavailable", "sandbox_busy", "sandbox_overloaded"]);

/** Null for a valid rollout, and where nothing but a reward that is still `owed` is missing. */
export function invalidReasonOf(
  state: RunState,
  turns: readonly TurnRow[],
  owed: LateRewardSpec | null,
): InvalidReason | null {
  switch (state.status) {
    case "failed":
      return state.error?.code === "recovery_exhausted" ? "platform_lost" : "engine_failed";
    case "cancelled":
      return "cancelled";
    default:
      break;
  }
  // A sandbox that could not be reached, was busy with other runs or was too slow is nobody's bad program.
  if (state.turns.some((turn) => turn.calls.some((call) => lostSandbox.has(call.error?.code ?? "")))) {
    return "platform_lost";
  }
  if (turns.length === 0) {
    return "no_turns";
  }
  if (turns.some((turn) => !isSoundCapture(turn))) {
    return "bad_capture";
  }
  if (
    new Set(turns.map((turn) => turn.model_served)).size > 1 ||
    turns.some((turn) => turn.policy_version !== state.spec.policy.version)
  ) {
    return "mixed_policy";
  }
  return state.reward === null && owed === null ? "no_reward" : null;
}

/** vLLM writes -9999 for a token it has no log-prob of; float32 rounding may put a sure token a hair above 0. */
const minLogprob = -9000;
const maxLogprob = 1e-6;

/** Rule 1 of DATASET's validator, checked when the record is made. */
export function isSoundCapture(
  turn: Pick<TurnRow, "response_token_ids" | "response_logprobs" | "response_mask">,
): boolean {
  const { response_token_ids: ids, response_logprobs: logprobs, response_mask: mask } = turn;
  if (ids === null) {
    return logprobs === null && mask === null;
  }
  if (mask === null || mask.length !== ids.length || (logprobs !== null && logprobs.length !== ids.length)) {
    return false;
  }
  return logprobs === null || logprobs.every((value) => value > minLogprob && value <= maxLogprob);
}
