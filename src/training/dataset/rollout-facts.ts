// What a group's numbers depend on, rollout by rollout: reward, validity and the sizes of the turns. It is small, so
// that a group's records need not lie in memory together. What the claim froze is taken as it is; what the record says
// of itself is checked once more.

import { isSoundCapture } from "../validity.ts";
import { type ClaimedRollout, compareRollouts } from "./claimed-group.ts";
import { InvalidReasonInDataset } from "./columns.ts";
import type { RecordInput, TurnInput } from "./record-input.ts";

export interface RolloutFacts {
  readonly rollout: ClaimedRollout;
  /** Null for a valid rollout. */
  readonly reason: InvalidReasonInDataset | null;
  /** It came to an end of its own, whether good or bad. */
  readonly ended: boolean;
  /** Sampled tokens of each turn; null where the server gave no ids. */
  readonly turnTokens: readonly (number | null)[];
}

/** `record` is null for a rollout that left none. */
export function rolloutFacts(rollout: ClaimedRollout, record: RecordInput | null): RolloutFacts {
  return {
    rollout,
    reason: reasonOf(rollout, record),
    ended: record !== null && record.status !== "cancelled",
    turnTokens: record?.turns.map(sampledTokens) ?? [],
  };
}

/** |a|: the sum of the mask. */
function sampledTokens(turn: TurnInput): number | null {
  if (turn.response_token_ids === null || turn.response_mask === null) {
    return null;
  }
  return turn.response_mask.reduce((sum, value) => sum + value, 0);
}

/** The record's own reason, then the claim's, then what is missing: the reward may have come after the record. */
function reasonOf(rollout: ClaimedRollout, record: RecordInput | null): InvalidReasonInDataset | null {
  const own = record?.invalid_reason ?? null;
  const said = own === "no_reward" || own === "judge_failed" ? null : own;
  const reason = said ?? rollout.invalid_reason;
  if (reason !== null) {
    // A word of another version still means that something outside the policy broke the rollout.
    return InvalidReasonInDataset.safeParse(reason).data ?? "platform_lost";
  }
  if (record === null) {
    return "platform_lost";
  }
  if (record.turns.length === 0) {
    return "no_turns";
  }
  if (!record.turns.every(isSoundInFloat32)) {
    return "bad_capture";
  }
  return rollout.reward === null ? "no_reward" : null;
}

/** The file holds float32, and so are the log-probs that the validator reads. */
function isSoundInFloat32(turn: TurnInput): boolean {
  const { response_token_ids, response_logprobs, response_mask } = turn;
  return isSoundCapture({
    response_token_ids,
    response_mask,
    response_logprobs: response_logprobs?.map(Math.fround) ?? null,
  });
}

interface Attempt {
  readonly rollout: Pick<ClaimedRollout, "rollout_index" | "rollout_attempt">;
  readonly reason: string | null;
}

/**
 * In the dataset's order, with one valid rollout at each index at most: an attempt that was given up and redone, and
 * ended well after all, is one that the platform had lost.
 */
export function settleAttempts<T extends Attempt>(
  facts: readonly T[],
  isValid: (fact: T) => boolean = ({ reason }) => reason === null,
): readonly T[] {
  const sorted = facts.toSorted((left, right) => compareRollouts(left.rollout, right.rollout));
  return sorted.map((fact, position) => {
    const isRedone = sorted
      .slice(position + 1)
      .some((later) => later.rollout.rollout_index === fact.rollout.rollout_index && isValid(later));
    return isValid(fact) && isRedone ? { ...fact, reason: "platform_lost" } : fact;
  });
}
