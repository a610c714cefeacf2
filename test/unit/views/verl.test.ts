import { describe, expect, it } from "vitest";
import { isVerlSpec, VerlRow } from "../../../src/training/views/verl-row.ts";
import { type DatasetPlan, makeDataset } from "../../support/view-dataset.ts";
import { readView } from "./support.ts";
import { rowLevelAdvantages, trajectoryLevelAdvantages } from "./verl-advantage.ts";

const turns = (count: number) => Array.from({ length: count }, (_, index) => ({ reply: [3 + index, 4, 5] }));

/** The worked example of DATASET: rewards 1, 1, 0, 0 with 1, 1, 3, 3 turns. */
const worked: DatasetPlan = {
  groups: [
    {
      rollouts: [
        { reward: 1, turns: turns(1) },
        { reward: 1, turns: turns(1) },
        { reward: 0, turns: turns(3) },
        { reward: 0, turns: turns(3) },
      ],
    },
  ],
};

async function verlRows(plan: DatasetPlan, include: "checked" | "unchecked" = "checked") {
  const { source } = await makeDataset(plan);
  const { lines, leftOut } = await readView(source, { view: "verl", include });
  return { rows: lines.map((line) => VerlRow.parse(line)), leftOut };
}

describe("the view for verl", () => {
  it("has keys of group, rollout and turn, which verl takes apart from the right", async () => {
    const { rows } = await verlRows(worked);
    const group = "grp_00000000000000000000000000";
    expect(rows.map(({ key }) => key)).toEqual(
      ["0_0", "1_0", "2_0", "2_1", "2_2", "3_0", "3_1", "3_2"].map((end) => `${group}_${end}`),
    );
    expect(rows.every(({ uid }) => uid === group)).toBe(true);
  });

  it("leads verl's trajectory-level advantage to the dataset's", async () => {
    const { rows } = await verlRows(worked);
    const real = trajectoryLevelAdvantages(rows, "std");
    for (const [index, row] of rows.entries()) {
      expect(real[index]).toBeCloseTo(row.advantage, 9);
    }
    expect(real[0]).toBeCloseTo(0.86603, 4);
  });

  it("would lead the row-level estimator elsewhere", async () => {
    const { rows } = await verlRows(worked);
    expect(rowLevelAdvantages(rows)[0]).toBeCloseTo(1.62019, 4);
  });

  it("leads to the dataset's advantages where verl does not divide", async () => {
    const { rows } = await verlRows({ ...worked, spec: { over: "trajectory", std: "none", eps: 1e-6 } });
    const real = trajectoryLevelAdvantages(rows, "none");
    expect(real).toEqual(rows.map(({ advantage }) => advantage));
  });

  it("leads to the dataset's advantages where an attempt was redone and a reply is empty", async () => {
    const { rows, leftOut } = await verlRows({
      groups: [
        {
          planned: 3,
          rollouts: [
            { reward: null, invalid: "engine_failed", index: 0, attempt: 1, turns: turns(1) },
            { reward: 1, index: 0, attempt: 2, turns: turns(2) },
            { reward: 0, index: 1, turns: [{ reply: [5, 6] }, { reply: [] }] },
            { reward: 0.5, index: 2, turns: turns(1) },
          ],
        },
      ],
    });
    expect(leftOut).toEqual({ invalid_rollout: 1, empty_reply: 1 });
    const real = trajectoryLevelAdvantages(rows, "std");
    expect(rows).toHaveLength(4);
    for (const [index, row] of rows.entries()) {
      expect(real[index]).toBeCloseTo(row.advantage, 9);
    }
  });

  it("leaves out a group of which a rollout has no row, because verl would find another baseline", async () => {
    const rollouts = [
      { reward: 1, turns: turns(2) },
      { reward: 0, turns: [{ reply: null }] },
      { reward: 0, turns: turns(1) },
    ];
    const { rows, leftOut } = await verlRows({ groups: [{ rollouts }, ...worked.groups] });
    expect(leftOut).toEqual({ no_token_ids: 1, group_not_whole: 3 });
    expect(new Set(rows.map(({ uid }) => uid)).size).toBe(1);
  });

  it("leaves out a group of one valid rollout, whose advantage verl would take to be its reward", async () => {
    const alone = { rollouts: [{ reward: 1, turns: turns(1) }] };
    const { rows, leftOut } = await verlRows({ groups: [alone], terms: { minValid: 1 } });
    expect({ rows, leftOut }).toEqual({ rows: [], leftOut: { group_not_whole: 1 } });
  });

  it.each([
    ["grpo/trajectory/std=n-1/eps=1e-6", true],
    ["grpo/trajectory/std=none/eps=0", true],
    ["grpo/trajectory/std=n/eps=1e-6", false],
    ["grpo/trajectory/std=n-1/eps=1e-4", false],
    ["grpo/turn/std=n-1/eps=1e-6", false],
    ["something else", false],
  ])("can be found again under %s: %s", (spec, expected) => {
    expect(isVerlSpec(spec)).toBe(expected);
  });
});
