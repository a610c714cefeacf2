import { describe, expect, it } from "vitest";
import type { GroupRows } from "../../../src/training/dataset/build-rows.ts";
import type { TurnTableRow } from "../../../src/training/dataset/columns.ts";
import { TrlRow } from "../../../src/training/views/trl-row.ts";
import { VerlRow } from "../../../src/training/views/verl-row.ts";
import { makeDataset } from "../../support/view-dataset.ts";
import { type LossAndGradient, readView, type SampledToken, weightedLoss } from "./support.ts";
import { unevenPlan } from "./uneven-plan.ts";
import { trajectoryLevelAdvantages } from "./verl-advantage.ts";

type WeightedToken = { token: SampledToken; weight: number };

function tokensOf(row: TurnTableRow, advantage: number): SampledToken[] {
  const reply = row.response_token_ids ?? [];
  const whole = [...(row.prompt_token_ids ?? []), ...reply];
  return reply.map((id, index) => ({
    previous: whole[whole.length - reply.length + index - 1] ?? -1,
    id,
    oldLogprob: row.response_logprobs?.[index] ?? Number.NaN,
    advantage,
  }));
}

/** Eq. 5 without the divergence, as the paper writes it: token mean in a turn, turn mean, rollout mean, group mean. */
function equationFive(groups: readonly GroupRows[]): LossAndGradient {
  const counted = groups.filter(({ group }) => group.advantages);
  const tokens = counted.flatMap(({ rollouts }): WeightedToken[] => {
    const valid = rollouts.filter(({ rollout }) => rollout.valid);
    return valid.flatMap(({ turns }) =>
      turns.flatMap((turn) => {
        const sampled = tokensOf(turn, turn.advantage ?? Number.NaN);
        const weight = 1 / counted.length / valid.length / turns.length / sampled.length;
        return sampled.map((token) => ({ token, weight }));
      }),
    );
  });
  return weightedLoss(tokens);
}

/** The mean over the tokens that a mask selects, which is verl's and TRL's default. */
function tokenMean(rows: readonly (readonly SampledToken[])[]): WeightedToken[] {
  const tokens = rows.flat();
  return tokens.map((token) => ({ token, weight: 1 / tokens.length }));
}

/** As the trainer reads a sample: log-prob of position p from what stands before it, masked, at the same position. */
function trlTokens(row: TrlRow): SampledToken[] {
  return row.input_ids.flatMap((id, position) =>
    row.completion_mask[position] === 1 && position > 0
      ? [
          {
            previous: row.input_ids[position - 1] ?? -1,
            id,
            oldLogprob: row.old_log_probs[position] ?? Number.NaN,
            advantage: row.advantage,
          },
        ]
      : [],
  );
}

function verlTokens(row: VerlRow, advantage: number): SampledToken[] {
  return row.responses.map((id, index) => ({
    previous: (index === 0 ? row.prompts.at(-1) : row.responses[index - 1]) ?? -1,
    id,
    oldLogprob: row.rollout_log_probs[index] ?? Number.NaN,
    advantage,
  }));
}

/** Of the loss, or of any part of the gradient. */
function furthest(real: LossAndGradient, expected: LossAndGradient): number {
  const gaps = real.gradient.map((value, index) => Math.abs(value - (expected.gradient[index] ?? Number.NaN)));
  return Math.max(Math.abs(real.loss - expected.loss), ...gaps);
}

function size(gradient: Float64Array): number {
  return Math.max(...gradient.map(Math.abs));
}

describe("the reductions of RL views", () => {
  it("give Eq. 5 through TRL's token mean of folded advantages", async () => {
    const { rows, source } = await makeDataset(unevenPlan);
    const { lines } = await readView(source, { view: "trl", include: "checked", fold: "eq5" });
    const expected = equationFive(rows);
    expect(size(expected.gradient)).toBeGreaterThan(0.01);
    expect(
      furthest(weightedLoss(tokenMean(lines.map((line) => trlTokens(TrlRow.parse(line))))), expected),
    ).toBeLessThan(1e-6);
  });

  it("give something else without the fold, so that the test can fail", async () => {
    const { rows, source } = await makeDataset(unevenPlan);
    const { lines } = await readView(source, { view: "trl", include: "checked", fold: null });
    const real = weightedLoss(tokenMean(lines.map((line) => trlTokens(TrlRow.parse(line)))));
    expect(Math.abs(real.loss - equationFive(rows).loss)).toBeGreaterThan(1e-3);
  });

  it("give Eq. 5 through verl's token mean with its own advantages and the weights beside the surrogate", async () => {
    const { rows, source } = await makeDataset(unevenPlan);
    const { lines } = await readView(source, { view: "verl", include: "checked" });
    const verl = lines.map((line) => VerlRow.parse(line));
    const advantages = trajectoryLevelAdvantages(verl, "std");
    const count = verl.reduce((sum, row) => sum + row.responses.length, 0);
    const groups = new Set(verl.map(({ uid }) => uid)).size;
    // A factor on each token's loss, where verl has one for importance weights.
    const tokens = verl.flatMap((row, index) =>
      verlTokens(row, advantages[index] ?? Number.NaN).map((token) => ({
        token,
        weight: ((row.loss_weight * count) / groups) * (1 / count),
      })),
    );
    expect(furthest(weightedLoss(tokens), equationFive(rows))).toBeLessThan(1e-6);
  });

  it("give Eq. 5 of what is left where a turn has no log-probs", async () => {
    const [first, ...others] = unevenPlan.groups;
    const [rollout, ...rest] = first?.rollouts ?? [];
    const mute = { reward: 1, turns: [...(rollout?.turns ?? []), { reply: [7, 7], response_logprobs: null }] };
    const made = await makeDataset({ groups: [{ rollouts: [mute, ...rest] }, ...others] });
    const { lines, leftOut } = await readView(made.source, { view: "trl", include: "checked", fold: "eq5" });
    expect(leftOut).toEqual({ no_logprobs: 1, invalid_rollout: 1 });
    // The silent turn keeps its share of the rollout and has no token to speak with.
    const silent = made.rows.map((group) => ({
      ...group,
      rollouts: group.rollouts.map((one) => ({
        ...one,
        turns: one.turns.map((turn) =>
          turn.response_logprobs === null ? { ...turn, response_token_ids: [], prompt_token_ids: [] } : turn,
        ),
      })),
    }));
    expect(
      furthest(weightedLoss(tokenMean(lines.map((line) => trlTokens(TrlRow.parse(line))))), equationFive(silent)),
    ).toBeLessThan(1e-6);
  });
});
