// A group's numbers where attempts are open or came after the claim: they take nobody's place.

import { expect, test } from "vitest";
import { defaultAdvantageSpec } from "../../../src/training/advantage-spec.ts";
import { groupNumbers, type SeenGroup, type SeenRollout } from "../../../src/training/group-view.ts";

const group: SeenGroup = {
  isClosed: true,
  complete: false,
  size_planned: 2,
  policy_step: 0,
  isQuarantined: false,
};
const terms = { minValid: null, allowPartial: true, maxStaleness: 0, policyStep: 0 };

function attempt(index: number, number: number, more: Partial<SeenRollout>): SeenRollout {
  const rollout = { rollout_index: index, rollout_attempt: number };
  return { rollout, reason: null, isOpen: false, reward: 0, turns: 1, ...more };
}

test("an attempt that a claim froze stays valid beside a later one that was not in the claim", () => {
  const late = attempt(0, 2, { isOpen: true, reward: null });
  const shown = groupNumbers(defaultAdvantageSpec, group, terms, [
    attempt(0, 1, { reward: 1 }),
    late,
    attempt(1, 1, { reward: 0 }),
  ]);
  expect(shown.rollouts.map(({ reason }) => reason)).toEqual([null, null, null]);
  expect([shown.sizeValid, shown.rewardMean]).toEqual([2, 0.5]);
  const [first, open, second] = shown.rollouts.map(({ advantage }) => advantage);
  expect(open).toBeNull();
  expect(first).toBeGreaterThan(0);
  expect((first ?? 0) + (second ?? 0)).toBeCloseTo(0, 9);
});

test("an attempt that was redone and ended well after all does not count beside the one that replaced it", () => {
  const shown = groupNumbers(defaultAdvantageSpec, group, terms, [
    attempt(0, 1, { reward: 1 }),
    attempt(0, 2, { reward: 0 }),
    attempt(1, 1, { reward: 0 }),
  ]);
  expect(shown.rollouts.map(({ reason }) => reason)).toEqual(["platform_lost", null, null]);
  expect(shown.sizeValid).toBe(2);
});
