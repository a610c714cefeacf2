import { describe, expect, it } from "vitest";
import { TrlRow } from "../../../src/training/views/trl-row.ts";
import { makeDataset, type TurnPlan } from "../../support/view-dataset.ts";
import { readView } from "./support.ts";

const plain: TurnPlan = { reply: [3, 4] };

async function viewOf(odd: TurnPlan, include: "checked" | "unchecked") {
  const { source } = await makeDataset({
    groups: [
      {
        rollouts: [
          { reward: 1, turns: [plain, odd] },
          { reward: 0, turns: [plain] },
        ],
      },
    ],
  });
  return readView(source, { view: "trl", include, fold: null });
}

const raw = { ...plain, logprobs_mode: "raw", temperature: 1 } as const;

describe("rows that an RL view leaves out", () => {
  it.each<[string, TurnPlan, string]>([
    ["no token ids", { reply: null }, "no_token_ids"],
    ["no prompt ids", { ...plain, prompt_token_ids: [] }, "no_token_ids"],
    ["no log-probs", { ...plain, response_logprobs: null }, "no_logprobs"],
    ["an empty reply", { reply: [] }, "empty_reply"],
  ])("has no row of a turn with %s, whatever is asked for", async (_, turn, reason) => {
    for (const include of ["checked", "unchecked"] as const) {
      const { lines, leftOut } = await viewOf(turn, include);
      expect(lines).toHaveLength(2);
      expect(leftOut).toEqual({ [reason]: 1 });
    }
  });

  it.each<[string, TurnPlan, string]>([
    ["log-probs of an unknown kind", { ...plain, logprobs_mode: "unknown" }, "unknown_logprobs"],
    ["temperature 0", { ...plain, temperature: 0 }, "no_temperature"],
    ["a temperature that was not sent", { ...plain, temperature: null }, "no_temperature"],
    ["a schema that constrained it", { ...plain, guided: true }, "guided"],
    ["raw log-probs at another temperature", { ...raw, temperature: 0.7 }, "raw_logprobs"],
    ["raw log-probs and a nucleus", { ...raw, top_p: 0.9 }, "raw_logprobs"],
    ["raw log-probs and the best 20", { ...raw, top_k: 20 }, "raw_logprobs"],
    ["raw log-probs and a least probability", { ...raw, min_p: 0.1 }, "raw_logprobs"],
    ["raw log-probs and a frequency penalty", { ...raw, frequency_penalty: 0.1 }, "raw_logprobs"],
    ["raw log-probs and a presence penalty", { ...raw, presence_penalty: 0.1 }, "raw_logprobs"],
    ["raw log-probs and a repetition penalty", { ...raw, repetition_penalty: 1.1 }, "raw_logprobs"],
    ["raw log-probs and a server's own default", { ...raw, top_k: null }, "raw_logprobs"],
  ])("has a row of a turn with %s only if asked to", async (_, turn, reason) => {
    const checked = await viewOf(turn, "checked");
    expect(checked.leftOut).toEqual({ [reason]: 1 });
    expect(checked.lines).toHaveLength(2);
    const unchecked = await viewOf(turn, "unchecked");
    expect(unchecked.leftOut).toEqual({});
    expect(unchecked.lines).toHaveLength(3);
  });

  it.each<[string, TurnPlan]>([
    ["processed log-probs and a nucleus", { ...plain, top_p: 0.9 }],
    ["raw log-probs where nothing was processed", raw],
    ["raw log-probs where every token may come", { ...raw, top_k: 0 }],
  ])("has the row of a turn with %s", async (_, turn) => {
    const { lines, leftOut } = await viewOf(turn, "checked");
    expect(lines).toHaveLength(3);
    expect(leftOut).toEqual({});
  });

  it("has no row of an invalid rollout, nor of a group without advantages", async () => {
    const { source } = await makeDataset({
      groups: [
        {
          rollouts: [
            { reward: 1, turns: [plain] },
            { reward: 0, turns: [plain] },
          ],
        },
        {
          complete: false,
          rollouts: [
            { reward: 1, turns: [plain] },
            { reward: 0, turns: [plain] },
          ],
        },
        {
          planned: 2,
          rollouts: [
            { reward: 1, turns: [plain] },
            { reward: 0, turns: [plain] },
            { reward: null, invalid: "platform_lost", turns: [plain] },
          ],
        },
      ],
    });
    const { lines, leftOut } = await readView(source, { view: "trl", include: "unchecked", fold: null });
    expect(leftOut).toEqual({ no_advantage: 2, invalid_rollout: 1 });
    expect(lines.map((line) => TrlRow.parse(line).group_id)).toEqual([0, 0, 1, 1]);
  });
});

describe("a sample for TRL", () => {
  it("has a mask and log-probs as long as the whole sequence, 0 on the prompt", async () => {
    const { source } = await makeDataset({
      groups: [
        {
          step: 2,
          rollouts: [
            { reward: 1, turns: [plain] },
            { reward: 0, turns: [plain] },
          ],
        },
      ],
    });
    const { lines } = await readView(source, { view: "trl", include: "checked", fold: null });
    const sample = TrlRow.parse(lines[0]);
    expect(sample).toEqual({
      prompt: [
        { role: "system", content: "You plan." },
        { role: "user", content: "Turn 0 ünïcode 漢字 🙂" },
      ],
      completion: [{ role: "assistant", content: "plan 3 4" }],
      input_ids: [1, 2, 0, 3, 4],
      completion_mask: [0, 0, 0, 1, 1],
      old_log_probs: [0, 0, 0, Math.fround(-0.201), Math.fround(-0.251)],
      advantage: sample.advantage,
      model_version: 2,
      group_id: 0,
      metrics: { reward: 1 },
    });
    expect(sample.advantage).toBeCloseTo(Math.SQRT1_2, 5);
  });
});
