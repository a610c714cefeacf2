// The Flow-GRPO objective against an independent implementation in NumPy (test/fixtures/learn/flow_grpo.py) on a
// dataset that the engine sampled at temperature 0.8, and against itself by finite differences.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { planRows } from "../../../src/engines/offline/policy/grammar.ts";
import { newAdam } from "../../../src/training/learn/adam.ts";
import { improve } from "../../../src/training/learn/improve.ts";
import { LearnTurn, toLearnBatch, withAdvantages } from "../../../src/training/learn/learn-dataset.ts";
import { defaultObjective, type LearnBatch, objective } from "../../../src/training/learn/objective.ts";
import { rowWidth, weightCount } from "../../../src/training/learn/weight-table.ts";
import { batchOf, formula, sampler } from "./support.ts";

const folder = join(import.meta.dirname, "../../fixtures/learn");
const Sparse = z.array(z.tuple([z.int(), z.int(), z.number()]));
const Expected = z.object({
  groups: z.int(),
  steps: z.array(z.object({ loss: z.number(), clip_fraction: z.number() })),
  gradient: Sparse,
  moved: Sparse,
});
const expected = Expected.parse(JSON.parse(readFileSync(join(folder, "expected.json"), "utf8")));
const turns = readFileSync(join(folder, "dataset.jsonl"), "utf8")
  .trim()
  .split("\n")
  .map((line) => LearnTurn.parse(JSON.parse(line)));
const dataset = { turns, groups: expected.groups };

const reference = formula({ scale: 0.2, rowStep: 0.6, featureStep: 1.1, shift: 0.4 });
const nudge = formula({ scale: 0.15, rowStep: 2.3, featureStep: 0.7, shift: 1 });
const start = sampler.map((value, at) => value + (nudge[at] ?? 0));

function dense(sparse: z.infer<typeof Sparse>): Float64Array {
  const table = new Float64Array(weightCount);
  for (const [row, feature, value] of sparse) {
    table[row * rowWidth + feature] = value;
  }
  return table;
}

function farthest(left: Float64Array, right: Float64Array): number {
  return left.reduce((most, value, at) => Math.max(most, Math.abs(value - (right[at] ?? 0))), 0);
}

describe("against NumPy", () => {
  const batch = batchOf(dataset);

  it("has the same loss, gradient and share of clipped tokens at weights other than the sampling ones", () => {
    const found = objective(batch, start, reference);
    const [first] = expected.steps;
    expect(Math.abs(found.loss - (first?.loss ?? 1))).toBeLessThan(1e-9);
    expect(found.clipFraction).toBeCloseTo(first?.clip_fraction ?? 0, 12);
    expect(found.clipFraction).toBeGreaterThan(0.05);
    const wanted = dense(expected.gradient);
    expect(farthest(found.gradient, wanted)).toBeLessThan(1e-9);
    expect(farthest(wanted, new Float64Array(weightCount))).toBeGreaterThan(1e-3);
  });

  it("takes the same four Adam steps", () => {
    const { weights, steps } = improve(batch, { weights: start, adam: newAdam(weightCount) }, reference);
    expect(steps).toHaveLength(4);
    for (const [at, { loss, clipFraction }] of steps.entries()) {
      expect(Math.abs(loss - (expected.steps[at]?.loss ?? 1))).toBeLessThan(1e-9);
      expect(clipFraction).toBeCloseTo(expected.steps[at]?.clip_fraction ?? 0, 12);
    }
    const moved = weights.map((value, at) => value - (start[at] ?? 0));
    expect(farthest(moved, dense(expected.moved))).toBeLessThan(1e-9);
  });
});

describe("the objective", () => {
  it("has the gradient that finite differences show", () => {
    const batch = batchOf(dataset);
    const { gradient } = objective(batch, start, reference);
    const active = [...gradient.keys()].filter((at) => gradient[at] !== 0);
    fc.assert(
      fc.property(fc.constantFrom(...active), (at) => {
        const lossAt = (step: number) =>
          objective(
            batch,
            start.map((value, index) => (index === at ? value + step : value)),
            reference,
          ).loss;
        const slope = (lossAt(1e-6) - lossAt(-1e-6)) / 2e-6;
        expect(Math.abs(slope - (gradient[at] ?? 0))).toBeLessThan(1e-7);
      }),
      { numRuns: 60 },
    );
  });

  it("clips nothing at the weights that sampled, where each ratio is 1 up to the dataset's float32", () => {
    const found = objective(batchOf(dataset), sampler, sampler);
    expect(found.clipFraction).toBe(0);
    expect(found.divergence).toBe(0);
    // Eq. 5 with ratios of 1: advantages times weights, which cancel out group by group.
    expect(Math.abs(found.loss)).toBeLessThan(1e-6);
  });

  it("gives a clipped token no say but for the divergence", () => {
    const [token] = batchOf(dataset).tokens.filter(({ rows, advantage }) => rows.length > 0 && advantage > 0);
    if (token === undefined) {
      throw new Error("the dataset has no choice with an advantage");
    }
    // Under these weights it is far more likely than the log-prob that it was sampled with.
    const batch: LearnBatch = { tokens: [{ ...token, oldLogProb: -9 }], groups: 1 };
    const free = objective(batch, sampler, sampler, { ...defaultObjective, beta: 0 });
    expect(free.clipFraction).toBe(1);
    expect(free.gradient.every((value) => value === 0)).toBe(true);
    expect(free.loss).toBeCloseTo(-token.lossWeight * (1 + defaultObjective.clipHigh) * token.advantage, 12);
    const bound = objective(batch, sampler, reference);
    expect(bound.gradient.some((value) => value !== 0)).toBe(true);
  });

  it("moves no weight where all advantages are zero, bit for bit", () => {
    const zero = withAdvantages(dataset, () => 0);
    const { weights } = improve(batchOf(zero), { weights: sampler, adam: newAdam(weightCount) }, sampler);
    expect(weights.every((value, at) => Object.is(value, sampler[at]))).toBe(true);
  });

  it("leaves weights of choices alone that the dataset did not make", () => {
    const { gradient } = objective(batchOf(dataset), start, reference);
    const seen = new Set(turns.flatMap((turn) => turn.prompt_token_ids ?? []));
    const unseen = [...gradient.keys()].filter((at) => !seen.has(at % rowWidth));
    expect(unseen.length).toBeGreaterThan(planRows.length);
    expect(unseen.every((at) => gradient[at] === 0)).toBe(true);
  });
});

describe("rows that the formulas do not hold for", () => {
  const [turn] = turns;
  const refused = (change: Partial<LearnTurn>) =>
    toLearnBatch({ turns: turn === undefined ? [] : [{ ...turn, ...change }], groups: 1 });

  it.each<[string, Partial<LearnTurn>]>([
    ["greedy", { temperature: 0 }],
    ["of unknown temperature", { temperature: null }],
    ["cut to a nucleus", { top_p: 0.9 }],
    ["guided", { guided: true }],
    ["of raw log-probs", { logprobs_mode: "raw" }],
    ["without log-probs", { response_logprobs: null }],
    ["without ids", { prompt_token_ids: null }],
    ["with a token that the grammar does not allow", { response_token_ids: [14], response_logprobs: [0] }],
    ["with fewer log-probs than ids", { response_logprobs: [] }],
  ])("are refused: %s", (_, change) => {
    expect(refused(change).ok).toBe(false);
  });

  it("take no part without an advantage", () => {
    expect(refused({ advantage: null, response_logprobs: null })).toEqual({
      ok: true,
      value: { tokens: [], groups: 1 },
    });
  });
});
