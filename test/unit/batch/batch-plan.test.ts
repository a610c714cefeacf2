// The plan of a batch, its groups and its names, as pure functions.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { defaultSeedOf, groupIdOf, rolloutNameOf, rolloutSeedOf } from "../../../src/training/batch-names.ts";
import {
  finalInvalidReason,
  type GroupPlace,
  groupStateOf,
  isRedone,
  maxAttempts,
  rolloutAt,
} from "../../../src/training/batch-plan.ts";
import { isId, isSessionId, sessionOfRun } from "../../../src/lib/ids.ts";

const reasons = [null, "engine_failed", "platform_lost", "cancelled", "no_turns", "bad_capture", "mixed_policy"];

describe("the plan", () => {
  test("names every place of every group once, group by group", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 12 }), (tasks, groupSize) => {
        const places = Array.from({ length: tasks * groupSize }, (_, position) => rolloutAt(position, groupSize));
        const expected = Array.from({ length: tasks }, (_, taskIndex) =>
          Array.from({ length: groupSize }, (_unused, rolloutIndex) => ({ taskIndex, rolloutIndex })),
        );
        expect(places).toEqual(expected.flat());
      }),
    );
  });

  test("redoes what the infrastructure broke, twice, and nothing else", () => {
    const redone = reasons.flatMap((reason) =>
      [1, 2, 3, 4].filter((attempt) => isRedone(reason, attempt)).map((attempt) => [reason, attempt]),
    );
    expect(redone).toEqual([
      ["engine_failed", 1],
      ["engine_failed", 2],
      ["platform_lost", 1],
      ["platform_lost", 2],
    ]);
    expect(maxAttempts).toBe(3);
  });
});

const place = fc.record<GroupPlace>({
  state: fc.constantFrom("due", "running", "ended"),
  invalidReason: fc.constantFrom(...reasons),
  isRewardPending: fc.boolean(),
});

describe("a group", () => {
  const ended: GroupPlace = { state: "ended", invalidReason: null, isRewardPending: false };

  test("is closed exactly when every place has ended and nobody owes a reward", () => {
    fc.assert(
      fc.property(fc.array(place, { maxLength: 9 }), fc.integer({ min: 1, max: 9 }), (places, groupSize) => {
        const done = places.filter(({ state, isRewardPending }) => state === "ended" && !isRewardPending).length;
        const isClosed = places.length >= groupSize && done === places.length;
        expect(groupStateOf(places, groupSize) !== "open").toBe(isClosed);
      }),
    );
  });

  test("is complete with failures in it, but not with a rollout that somebody cancelled", () => {
    expect(groupStateOf([ended, { ...ended, invalidReason: "engine_failed" }], 2)).toBe("complete");
    expect(groupStateOf([ended, { ...ended, invalidReason: "cancelled" }], 2)).toBe("incomplete");
  });

  test("without a reward a rollout does not count, and says why", () => {
    const none = { invalidReason: null, reward: null, isRewardPending: false, gaveUp: false };
    expect(finalInvalidReason(none)).toBe("no_reward");
    expect(finalInvalidReason({ ...none, gaveUp: true })).toBe("judge_failed");
    expect(finalInvalidReason({ ...none, isRewardPending: true })).toBeNull();
    expect(finalInvalidReason({ ...none, reward: 0 })).toBeNull();
    expect(finalInvalidReason({ ...none, reward: 1, invalidReason: "bad_capture" })).toBe("bad_capture");
  });
});

describe("names", () => {
  const batch = "bat_00000000000000000000000001";

  test("are ids, the same each time, and different for batch, task, index and attempt", async () => {
    const places = [1, 2].flatMap((attempt) =>
      [0, 1].flatMap((rolloutIndex) => ["a", "b"].map((taskId) => ({ taskId, rolloutIndex, attempt }))),
    );
    const batches = [batch, "bat_00000000000000000000000002"];
    const named = await Promise.all(batches.flatMap((id) => places.map((one) => rolloutNameOf(id, one))));
    expect(named.every(({ sessionId, runId }) => isSessionId(sessionId) && sessionOfRun(runId) === sessionId)).toBe(
      true,
    );
    expect(new Set(named.map(({ runId }) => runId)).size).toBe(16);
    expect(await rolloutNameOf(batch, { taskId: "a", rolloutIndex: 0, attempt: 1 })).toEqual(named[0]);
    const groups = await Promise.all(["a", "b"].map((taskId) => groupIdOf(batch, taskId)));
    expect(groups.map((id) => isId("grp", id))).toEqual([true, true]);
    expect(new Set(groups).size).toBe(2);
  });

  test("a planner's seed is a safe whole number that depends on seed, task and index alone", async () => {
    const seeds = await Promise.all(
      [0, 1].flatMap((seed) => ["a", "b"].flatMap((task) => [0, 1].map((index) => rolloutSeedOf(seed, task, index)))),
    );
    expect(new Set(seeds).size).toBe(8);
    expect(seeds.every((seed) => Number.isSafeInteger(seed) && seed >= 0)).toBe(true);
    expect(await rolloutSeedOf(0, "a", 0)).toBe(seeds[0]);
    expect(Number.isSafeInteger(await defaultSeedOf(batch))).toBe(true);
  });
});
