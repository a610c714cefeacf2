// A group's numbers as they are shown: which rollouts are valid, and their advantages. Of a group that an export has
// claimed they are the dataset's, by the claim's terms; of another one those that an export would give it now with its
// defaults. Where there are none it says why.

import * as z from "zod";
import type { AdvantageSpec } from "./advantage-spec.ts";
import { groupAdvantages } from "./advantages.ts";
import { type GroupTerms, noAdvantages } from "./dataset/derive-group.ts";
import { settleAttempts } from "./dataset/rollout-facts.ts";

/** An attempt of the group, whether or not it was redone. */
export interface SeenRollout {
  readonly rollout: { readonly rollout_index: number; readonly rollout_attempt: number };
  /** Null for a valid rollout. */
  readonly reason: string | null;
  /** It runs, or somebody owes its reward, or the claim came before its end. */
  readonly isOpen: boolean;
  readonly reward: number | null;
  /** Null where nobody knows any more: its session was erased. */
  readonly turns: number | null;
}

export interface SeenGroup {
  readonly isClosed: boolean;
  readonly complete: boolean;
  readonly size_planned: number;
  readonly policy_step: number;
  /** An export set it aside. */
  readonly isQuarantined: boolean;
}

/** The first three are those of a dataset's groups. */
export const ReasonShown = z.enum(["partial", "too_few_valid", "stale", "quarantined", "erased"]);
export type ReasonShown = z.infer<typeof ReasonShown>;

export interface GroupNumbers<T extends SeenRollout> {
  /** In the dataset's order, with the reasons that count. */
  readonly rollouts: readonly (T & { readonly advantage: number | null })[];
  readonly sizeValid: number;
  readonly rewardMean: number | null;
  readonly zeroVariance: boolean;
  /** Why there are no advantages; null where there are, or where the group is open. */
  readonly reason: ReasonShown | null;
}

/** `terms`: null for a group that nobody has claimed. */
export function groupNumbers<T extends SeenRollout>(
  spec: AdvantageSpec,
  group: SeenGroup,
  terms: GroupTerms | null,
  seen: readonly T[],
): GroupNumbers<T> {
  // One that is still open, or came after the claim, takes nobody's place.
  const settled = settleAttempts(seen, isValid);
  const valid = settled.filter(isValid);
  const rewards = valid.flatMap(({ reward }) => reward ?? []);
  const { advantages, zeroVariance } = groupAdvantages(
    spec,
    settled.map((one) => ({ reward: one.reward, turns: one.turns ?? 0, valid: isValid(one) })),
  );
  const reason = reasonOf(spec, group, terms, settled);
  const hasAdvantages = reason === null && (group.isClosed || terms !== null);
  return {
    rollouts: settled.map((one, index) => ({ ...one, advantage: hasAdvantages ? (advantages[index] ?? null) : null })),
    sizeValid: valid.length,
    rewardMean: rewards.length === 0 ? null : rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length,
    zeroVariance,
    reason,
  };
}

function isValid({ isOpen, reason }: SeenRollout): boolean {
  return !isOpen && reason === null;
}

function reasonOf(
  spec: AdvantageSpec,
  group: SeenGroup,
  terms: GroupTerms | null,
  rollouts: readonly SeenRollout[],
): ReasonShown | null {
  if (group.isQuarantined) {
    return "quarantined";
  }
  if (isErased(spec, group, terms, rollouts)) {
    return "erased";
  }
  if (terms === null && !group.isClosed) {
    return null;
  }
  return noAdvantages(terms ?? defaultTerms(group), group, rollouts.filter(isValid).length);
}

/**
 * A complete group had a rollout at each place: without one it is set aside by the export. A frozen one keeps its
 * reward, but a rule that counts its turns cannot be computed here any more.
 */
function isErased(
  spec: AdvantageSpec,
  group: SeenGroup,
  terms: GroupTerms | null,
  rollouts: readonly SeenRollout[],
): boolean {
  const places = new Set(rollouts.map(({ rollout }) => rollout.rollout_index)).size;
  const hasLostPlace = group.complete && places < group.size_planned;
  const hasLostTurns =
    terms !== null && spec.over === "turn" && rollouts.some((one) => isValid(one) && one.turns === null);
  return hasLostPlace || hasLostTurns;
}

/** How far it is behind when an export comes nobody knows. */
function defaultTerms(group: SeenGroup): GroupTerms {
  return { minValid: null, allowPartial: false, maxStaleness: 0, policyStep: group.policy_step };
}
