// Groups as they are shown after a claim: what it froze, on its terms, whatever became of runs and rewards since; and
// where a group shows no advantages, why.

import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { Group } from "../../src/http/rollout-wire.ts";
import { createLedger } from "../../src/store/ledger.ts";
import { claimRequest, exported, rowsOf } from "../support/export-object.ts";
import { migrate } from "../support/migrate.ts";
import { rolloutsApi } from "../support/rollouts-http.ts";
import { present } from "../support/session-object.ts";
import { seedGroup, type SeedGroup, workedExample } from "../support/training-fixtures.ts";

beforeAll(() => migrate(env.DB));

async function seed(tenant: string, more: Partial<SeedGroup> = {}) {
  const seeded = await seedGroup(env, { tenant, task: "task", rollouts: workedExample, ...more });
  const api = await rolloutsApi(tenant);
  const show = async (query = "") =>
    Group.parse(await (await api.send("GET", `/v1/groups/${seeded.groupId}${query}`)).json());
  const erase = (index: number) =>
    createLedger(env.DB).eraseSession(tenant, present(seeded.sessionIds[index], "session"), "2026-11-22T13:00:00.000Z");
  return { ...seeded, show, erase };
}

const options = { min_valid: null, allow_partial: false, max_staleness: 4, pass_at: 1 };
const advantagesOf = ({ rollouts }: Group) => rollouts.map(({ advantage }) => advantage);
const none = [null, null, null, null];

describe("a claimed group", () => {
  test("shows the dataset's advantages, also when a session has been erased since", async () => {
    const { runIds, show, erase } = await seed("erased-after");
    const { dataset_id } = await exported("erased-after", "first");
    const frozen = (await rowsOf(dataset_id, "rollouts")).map(({ advantage }) => advantage);
    expect(advantagesOf(await show())).toEqual(frozen);
    await erase(3);
    const shown = await show();
    expect(shown).toMatchObject({ reason: null, size_valid: 4, reward_mean: 0.5 });
    expect(advantagesOf(shown)).toEqual(frozen);
    expect(shown.rollouts.map(({ run_id, status, reward }) => [run_id, status, reward])).toEqual(
      runIds.map((id, index) => [id, index === 3 ? "erased" : "completed", index < 2 ? 1 : 0]),
    );
    // Nobody knows its turns any more.
    const overTurns = await show("?advantage_spec=grpo/turn/std=n-1/eps=0");
    expect([overTurns.reason, advantagesOf(overTurns)]).toEqual(["erased", none]);
  });

  test("shows the rewards and the rule that were frozen, not what came after", async () => {
    const { runIds, show } = await seed("late");
    const advantage_spec = "grpo/turn/std=n-1/eps=0";
    await exported("late", "first", claimRequest({ advantage_spec }));
    await env.DB.prepare("UPDATE runs SET reward = 9, reward_pending = 1 WHERE run_id = ?1").bind(runIds[0]).run();
    const shown = await show();
    expect(shown.advantage_spec).toBe(advantage_spec);
    expect(advantagesOf(shown).map((value) => value?.toFixed(5))).toEqual([
      "1.62019",
      "1.62019",
      "-0.54006",
      "-0.54006",
    ]);
    expect(shown.rollouts[0]).toMatchObject({ reward: 1, reward_pending: false, valid: true });
  });

  test("has advantages on the claim's terms, and says why not", async () => {
    const rollouts = [...workedExample.slice(1), { reward: null, turns: 0, invalid: "engine_failed" }];
    const picky = await seed("picky", { rollouts });
    expect((await picky.show()).reason).toBeNull();
    await exported("picky", "first", claimRequest({ options: { ...options, min_valid: 4 } }));
    expect(await picky.show()).toMatchObject({ reason: "too_few_valid", size_valid: 3 });
    expect(advantagesOf(await picky.show())).toEqual(none);

    const old = await seed("old");
    await env.DB.batch([
      env.DB.prepare("INSERT INTO policies VALUES ('old', 'planner-9', 9, '{}', 'ab', '2026-11-22T09:00:00.000Z')"),
      env.DB.prepare("INSERT INTO active_policies VALUES ('old', 'planner-9', '2026-11-22T09:00:00.000Z')"),
    ]);
    await exported("old", "first");
    expect((await old.show()).reason).toBe("stale");

    const broken = await seed("broken", { isComplete: false });
    expect((await broken.show()).reason).toBe("partial");
    await exported("broken", "first", claimRequest({ options: { ...options, allow_partial: true } }));
    expect((await broken.show()).reason).toBeNull();
  });

  test("that the export set aside says so", async () => {
    const { show, erase } = await seed("aside");
    await erase(2);
    const before = await show();
    expect([before.reason, advantagesOf(before)]).toEqual(["erased", none]);
    expect(before.rollouts[2]).toMatchObject({ status: "absent", run_id: null });
    await exported("aside", "first");
    expect(await show()).toMatchObject({ reason: "quarantined", quarantine_reason: "erased" });
  });

  test("does not count what had not ended when it was claimed", async () => {
    const { runIds, show } = await seed("cut", { isComplete: false });
    await env.DB.prepare("UPDATE runs SET ended_at = NULL, status = 'running' WHERE run_id = ?1").bind(runIds[0]).run();
    await exported("cut", "first", claimRequest({ options: { ...options, allow_partial: true } }));
    await env.DB.prepare(
      "UPDATE runs SET ended_at = '2026-11-22T13:00:00.000Z', status = 'completed' WHERE run_id = ?1",
    )
      .bind(runIds[0])
      .run();
    const shown = await show();
    expect(shown).toMatchObject({ size_valid: 3, reason: null });
    expect(shown.rollouts[0]).toMatchObject({ run_id: runIds[0], valid: null, advantage: null });
  });
});

test("of two attempts at one place that both ended well the last one counts, as in a dataset", async () => {
  const rollouts = [
    { reward: 1, turns: 1, index: 0, attempt: 1 },
    { reward: 0, turns: 1, index: 0, attempt: 2 },
    { reward: 1, turns: 1, index: 1 },
  ];
  const { show } = await seed("twice", { rollouts });
  const open = await show();
  expect(open.rollouts.map(({ valid, invalid_reason }) => [valid, invalid_reason])).toEqual([
    [false, "platform_lost"],
    [true, null],
    [true, null],
  ]);
  const { dataset_id } = await exported("twice", "first");
  const rows = await rowsOf(dataset_id, "rollouts");
  expect(advantagesOf(open)).toEqual(rows.map(({ advantage }) => advantage));
});
