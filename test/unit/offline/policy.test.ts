// The planner's distribution: exact log-probs, the grammar, seeds, nucleus sampling, and features that depend on
// the prompt alone.

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { offlineWeights } from "../../../src/engines/offline/engine.ts";
import {
  contextOf,
  endToken,
  planKinds,
  planRows,
  planTokens,
  planTools,
  toPlan,
  toTokenIds,
} from "../../../src/engines/offline/policy/grammar.ts";
import { distribution, logProbs, type PlanSampling, samplePlan } from "../../../src/engines/offline/policy/policy.ts";
import { sees } from "../../../src/engines/offline/policy/sight.ts";
import { featureGroups, featureId, featureNames, groupOf } from "../../../src/engines/offline/policy/vocabulary.ts";
import { OfflineWeights, untrainedWeights, zeroWeights } from "../../../src/engines/offline/policy/weights.ts";
import { createRandom } from "../../../src/lib/random.ts";

const plain: PlanSampling = { temperature: 1, topP: 1 };
const samplings = fc.record({
  temperature: fc.double({ min: 0.05, max: 2, noNaN: true }),
  topP: fc.double({ min: 0.05, max: 1, noNaN: true }),
});
const featureSets = fc.uniqueArray(fc.nat(featureNames.length - 1), { maxLength: 40 });

/** Every plan that the grammar allows. */
function allPlans(): number[][] {
  const grow = (prefix: number[]): number[][] =>
    prefix.at(-1) === endToken
      ? [prefix]
      : planTokens.flatMap((_, id) =>
          (id === endToken || contextOf([...prefix, id]) !== null) && isNext(prefix, id) ? grow([...prefix, id]) : [],
        );
  return grow([]);
}

function isNext(prefix: readonly number[], id: number): boolean {
  const everything = planTools.map((tool) => featureId(`tool:${tool}`) ?? -1);
  return distribution(zeroWeights("z"), everything, prefix, plain).some((choice) => choice.token === id);
}

const random = (seed: number) => createRandom(seed);

function randomWeights(seed: number): OfflineWeights {
  const source = random(seed);
  const zero = zeroWeights("random");
  return { ...zero, rows: zero.rows.map((row) => row.map(() => source.next() * 4 - 2)) };
}

describe("the grammar", () => {
  it("knows 23 plans of two to four tokens, and each reads back as itself", () => {
    const plans = allPlans();
    // Two tools without a kind; three kinds of the whole question; six kinds of parts with none, first or last.
    expect(plans).toHaveLength(2 + 3 + 6 * 3);
    for (const ids of plans) {
      const plan = toPlan(ids);
      expect(plan === null ? null : toTokenIds(plan)).toEqual(ids);
      expect(ids.length).toBeGreaterThanOrEqual(2);
      expect(ids.length).toBeLessThanOrEqual(4);
    }
  });

  it("reads no plan from tokens that it would not allow", () => {
    const ids = (...names: string[]) => names.map((name) => planTokens.findIndex((token) => token === name));
    expect(toPlan(ids("python_coder", "end"))).toBeNull();
    expect(toPlan(ids("base_generator", "days", "end"))).toBeNull();
    expect(toPlan(ids("python_coder", "combine", "first", "end"))).toBeNull();
    expect(toPlan(ids("python_coder", "days"))).toBeNull();
    expect(toPlan([])).toBeNull();
  });
});

describe("the distribution", () => {
  it("gives probabilities that sum to 1 over the plans", () => {
    fc.assert(
      fc.property(fc.nat(), featureSets, fc.double({ min: 0.1, max: 2, noNaN: true }), (seed, ids, temperature) => {
        const features = [...new Set([...ids, ...planTools.map((tool) => featureId(`tool:${tool}`) ?? 0)])];
        const total = allPlans().reduce((sum, plan) => {
          const steps = logProbs(randomWeights(seed), features, plan, { temperature, topP: 1 });
          return sum + Math.exp(steps.reduce((a, b) => a + b, 0));
        }, 0);
        expect(total).toBeCloseTo(1, 10);
      }),
      { numRuns: 25 },
    );
  });

  it("reports for a sample what is recomputed from ids and weights alone", () => {
    fc.assert(
      fc.property(fc.nat(), featureSets, samplings, (seed, ids, sampling) => {
        const weights = randomWeights(seed);
        const chosen = samplePlan(weights, ids, sampling, random(seed));
        const tokens = chosen.map(({ token }) => token);
        expect(logProbs(weights, ids, tokens, sampling)).toEqual(chosen.map(({ logProb }) => logProb));
        expect(chosen.every(({ logProb }) => Number.isFinite(logProb) && logProb <= 0)).toBe(true);
        expect(toPlan(tokens)).not.toBeNull();
      }),
    );
  });

  it("is the softmax of the logits over the temperature", () => {
    const weights = randomWeights(5);
    const python = featureId("tool:python_coder") ?? -1;
    const features = [0, python, 20, 30, 40];
    const prefix = [planTokens.indexOf("python_coder")];
    const logit = (kind: string) => {
      const row = planRows.indexOf(`python_coder>${kind}`);
      return features.filter((id) => sees(row, id)).reduce((sum, id) => sum + (weights.rows[row]?.[id] ?? 0), 0);
    };
    const scale = planKinds.reduce((sum, kind) => sum + Math.exp(logit(kind) / 0.7), 0);
    for (const { token, logProb } of distribution(weights, features, prefix, { temperature: 0.7, topP: 1 })) {
      expect(logProb).toBeCloseTo(Math.log(Math.exp(logit(planTokens[token] ?? "") / 0.7) / scale), 12);
    }
  });

  it("keeps for top_p the smallest set of likely tokens, renormalised", () => {
    const weights = randomWeights(9);
    const prefix = [planTokens.indexOf("python_coder")];
    const all = distribution(weights, [1, 5, 9], prefix, plain);
    const kept = distribution(weights, [1, 5, 9], prefix, { temperature: 1, topP: 0.5 });
    const mass = (choices: typeof all) => choices.reduce((sum, { logProb }) => sum + Math.exp(logProb), 0);
    expect(kept.map(({ token }) => token)).toEqual(all.slice(0, kept.length).map(({ token }) => token));
    expect(mass(all.slice(0, kept.length))).toBeGreaterThanOrEqual(0.5);
    expect(mass(all.slice(0, kept.length - 1))).toBeLessThan(0.5);
    expect(mass(kept)).toBeCloseTo(1, 12);
    const outside = all.at(-1)?.token ?? -1;
    expect(logProbs(weights, [1, 5, 9], [...prefix, outside], { temperature: 1, topP: 0.5 }).at(-1)).toBe(-Infinity);
  });

  it("takes the best token with certainty at temperature 0", () => {
    const ids = [0, featureId("tool:python_coder") ?? -1];
    const chosen = samplePlan(offlineWeights, ids, { temperature: 0, topP: 1 }, random(1));
    expect(chosen.map(({ logProb }) => logProb)).toEqual(chosen.map(() => 0));
    expect(samplePlan(offlineWeights, ids, { temperature: 0, topP: 1 }, random(2))).toEqual(chosen);
  });

  it("draws each token as often as its probability says, for numbers spread evenly", () => {
    const weights = randomWeights(3);
    const ids = [0, featureId("tool:python_coder") ?? -1, 20, 30];
    const prefix = [planTokens.indexOf("python_coder")];
    const choices = distribution(weights, ids, prefix, plain);
    const count = 10_000;
    const drawn = new Map<number, number>();
    for (let index = 0; index < count; index += 1) {
      const uniform = (index + 0.5) / count;
      // The tool's token is certain, so the first number does not matter.
      const source = { ...random(1), next: () => uniform };
      const token = samplePlan(weights, ids, plain, source, 2)[1]?.token ?? -1;
      drawn.set(token, (drawn.get(token) ?? 0) + 1);
    }
    for (const { token, logProb } of choices) {
      expect(Math.abs((drawn.get(token) ?? 0) - count * Math.exp(logProb))).toBeLessThanOrEqual(1);
    }
  });
});

describe("what bears on a choice", () => {
  const bears = (feature: string) => planRows.filter((_, row) => sees(row, featureId(feature) ?? -1));
  const kinds = planKinds.map((kind) => `python_coder>${kind}`);

  it("is for a kind what memory says of it, for the whole how much is known, and elsewhere the question", () => {
    expect(bears("bias")).toEqual(planRows);
    expect(bears("done:days")).toEqual(["python_coder>days"]);
    expect(bears("failed:combine")).toEqual(["python_coder>combine"]);
    expect(bears("results:2")).toEqual(kinds.slice(-3));
    expect(bears("last:failed")).toEqual(kinds.slice(-3));
    expect(bears("mean")).toEqual(planRows.filter((row) => !kinds.slice(-3).includes(row)));
  });

  it("alone moves a probability", () => {
    const prefix = [planTokens.indexOf("python_coder")];
    const zero = zeroWeights("z");
    const done = featureId("done:days") ?? -1;
    const ids = [0, featureId("tool:python_coder") ?? -1, done];
    const at = (row: string) =>
      zero.rows.map((own, index) => own.map((value, id) => (planRows[index] === row && id === done ? 5 : value)));
    const uniform = distribution(zero, ids, prefix, plain);
    expect(distribution({ ...zero, rows: at("python_coder>combine") }, ids, prefix, plain)).toEqual(uniform);
    expect(distribution({ ...zero, rows: at("python_coder>days") }, ids, prefix, plain)).not.toEqual(uniform);
  });
});

describe("the weights", () => {
  it("ship as offline-1, over the vocabularies of this code", () => {
    expect(offlineWeights.version).toBe("offline-1");
    expect(offlineWeights.groups).toEqual([...featureGroups]);
    expect(OfflineWeights.parse(JSON.parse(JSON.stringify(offlineWeights)))).toEqual(offlineWeights);
  });

  it("are refused with a wrong shape, a number out of range or another vocabulary", () => {
    const zero = zeroWeights("z");
    expect(OfflineWeights.safeParse({ ...zero, rows: zero.rows.slice(1) }).success).toBe(false);
    expect(OfflineWeights.safeParse({ ...zero, rows: zero.rows.map((row) => row.slice(1)) }).success).toBe(false);
    expect(OfflineWeights.safeParse({ ...zero, rows: zero.rows.map((row) => row.map(() => Number.NaN)) }).success).toBe(
      false,
    );
    expect(OfflineWeights.safeParse({ ...zero, features: "offline-features/0" }).success).toBe(false);
    expect(OfflineWeights.safeParse({ ...zero, groups: ["query"] }).success).toBe(false);
    expect(OfflineWeights.safeParse(untrainedWeights("u")).success).toBe(true);
  });

  it("name each feature once and know its group", () => {
    expect(new Set(featureNames).size).toBe(featureNames.length);
    expect(featureNames.map((name) => featureId(name))).toEqual(featureNames.map((_, id) => id));
    expect(featureNames.every((_, id) => groupOf(id) !== null)).toBe(true);
  });
});

describe("the generator of random numbers", () => {
  it("repeats itself for a seed and stream, and for no other", () => {
    const first = (seed: number, stream?: number) =>
      Array.from(
        { length: 4 },
        (
          (source) => () =>
            source.next()
        )(createRandom(seed, stream)),
      );
    expect(first(7, 2)).toEqual(first(7, 2));
    const others = [first(7, 1), first(8, 2), first(7 + 2 ** 32, 2), first(7)];
    expect(new Set([first(7, 2), ...others].map((numbers) => numbers.join())).size).toBe(5);
  });

  it("is uniform enough: each tenth of the range gets its share", () => {
    const source = createRandom(1);
    const tenths = Array.from({ length: 10 }, () => 0);
    for (let index = 0; index < 100_000; index += 1) {
      const tenth = Math.floor(source.next() * 10);
      tenths[tenth] = (tenths[tenth] ?? 0) + 1;
    }
    // Five standard deviations of a binomial with n = 100,000 and p = 0.1; the seed is fixed.
    expect(tenths.every((count) => Math.abs(count - 10_000) < 475)).toBe(true);
  });
});
