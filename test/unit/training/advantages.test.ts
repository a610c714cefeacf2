// Advantages, loss weights and reward statistics: the worked examples of DATASET, numbers from NumPy, and what must hold
// for any group.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import {
  AdvantageSpec,
  defaultAdvantageSpec,
  formatAdvantageSpec,
  parseAdvantageSpec,
} from "../../../src/training/advantage-spec.ts";
import { groupAdvantages, type RolloutOutcome } from "../../../src/training/advantages.ts";
import { rewardStats } from "../../../src/training/group-stats.ts";
import { lossWeights } from "../../../src/training/loss-weights.ts";

const exact: AdvantageSpec = { over: "trajectory", std: "n-1", eps: 0 };
const byTurns: AdvantageSpec = { ...exact, over: "turn" };

function outcomes(rewards: readonly (number | null)[], turns: readonly number[]): RolloutOutcome[] {
  return rewards.map((reward, index) => ({ reward, turns: turns[index] ?? 1, valid: reward !== null }));
}

describe("the worked examples", () => {
  const rollouts = outcomes([1, 1, 0, 0], [1, 1, 3, 3]);

  it("over trajectories: mean 0.5, deviation 0.57735, advantages of 0.86603", () => {
    const { advantages, baseline, zeroVariance } = groupAdvantages(exact, rollouts);
    expect(baseline?.mean).toBe(0.5);
    expect(baseline?.std).toBeCloseTo(Math.sqrt(1 / 3), 15);
    expect(baseline?.count).toBe(4);
    expect(zeroVariance).toBe(false);
    expect(
      distance(advantages, [Math.sqrt(0.75), Math.sqrt(0.75), -Math.sqrt(0.75), -Math.sqrt(0.75)]),
    ).toBeLessThanOrEqual(1e-12);
  });

  it("over turns: mean 0.25, deviation 0.46291, advantages 1.62019 and -0.54006", () => {
    const { advantages, baseline } = groupAdvantages(byTurns, rollouts);
    expect(baseline?.mean).toBe(0.25);
    expect(baseline?.std).toBeCloseTo(Math.sqrt(1.5 / 7), 15);
    expect(baseline?.count).toBe(8);
    expect(distance(advantages, [1.620185, 1.620185, -0.540062, -0.540062])).toBeLessThanOrEqual(5e-7);
  });

  it("with the fourth rollout invalid: 0.57735, 0.57735, -1.15470 and none", () => {
    const { advantages } = groupAdvantages(exact, outcomes([1, 1, 0, null], [1, 1, 3, 3]));
    expect(distance(advantages, [Math.sqrt(1 / 3), Math.sqrt(1 / 3), -2 * Math.sqrt(1 / 3), null])).toBeLessThanOrEqual(
      1e-12,
    );
  });

  it("with eight rollouts: 0.93541 over trajectories, 1.67705 and -0.55902 over turns", () => {
    const eight = outcomes([1, 1, 1, 1, 0, 0, 0, 0], [1, 1, 1, 1, 3, 3, 3, 3]);
    expect(distance(groupAdvantages(exact, eight).advantages.slice(3, 5), [0.935414, -0.935414])).toBeLessThanOrEqual(
      5e-7,
    );
    expect(distance(groupAdvantages(byTurns, eight).advantages.slice(3, 5), [1.677051, -0.559017])).toBeLessThanOrEqual(
      5e-7,
    );
  });

  it("weighs a token with 1/(G T |a|): 0.025 and 0.008333, and of three valid ones 1/30 and 1/90", () => {
    const turnTokens = [[10], [10], [10, 10, 10], [10, 10, 10]];
    const weights = lossWeights(turnTokens.map((tokens) => ({ valid: true, turnTokens: tokens })));
    expect(weights.map(([first]) => first)).toEqual([0.025, 0.025, 1 / 120, 1 / 120]);
    const three = lossWeights(turnTokens.map((tokens, index) => ({ valid: index < 3, turnTokens: tokens })));
    expect(three.map(([first]) => first)).toEqual([1 / 30, 1 / 30, 1 / 90, null]);
  });

  it("gives exactly 0 for rewards of 0.1, 0.1, 0.1, under every rule", () => {
    for (const std of ["n-1", "n", "none"] as const) {
      for (const over of ["trajectory", "turn"] as const) {
        const { advantages, zeroVariance, baseline } = groupAdvantages(
          { over, std, eps: 0 },
          outcomes([0.1, 0.1, 0.1], [1, 2, 3]),
        );
        expect(advantages).toEqual([0, 0, 0]);
        expect(zeroVariance).toBe(true);
        expect(baseline?.mean).toBe(0.1);
      }
    }
  });
});

describe("unusual groups", () => {
  it("has one valid rollout at advantage 0, without a deviation by N-1", () => {
    const single = groupAdvantages(defaultAdvantageSpec, outcomes([0.7, null], [2, 2]));
    expect(single).toEqual({ advantages: [0, null], baseline: { mean: 0.7, std: 0, count: 1 }, zeroVariance: true });
    expect(rewardStats([0.7], 1)).toEqual({ mean: 0.7, stdN: 0, stdN1: null, passRate: 0 });
  });

  it("has no advantages and no statistics where no rollout is valid", () => {
    const none = groupAdvantages(defaultAdvantageSpec, outcomes([null, null], [1, 1]));
    expect(none).toEqual({ advantages: [null, null], baseline: null, zeroVariance: false });
    expect(rewardStats([], 1)).toEqual({ mean: null, stdN: null, stdN1: null, passRate: null });
  });

  it("divides by a deviation whose square no float64 holds", () => {
    for (const unit of [1e-200, 1e200]) {
      expect(
        distance(groupAdvantages(exact, outcomes([unit, -unit], [1, 1])).advantages, [Math.sqrt(0.5), -Math.sqrt(0.5)]),
      ).toBeLessThanOrEqual(1e-12);
    }
  });

  it("throws for a valid rollout without a reward, which is a caller's bug", () => {
    expect(() => groupAdvantages(exact, [{ reward: null, turns: 1, valid: true }])).toThrow(TypeError);
  });

  it("weighs an empty reply with 0 and a reply without ids not at all", () => {
    expect(lossWeights([{ valid: true, turnTokens: [0, null, 4] }])).toEqual([[0, null, 1 / 12]]);
  });
});

describe("any group", () => {
  // Subnormal numbers have no digits left for a mean: 0 and -2.5e-323 differ by five units of the last place there is.
  const number = fc.double({ min: -100, max: 100, noNaN: true }).filter((x) => x === 0 || Math.abs(x) > 1e-290);
  const reward = fc.oneof(fc.constantFrom(0, 1), number);
  const rollout = fc.record({ reward, turns: fc.integer({ min: 1, max: 20 }), valid: fc.boolean() });
  const group = fc.array(rollout, { minLength: 1, maxLength: 24 });
  const spec = fc.record({
    over: fc.constantFrom("trajectory" as const, "turn" as const),
    std: fc.constantFrom("n-1" as const, "n" as const, "none" as const),
    eps: fc.constantFrom(0, 1e-8, 1e-6, 1e-4),
  });

  it("has advantages that sum to 0 over what the rule counts", () => {
    fc.assert(
      fc.property(spec, group, (rule, rollouts) => {
        const { advantages, baseline, zeroVariance } = groupAdvantages(rule, rollouts);
        const count = (turns: number) => (rule.over === "turn" ? turns : 1);
        const sum = advantages.reduce<number>(
          (all, value, i) => all + (value ?? 0) * count(rollouts[i]?.turns ?? 0),
          0,
        );
        const divisor = baseline === null || baseline.std === null ? 1 : baseline.std + rule.eps;
        const largest = Math.max(0, ...rollouts.filter(({ valid }) => valid).map((one) => Math.abs(one.reward)));
        expect(Math.abs(sum)).toBeLessThanOrEqual(zeroVariance ? 0 : 1e-9 * Math.max(1, largest / divisor));
      }),
    );
  });

  it("does not change when every reward rises by the same", () => {
    const steps = fc.array(
      fc.record({ reward: fc.integer({ min: 0, max: 8 }), turns: fc.integer({ min: 1, max: 9 }) }),
      {
        minLength: 2,
        maxLength: 12,
      },
    );
    fc.assert(
      fc.property(spec, steps, fc.integer({ min: -64, max: 64 }), (rule, rollouts, shift) => {
        const move = (by: number) => rollouts.map((one) => ({ ...one, reward: one.reward / 8 + by, valid: true }));
        expect(
          distance(groupAdvantages(rule, move(shift)).advantages, groupAdvantages(rule, move(0)).advantages),
        ).toBeLessThanOrEqual(1e-9);
      }),
    );
  });

  it("does not change when every reward is scaled, under a deviation without eps; it scales under none", () => {
    fc.assert(
      fc.property(group, fc.constantFrom(0.25, 2, 1024), (rollouts, factor) => {
        // In eighths, which scaling by a power of two does not round.
        const plainRewards = rollouts.map((one) => ({ ...one, reward: Math.round(one.reward * 8) / 8 }));
        const scaled = plainRewards.map((one) => ({ ...one, reward: one.reward * factor }));
        const of = (rule: AdvantageSpec, some: readonly RolloutOutcome[]) => groupAdvantages(rule, some).advantages;
        expect(distance(of(exact, scaled), of(exact, plainRewards))).toBeLessThanOrEqual(1e-9);
        const plain: AdvantageSpec = { ...exact, std: "none" };
        expect(
          distance(
            of(plain, scaled),
            of(plain, plainRewards).map((value) => (value === null ? null : value * factor)),
          ),
        ).toBeLessThanOrEqual(1e-9 * factor);
      }),
    );
  });

  it("has the same advantages over turns as over trajectories where all rollouts are of one length", () => {
    fc.assert(
      fc.property(group, fc.integer({ min: 1, max: 9 }), (rollouts, turns) => {
        const even = rollouts.map((one) => ({ ...one, turns }));
        const n: AdvantageSpec = { over: "trajectory", std: "n", eps: 1e-6 };
        expect(
          distance(groupAdvantages({ ...n, over: "turn" }, even).advantages, groupAdvantages(n, even).advantages),
        ).toBeLessThanOrEqual(1e-9);
      }),
    );
  });

  it("has loss weights that give each valid rollout 1/G and each of its turns 1/(G T)", () => {
    const tokens = fc.array(fc.array(fc.integer({ min: 1, max: 4096 }), { minLength: 1, maxLength: 20 }), {
      minLength: 1,
      maxLength: 16,
    });
    fc.assert(
      fc.property(tokens, (turnTokens) => {
        const weights = lossWeights(turnTokens.map((each) => ({ valid: true, turnTokens: each })));
        for (const [index, turns] of turnTokens.entries()) {
          const shares = turns.map((count, turn) => count * (weights[index]?.[turn] ?? Number.NaN));
          expect(
            distance(
              shares,
              turns.map(() => 1 / (turnTokens.length * turns.length)),
            ),
          ).toBeLessThanOrEqual(1e-12);
        }
      }),
    );
  });
});

describe("numbers from NumPy", () => {
  const numbers = z.array(z.number().nullable());
  const Numbers = z.object({
    pass_at: z.number(),
    cases: z.array(
      z.object({
        rewards: z.array(z.number()),
        tokens: z.array(numbers),
        valid: z.array(z.boolean()),
        specs: z.array(
          AdvantageSpec.extend({
            advantages: numbers,
            baseline: z.object({ mean: z.number(), std: z.number().nullable(), count: z.int() }).nullable(),
            zero_variance: z.boolean(),
          }),
        ),
        loss_weights: z.array(numbers),
        stats: z.object({
          mean: z.number().nullable(),
          std_n: z.number().nullable(),
          std_n1: z.number().nullable(),
          pass_rate: z.number().nullable(),
        }),
      }),
    ),
  });
  const file = join(import.meta.dirname, "../../fixtures/flow-grpo/numbers.json");
  const { cases, pass_at } = Numbers.parse(JSON.parse(readFileSync(file, "utf8")));

  it.each(cases.map((one, index) => ({ index, one })))("agree with group $index", ({ one }) => {
    const { rewards, tokens, valid } = one;
    const rollouts = rewards.map((reward, i) => ({ reward, turns: tokens[i]?.length ?? 0, valid: valid[i] === true }));
    for (const { over, std, eps, ...wanted } of one.specs) {
      const found = groupAdvantages({ over, std, eps }, rollouts);
      expect(distance(found.advantages, wanted.advantages)).toBeLessThanOrEqual(1e-12);
      expect(found.zeroVariance).toBe(wanted.zero_variance);
      expect(found.baseline?.count).toBe(wanted.baseline?.count);
      expect(
        distance(
          [found.baseline?.mean ?? null, found.baseline?.std ?? null],
          [wanted.baseline?.mean ?? null, wanted.baseline?.std ?? null],
        ),
      ).toBeLessThanOrEqual(1e-12);
    }
    const weights = lossWeights(tokens.map((turnTokens, i) => ({ valid: valid[i] === true, turnTokens })));
    for (const [index, wanted] of one.loss_weights.entries()) {
      expect(distance(weights[index] ?? [], wanted)).toBeLessThanOrEqual(1e-12);
    }
    const kept = rewards.filter((_, index) => valid[index]);
    const { mean, stdN, stdN1, passRate } = rewardStats(kept, pass_at);
    const { stats } = one;
    expect(
      distance([mean, stdN, stdN1, passRate], [stats.mean, stats.std_n, stats.std_n1, stats.pass_rate]),
    ).toBeLessThanOrEqual(1e-12);
  });
});

describe("an advantage spec", () => {
  it("has one name, in which eps is short", () => {
    expect(formatAdvantageSpec(defaultAdvantageSpec)).toBe("grpo/trajectory/std=n-1/eps=1e-6");
    expect(formatAdvantageSpec({ over: "turn", std: "none", eps: 0 })).toBe("grpo/turn/std=none/eps=0");
    expect(parseAdvantageSpec("grpo/trajectory/std=n-1/eps=0.000001")).toEqual({
      ok: true,
      value: defaultAdvantageSpec,
    });
  });

  it("is read back from its name", () => {
    const spec = fc.record({
      over: fc.constantFrom("trajectory" as const, "turn" as const),
      std: fc.constantFrom("n-1" as const, "n" as const, "none" as const),
      eps: fc.oneof(fc.constantFrom(0, 1, 1e-6), fc.double({ min: 0, max: 1, noNaN: true })),
    });
    fc.assert(
      fc.property(spec, (value) => {
        // Not -0, which the name has no sign for.
        const wanted = { ...value, eps: value.eps + 0 };
        expect(parseAdvantageSpec(formatAdvantageSpec(wanted))).toEqual({ ok: true, value: wanted });
      }),
    );
  });

  it.each([
    "",
    "grpo",
    "grpo/trajectory/std=n-1/eps=",
    "grpo/trajectory/std=n-1/eps=-1",
    "grpo/trajectory/std=n-1/eps=2",
    "grpo/trajectory/std=n-1/eps=Infinity",
    "grpo/row/std=n/eps=0",
    "grpo/turn/std=N/eps=0",
    " grpo/turn/std=n/eps=0",
    "grpo/turn/std=n/eps=0\n",
  ])("refuses %j", (text) => {
    expect(parseAdvantageSpec(text).ok).toBe(false);
  });
});

/** The largest difference, relative to what is wanted where that is above 1; infinite where the nulls differ. */
function distance(found: readonly (number | null)[], wanted: readonly (number | null | undefined)[]): number {
  if (found.length !== wanted.length) {
    return Infinity;
  }
  const differences = wanted.map((value, index) => {
    const other = found[index] ?? null;
    if (value === null || value === undefined || other === null) {
      return value === other ? 0 : Infinity;
    }
    return Math.abs(other - value) / Math.max(1, Math.abs(value));
  });
  return Math.max(0, ...differences);
}
