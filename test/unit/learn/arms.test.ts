// What the arms of the study change about a dataset, and that they change nothing else; and the table of weights.

import { describe, expect, it } from "vitest";
import { seenBy } from "../../../scripts/learn/arms.ts";
import { untrainedWeights } from "../../../src/engines/offline/policy/weights.ts";
import { createRandom } from "../../../src/lib/random.ts";
import { defaultAdvantageSpec } from "../../../src/training/advantage-spec.ts";
import { groupAdvantages } from "../../../src/training/advantages.ts";
import { adamStep, newAdam } from "../../../src/training/learn/adam.ts";
import { type LearnDataset, type LearnTurn, withShuffledRewards } from "../../../src/training/learn/learn-dataset.ts";
import { fromTable, toTable } from "../../../src/training/learn/weight-table.ts";

function turn(
  group: string,
  rollout: number,
  at: { reward: number; turns: number; advantage: number | null },
): LearnTurn {
  return {
    group_id: group,
    rollout_id: `${group}/${rollout}`,
    num_turns: at.turns,
    valid: at.advantage !== null,
    prompt_token_ids: [0, 1],
    response_token_ids: [0, 9, 14],
    response_logprobs: [0, -2, 0],
    logprobs_mode: "processed",
    temperature: 1,
    top_p: 1,
    guided: false,
    reward: at.reward,
    advantage: at.advantage,
    loss_weight: 1 / (4 * at.turns * 3),
  };
}

/** Per group: four rollouts with rewards 1, 0, 0, 0 and as many turns as their number, the last one invalid. */
function makeDataset(groups: number): LearnDataset {
  const turns = Array.from({ length: groups }, (_, index) => index).flatMap((index) =>
    [1, 0, 0, 0].flatMap((reward, rollout) =>
      Array.from({ length: rollout + 1 }, () =>
        turn(`g${index}`, rollout, { reward, turns: rollout + 1, advantage: rollout === 3 ? null : reward - 1 / 3 }),
      ),
    ),
  );
  return { turns, groups };
}

function advantagesOf({ turns }: LearnDataset, group: string): (number | null)[] {
  const own = turns.filter(({ group_id }) => group_id === group);
  return [...new Map(own.map(({ rollout_id, advantage }) => [rollout_id, advantage])).values()];
}

const ascending = (a: number, b: number) => a - b;

describe("the arm with shuffled rewards", () => {
  const dataset = makeDataset(200);
  const shuffled = withShuffledRewards(dataset, defaultAdvantageSpec, createRandom(1));

  it("keeps each group's advantages, and gives the good one to any valid rollout alike", () => {
    const outcomes = [1, 0, 0].map((reward) => ({ reward, turns: 1, valid: true }));
    const wanted = groupAdvantages(defaultAdvantageSpec, outcomes).advantages.map(Number).toSorted(ascending);
    const winners = [0, 0, 0];
    for (let group = 0; group < 200; group += 1) {
      const found = advantagesOf(shuffled, `g${group}`);
      expect(found.slice(0, 3).map(Number).toSorted(ascending)).toEqual(wanted);
      expect(found[3]).toBeNull();
      const winner = found.findIndex((advantage) => advantage !== null && advantage > 0);
      winners[winner] = (winners[winner] ?? 0) + 1;
    }
    // Four standard deviations of a third of 200; the seed is fixed.
    expect(winners.every((count) => Math.abs(count - 200 / 3) < 27)).toBe(true);
  });

  it("changes nothing but the advantages, and all turns of a rollout alike", () => {
    const without = ({ turns }: LearnDataset) => turns.map(({ advantage: _advantage, ...rest }) => rest);
    expect(without(shuffled)).toEqual(without(dataset));
    for (const turns of Map.groupBy(shuffled.turns, ({ rollout_id }) => rollout_id).values()) {
      expect(new Set(turns.map(({ advantage }) => advantage)).size).toBe(1);
    }
  });

  it("is the same for the same seed and iteration", () => {
    const seen = (iteration: number) => seenBy("shuffled", dataset, { seed: 3, iteration });
    expect(seen(2)).toEqual(seen(2));
    expect(seen(2)).not.toEqual(seen(3));
  });
});

describe("the other arms", () => {
  const dataset = makeDataset(3);
  const at = { seed: 1, iteration: 1 };

  it("see the dataset as it is, or with advantages that are all zero", () => {
    for (const arm of ["normal", "turn", "blind"] as const) {
      expect(seenBy(arm, dataset, at)).toBe(dataset);
    }
    const zero = seenBy("zero", dataset, at);
    expect(advantagesOf(zero, "g1")).toEqual([0, 0, 0, null]);
  });
});

describe("weights as a table", () => {
  it("come back as they were, under another version", () => {
    const weights = untrainedWeights("a");
    expect(fromTable(toTable(weights), weights, "b")).toEqual({ ...weights, version: "b" });
  });

  it("are refused once they have run away", () => {
    const weights = untrainedWeights("a");
    expect(() => fromTable(toTable(weights).fill(1e6), weights, "b")).toThrow("too_big");
  });
});

describe("Adam", () => {
  it("moves by the learning rate at first, against the gradient, and leaves its arguments alone", () => {
    const weights = new Float64Array([1, 1, 1]);
    const state = newAdam(3);
    const options = { learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 0 };
    const next = adamStep(weights, new Float64Array([5, -0.001, 2]), state, options);
    for (const [at, wanted] of [0.9, 1.1, 0.9].entries()) {
      expect(next.weights[at]).toBeCloseTo(wanted, 12);
    }
    expect([...weights]).toEqual([1, 1, 1]);
    expect(state).toEqual(newAdam(3));
    expect(next.state.steps).toBe(1);
  });
});
