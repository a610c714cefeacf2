import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { createClaimStore, type NewClaim } from "../../src/store/claims.ts";
import type { ClaimRequest } from "../../src/training/export-request.ts";
import { migrate } from "../support/migrate.ts";
import { seedGroup, type SeedGroup, workedExample } from "../support/training-fixtures.ts";

const claims = createClaimStore(env.DB);

beforeAll(() => migrate(env.DB));

function request(more: Partial<ClaimRequest> = {}): ClaimRequest {
  return {
    kind: "claim",
    advantage_spec: "grpo/trajectory/std=n-1/eps=1e-6",
    options: { min_valid: null, allow_partial: false, max_staleness: 4, pass_at: 1 },
    batch_id: null,
    policy_version: null,
    closed_before: null,
    ...more,
  };
}

function claim(tenant: string, id: string, more: Partial<ClaimRequest> = {}): NewClaim {
  return {
    claim_id: id,
    tenant,
    claimed_at: "2026-11-22T12:00:00.000Z",
    trigger: "request",
    request: request(more),
    exporter_version: "1.0.0",
  };
}

function seed(tenant: string, task: string, more: Partial<SeedGroup> = {}) {
  return seedGroup(env, { tenant, task, rollouts: workedExample, ...more });
}

async function claimedTasks(claimId: string): Promise<string[]> {
  const { groups } = await claims.page(claimId, "", 100);
  return groups.map(({ group }) => group.task_id).toSorted();
}

async function late(tenant: string, runId: string, value: number | null, key: string) {
  await env.DB.prepare(
    `INSERT INTO rewards (tenant, run_id, source, kind, value, components, at, delivery_key, error_code, judge_model)
     VALUES (?1, ?2, 'judge', 'judge', ?3, '{"clear":0.5}', '2026-11-22T11:00:00.000Z', ?4, ?5, 'judge-1')`,
  )
    .bind(tenant, runId, value, key, value === null ? "engine_failed" : null)
    .run();
}

describe("a claim", () => {
  test("takes closed complete groups of the split train that nobody has, and freezes each rollout", async () => {
    const { groupId, runIds } = await seed("takes", "wanted");
    await seed("takes", "open", { closedAt: null });
    await seed("takes", "evaluation", { split: "eval" });
    await seed("takes", "partial", { isComplete: false });
    await seed("stranger", "not mine");
    expect(await claims.claim(claim("takes", "exp_takes"))).toMatchObject({ policy_step: 0, trigger: "request" });
    expect(await claimedTasks("exp_takes")).toEqual(["wanted"]);
    const { groups, isLast } = await claims.page("exp_takes", "", 10);
    expect(isLast).toBe(true);
    expect(groups[0]?.group).toMatchObject({ group_id: groupId, size_planned: 4, complete: true });
    expect(groups[0]?.rollouts).toMatchObject(
      runIds.map((run_id, rollout_index) => ({
        run_id,
        rollout_index,
        rollout_attempt: 1,
        reward: rollout_index < 2 ? 1 : 0,
        reward_source: "log",
        invalid_reason: null,
      })),
    );
    expect(await claims.count("exp_takes")).toEqual({ groups: 1, rollouts: 4 });
  });

  test("that is made again is the one that stands, though more could be claimed by now", async () => {
    await seed("again", "first");
    const made = await claims.claim(claim("again", "exp_again"));
    await seed("again", "second");
    expect(await claims.claim({ ...claim("again", "exp_again"), claimed_at: "2026-11-23T00:00:00.000Z" })).toEqual(
      made,
    );
    expect(await claimedTasks("exp_again")).toEqual(["first"]);
  });

  test("made twice at once shares no group: each is in exactly one", async () => {
    for (const task of ["a", "b", "c", "d"]) {
      await seed("twice", task);
    }
    await Promise.all([claims.claim(claim("twice", "exp_one")), claims.claim(claim("twice", "exp_two"))]);
    const both = [...(await claimedTasks("exp_one")), ...(await claimedTasks("exp_two"))];
    expect(both.toSorted()).toEqual(["a", "b", "c", "d"]);
  });

  test("that finds nothing leaves nothing", async () => {
    expect(await claims.claim(claim("nothing", "exp_nothing"))).toBeNull();
    expect(await claims.find("nothing", "exp_nothing")).toBeNull();
  });

  test("takes partial groups only when it may", async () => {
    await seed("partial", "broken off", { isComplete: false });
    expect(await claims.claim(claim("partial", "exp_whole"))).toBeNull();
    const options = { min_valid: null, allow_partial: true, max_staleness: 4, pass_at: 1 };
    await claims.claim(claim("partial", "exp_partial", { options }));
    expect(await claimedTasks("exp_partial")).toEqual(["broken off"]);
  });

  test("takes groups that still wait for a reward once their batch has ended, and only when it may", async () => {
    const rollouts = [...workedExample.slice(1), { reward: null, turns: 1, tokens: 10 }];
    await seed("waiting", "unlabelled", { rollouts, closedAt: null, isComplete: false, batch: "bat_waiting" });
    const options = { min_valid: null, allow_partial: true, max_staleness: 4, pass_at: 1 };
    expect(await claims.claim(claim("waiting", "exp_running", { options }))).toBeNull();
    await env.DB.prepare(
      `INSERT INTO batches (batch_id, tenant, status, split, policy_version, policy_step, group_size, tasks, created_at,
         ended_at) SELECT batch_id, tenant, 'completed', 'train', 'p', 0, 4, 1, ?1, ?1 FROM groups WHERE tenant = 'waiting'`,
    )
      .bind("2026-11-22T12:00:00.000Z")
      .run();
    expect(await claims.claim(claim("waiting", "exp_strict"))).toBeNull();
    await claims.claim(claim("waiting", "exp_lenient", { options }));
    expect(await claimedTasks("exp_lenient")).toEqual(["unlabelled"]);
  });

  test("keeps to a batch, a policy version and a closing time, alone and together", async () => {
    await seed("filters", "right");
    await seed("filters", "later", { closedAt: "2026-11-22T11:00:00.000Z" });
    await seed("filters", "other policy", { policyVersion: "planner-8" });
    await seed("filters", "other batch", { batch: "second" });
    const all = await env.DB.prepare("SELECT batch_id, task_id FROM groups WHERE tenant = 'filters'").all();
    const batch_id = String(all.results.find((row) => row["task_id"] === "right")?.["batch_id"]);
    const narrow = { batch_id, policy_version: "planner-7", closed_before: "2026-11-22T10:30:00.000Z" };
    await claims.claim(claim("filters", "exp_narrow", narrow));
    expect(await claimedTasks("exp_narrow")).toEqual(["right"]);
    await claims.claim(claim("filters", "exp_policy", { policy_version: "planner-8" }));
    expect(await claimedTasks("exp_policy")).toEqual(["other policy"]);
    await claims.claim(claim("filters", "exp_rest"));
    expect(await claimedTasks("exp_rest")).toEqual(["later", "other batch"]);
  });

  test("freezes the reward in force: a late one before the claim counts, one after it does not", async () => {
    const { runIds } = await seed("late", "task", {
      rollouts: [
        { reward: 0, turns: 1 },
        { reward: 0, turns: 1 },
        { reward: null, turns: 1 },
        { reward: null, turns: 1 },
      ],
    });
    const [first = "", second = "", third = ""] = runIds;
    await late("late", first, 0.25, "k1");
    await late("late", first, 0.75, "k2");
    await late("late", third, null, "k3");
    await claims.claim(claim("late", "exp_late"));
    await late("late", second, 1, "k4");
    const [group] = (await claims.page("exp_late", "", 10)).groups;
    expect(
      group?.rollouts.map(({ reward, reward_source, invalid_reason }) => [reward, reward_source, invalid_reason]),
    ).toEqual([
      [0.75, "judge", null],
      [0, "log", null],
      [null, null, "judge_failed"],
      [null, null, "no_reward"],
    ]);
    expect(group?.rollouts[0]).toMatchObject({
      reward_kind: "judge",
      judge_model: "judge-1",
      reward_components: '{"clear":0.5}',
    });
  });

  test("takes every attempt of a rollout that was redone", async () => {
    await seed("redone", "task", {
      rollouts: [
        { reward: null, turns: 0, index: 0, attempt: 1, invalid: "engine_failed", status: "failed" },
        { reward: 1, turns: 1, index: 0, attempt: 2 },
        { reward: 0, turns: 1, index: 1 },
      ],
    });
    await claims.claim(claim("redone", "exp_redone"));
    const [group] = (await claims.page("exp_redone", "", 10)).groups;
    expect(group?.group.size_planned).toBe(2);
    expect(group?.rollouts.map((one) => [one.rollout_index, one.rollout_attempt, one.invalid_reason])).toEqual([
      [0, 1, "engine_failed"],
      [0, 2, null],
      [1, 1, null],
    ]);
  });

  test("knows the active policy's step", async () => {
    await seed("steps", "task");
    await env.DB.batch([
      env.DB.prepare("INSERT INTO policies VALUES ('steps', 'planner-9', 9, '{}', 'ab', '2026-11-22T09:00:00.000Z')"),
      env.DB.prepare("INSERT INTO active_policies VALUES ('steps', 'planner-9', '2026-11-22T09:00:00.000Z')"),
    ]);
    expect(await claims.claim(claim("steps", "exp_steps"))).toMatchObject({ policy_step: 9 });
  });

  test("is read in pages that keep groups whole", async () => {
    for (const task of ["a", "b", "c"]) {
      await seed("pages", task);
    }
    await claims.claim(claim("pages", "exp_pages"));
    const first = await claims.page("exp_pages", "", 2);
    const second = await claims.page("exp_pages", first.groups.at(-1)?.group.group_id ?? "", 2);
    expect([first.isLast, second.isLast]).toEqual([false, true]);
    const sizes = [...first.groups, ...second.groups].map(({ rollouts }) => rollouts.length);
    expect(sizes).toEqual([4, 4, 4]);
  });

  test("keeps the first reason for which a group was set aside", async () => {
    const { groupId } = await seed("aside", "task");
    await claims.claim(claim("aside", "exp_aside"));
    await claims.quarantine("exp_aside", new Map([[groupId, "erased"]]));
    await claims.quarantine("exp_aside", new Map([[groupId, "rule_3"]]));
    expect(await claims.quarantined("exp_aside")).toEqual(new Map([[groupId, "erased"]]));
  });
});
