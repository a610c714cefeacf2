// From claim and records to rows: which rollouts count, what a group's row says, what its rollouts' rows share, and
// which groups are set aside.

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildGroupRows, type GroupRows } from "../../../src/training/dataset/build-rows.ts";
import { GroupTableRow, RolloutTableRow, TurnTableRow } from "../../../src/training/dataset/columns.ts";
import { type RecordInput, readRecord } from "../../../src/training/dataset/record-input.ts";
import {
  claimedGroup,
  claimedRollout,
  groupRows,
  type Outcome,
  recordInput,
  terms,
} from "../../support/dataset-rows.ts";
import { oneTurn } from "../agent/support.ts";
import { playRewarded, recordOf } from "./support.ts";

const four: Outcome[] = [
  { reward: 1, turns: 1 },
  { reward: 1, turns: 1 },
  { reward: 0, turns: 3 },
  { reward: 0, turns: 3 },
];

function advantagesOf(rows: GroupRows): (number | null)[] {
  return rows.rollouts.map(({ rollout }) => rollout.advantage);
}

function weightsOf(rows: GroupRows): (number | null)[] {
  return rows.rollouts.flatMap(({ turns }) => turns.map((turn) => turn.loss_weight));
}

function reasonsOf(rows: GroupRows): (string | null)[] {
  return rows.rollouts.map(({ rollout }) => rollout.invalid_reason);
}

describe("a group's rows", () => {
  it("are what the tables' schemas say", () => {
    const rows = groupRows([...four, { reward: null, turns: 2, invalid: "engine_failed", tokens: null }]);
    expect(GroupTableRow.parse(rows.group)).toEqual(rows.group);
    for (const { rollout, turns } of rows.rollouts) {
      expect(RolloutTableRow.parse(rollout)).toEqual(rollout);
      for (const turn of turns) {
        expect(TurnTableRow.parse(turn)).toEqual(turn);
      }
    }
  });

  it("have DATASET's numbers: over turns 1.62019 and -0.54006, weights 0.025 and 0.008333", () => {
    const rows = groupRows(four, { terms: { advantageSpec: { over: "turn", std: "n-1", eps: 0 } } });
    expect(advantagesOf(rows).map((value) => value?.toFixed(5))).toEqual([
      "1.62019",
      "1.62019",
      "-0.54006",
      "-0.54006",
    ]);
    expect(rows.group).toMatchObject({ baseline_mean: 0.25, baseline_count: 8, reward_mean: 0.5, pass_rate: 0.5 });
    expect(weightsOf(rows)).toEqual([0.025, 0.025, ...Array.from({ length: 6 }, () => 1 / 120)]);
  });

  it("leave an invalid rollout out of every number and list it still", () => {
    const rows = groupRows([...four.slice(0, 3), { reward: 0, turns: 3, invalid: "engine_failed" }], {
      terms: { advantageSpec: { over: "trajectory", std: "n-1", eps: 0 } },
    });
    expect(advantagesOf(rows).map((value) => value?.toFixed(5))).toEqual(["0.57735", "0.57735", "-1.15470", undefined]);
    expect(weightsOf(rows)).toEqual([1 / 30, 1 / 30, 1 / 90, 1 / 90, 1 / 90, null, null, null]);
    expect(rows.group).toMatchObject({ size_planned: 4, size_completed: 4, size_valid: 3 });
    expect(rows.rollouts[3]?.rollout).toMatchObject({ valid: false, invalid_reason: "engine_failed", reward: 0 });
  });

  it("share reward, advantage and validity among the turns of a rollout", () => {
    for (const { rollout, turns } of groupRows(four).rollouts) {
      for (const turn of turns) {
        expect(turn).toMatchObject({
          reward: rollout.reward,
          advantage: rollout.advantage,
          valid: rollout.valid,
          rollout_index: rollout.rollout_index,
        });
      }
    }
  });

  it("come by index and attempt, whatever order they were claimed in", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }), (order) => {
        const sources = order.map((index) => ({
          rollout: claimedRollout({ run_id: `run_${index}`, rollout_index: index, reward: index % 2 }),
          record: recordInput(`run_${index}`, [{}]),
        }));
        const built = buildGroupRows(terms, claimedGroup(), sources);
        const ids = built.ok ? built.value.rollouts.map(({ rollout }) => rollout.rollout_id) : [];
        expect(ids).toEqual(["run_0", "run_1", "run_2", "run_3"]);
      }),
    );
  });

  it("weigh no turn without ids, an empty reply with 0, and their neighbours as before", () => {
    const rows = groupRows([
      { reward: 1, turns: 2, tokens: null },
      { reward: 0, turns: 2, tokens: 0 },
      { reward: 0, turns: 2, tokens: 10 },
    ]);
    expect(weightsOf(rows)).toEqual([null, null, 0, 0, 1 / 60, 1 / 60]);
  });
});

describe("a group without advantages", () => {
  const none = { advantages: false, baseline_mean: null, baseline_std: null, baseline_count: null };

  it.each([
    ["partial", groupRows(four, { group: { complete: false } })],
    [
      "too_few_valid",
      groupRows([...four.slice(0, 1), { reward: 0, turns: 1, invalid: "cancelled" }], { group: { size_planned: 2 } }),
    ],
    ["stale", groupRows(four, { group: { policy_step: 2 } })],
  ])("says %s, and keeps its rewards' statistics", (reason, rows) => {
    expect(rows.group).toMatchObject({ ...none, reason });
    expect(rows.group.reward_mean).not.toBeNull();
    expect(advantagesOf(rows).every((value) => value === null)).toBe(true);
    expect(weightsOf(rows).every((value) => value === null)).toBe(true);
  });

  it("gets them where the claim allows partial groups, and while it is not too old", () => {
    expect(groupRows(four, { group: { complete: false }, terms: { allowPartial: true } }).group.advantages).toBe(true);
    expect(groupRows(four, { group: { policy_step: 3 } }).group.advantages).toBe(true);
  });

  it("needs max(2, half of the planned size) valid rollouts, or what the claim says", () => {
    const two: Outcome[] = [
      { reward: 1, turns: 1 },
      { reward: 0, turns: 1 },
    ];
    expect(groupRows(two, { group: { size_planned: 4 } }).group.advantages).toBe(true);
    expect(groupRows(two, { group: { size_planned: 5 } }).group.reason).toBe("too_few_valid");
    expect(groupRows(two, { group: { size_planned: 5 }, terms: { minValid: 2 } }).group.advantages).toBe(true);
    expect(groupRows(two, { terms: { minValid: 3 } }).group.reason).toBe("too_few_valid");
  });

  it("of no valid rollout at all has no statistics", () => {
    const rows = groupRows(four.map((outcome) => ({ ...outcome, invalid: "platform_lost" })));
    expect(rows.group).toMatchObject({
      ...none,
      size_valid: 0,
      reward_mean: null,
      zero_variance: false,
      pass_rate: null,
    });
  });
});

describe("whether a rollout counts", () => {
  function reasonOf(rollout: Parameters<typeof claimedRollout>[0], record: RecordInput | null): string | null {
    const other = {
      rollout: claimedRollout({ run_id: "run_2", rollout_index: 1 }),
      record: recordInput("run_2", [{}]),
    };
    const built = buildGroupRows(terms, claimedGroup(), [{ rollout: claimedRollout(rollout), record }, other]);
    return built.ok ? (reasonsOf(built.value)[0] ?? null) : built.error;
  }

  it("says the record first, whatever the reward", () => {
    const record = recordInput("run_1", [{}], { invalid_reason: "mixed_policy" });
    expect(reasonOf({ reward: 1 }, record)).toBe("mixed_policy");
  });

  it("forgets that a record had no reward once the claim has one", () => {
    const record = recordInput("run_1", [{}], { invalid_reason: "no_reward" });
    expect(reasonOf({ reward: 0.5, reward_source: "judge" }, record)).toBeNull();
    expect(reasonOf({ reward: null }, record)).toBe("no_reward");
    expect(reasonOf({ reward: null, invalid_reason: "judge_failed" }, record)).toBe("judge_failed");
  });

  it("finds captures that do not belong together, as float32 holds them", () => {
    expect(reasonOf({}, recordInput("run_1", [{ response_logprobs: [-1] }]))).toBe("bad_capture");
    expect(reasonOf({}, recordInput("run_1", [{ response_logprobs: [-1, -1, -8999.99999999] }]))).toBe("bad_capture");
    expect(reasonOf({}, recordInput("run_1", [{ response_mask: null }]))).toBe("bad_capture");
    expect(reasonOf({}, recordInput("run_1", [{ response_logprobs: null }]))).toBeNull();
  });

  it("has neither a record nor a reason: the platform lost it", () => {
    expect(reasonOf({ record_sha256: null, reward: null }, null)).toBe("platform_lost");
    expect(reasonOf({ record_sha256: null, reward: null, invalid_reason: "cancelled" }, null)).toBe("cancelled");
    expect(reasonOf({ reward: 1 }, recordInput("run_1", []))).toBe("no_turns");
  });

  it("takes one attempt at each index, the last good one, and lists all", () => {
    const attempt = (rollout_attempt: number, status: "completed" | "failed") => ({
      rollout: claimedRollout({ run_id: `run_0_${rollout_attempt}`, rollout_attempt, reward: 1 }),
      record: recordInput(`run_0_${rollout_attempt}`, [{}], {
        status,
        invalid_reason: status === "failed" ? "engine_failed" : null,
      }),
    });
    const other = {
      rollout: claimedRollout({ run_id: "run_1", rollout_index: 1, reward: 0 }),
      record: recordInput("run_1", [{}]),
    };
    const group = claimedGroup({ size_planned: 2 });
    const redone = buildGroupRows(terms, group, [attempt(1, "failed"), attempt(2, "completed"), other]);
    expect(redone.ok && reasonsOf(redone.value)).toEqual(["engine_failed", null, null]);
    expect(redone.ok && redone.value.group).toMatchObject({ size_completed: 2, size_valid: 2, reward_mean: 0.5 });
    const both = buildGroupRows(terms, group, [attempt(1, "completed"), attempt(2, "completed"), other]);
    expect(both.ok && reasonsOf(both.value)).toEqual(["platform_lost", null, null]);
    const first = buildGroupRows(terms, group, [attempt(1, "completed"), attempt(2, "failed"), other]);
    expect(first.ok && reasonsOf(first.value)).toEqual([null, "engine_failed", null]);
  });
});

describe("a group is set aside", () => {
  it("when a record is another rollout's", () => {
    const source = { rollout: claimedRollout(), record: recordInput("run_9", [{}]) };
    expect(buildGroupRows(terms, claimedGroup(), [source])).toEqual({ ok: false, error: "record_foreign" });
  });

  it("when a row fits in no row group", () => {
    const turn = { response_text: "x".repeat(16_000_000) };
    const source = { rollout: claimedRollout(), record: recordInput("run_1", [turn]) };
    expect(buildGroupRows(terms, claimedGroup(), [source])).toEqual({ ok: false, error: "row_too_large" });
  });
});

describe("a record", () => {
  it("that a played run leaves is read, with its texts and tokens as they are", async () => {
    const record = recordOf(await playRewarded({ script: oneTurn() }));
    const read = readRecord(JSON.stringify(record));
    expect(read.ok && read.value).toMatchObject({ rollout_id: record.rollout_id, turns: [{ turn_index: 0 }] });
    expect(read.ok && read.value.turns[0]?.messages).toEqual(record.turns[0]?.messages);
  });

  it.each([
    ["{", "the record is not JSON"],
    ["null", "the record's "],
    [JSON.stringify({ ...recordInput("run_1", [{}]), turns: [{}] }), "the record's turns.0.turn_index"],
    [JSON.stringify(recordInput("run_1", [{ prompt_tokens: 2 ** 40 }])), "the record's turns.0.prompt_tokens"],
    [
      JSON.stringify(recordInput("run_1", [{ response_token_ids: [2 ** 31] }])),
      "the record's turns.0.response_token_ids",
    ],
    [JSON.stringify({ ...recordInput("run_1", [{}]), started_at: "yesterday" }), "the record's started_at"],
    [JSON.stringify({ ...recordInput("run_1", [{}]), schema_version: 2 }), "the record's schema_version"],
  ])("of %.30s… is refused by name", (text, error) => {
    const read = readRecord(text);
    expect(read.ok ? "read" : read.error).toContain(error);
  });

  it("of any JSON is read or refused, and never throws", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(typeof readRecord(JSON.stringify(value)).ok).toBe("boolean");
      }),
    );
  });

  it("keeps half a surrogate pair, where the rows have U+FFFD", () => {
    const record = recordInput(
      "run_1",
      [{ response_text: "\uD83D", messages: [{ role: "user", content: "\uDE00" }] }],
      {
        query: "\uD83D",
        reference: { answers: ["\uD83D"] },
      },
    );
    const built = buildGroupRows(terms, claimedGroup(), [{ rollout: claimedRollout(), record }]);
    const [rows] = built.ok ? built.value.rollouts : [];
    expect(rows?.rollout.query).toBe("\uFFFD");
    // JSON can say the half.
    expect(rows?.rollout.reference).toBe('{"answers":["\\ud83d"]}');
    expect(rows?.turns[0]).toMatchObject({ response_text: "\uFFFD", messages: [{ role: "user", content: "\uFFFD" }] });
  });
});
