// Late rewards in D1: which is in force, what a claim freezes, and what an erased or unknown run takes.

import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { createLedger } from "../../src/store/ledger.ts";
import { noRollout, type RunEndedRow } from "../../src/store/ledger-row.ts";
import { inForce, joinRewards } from "../../src/store/reward-in-force.ts";
import type { NewReward } from "../../src/store/reward-row.ts";
import { createRewardStore } from "../../src/store/rewards.ts";
import { migrate } from "../support/migrate.ts";
import { present } from "../support/session-object.ts";

const ledger = createLedger(env.DB);
const store = createRewardStore(env.DB);
const tenant = "acme";

beforeAll(() => migrate(env.DB));

let counter = 0;

/** A run that has ended, under a name of its own. */
async function endedRun(more: Partial<RunEndedRow> = {}): Promise<string> {
  counter += 1;
  const body = String(counter).padStart(26, "0");
  const run_id = `run_${body}_0001`;
  await ledger.recordEnded({
    run_id,
    tenant,
    session_id: `ses_${body}`,
    query: "?",
    created_at: "2026-11-22T10:00:00.000Z",
    max_seconds: 300,
    policy_version: "offline-0",
    ...noRollout,
    status: "completed",
    ended_at: "2026-11-22T10:05:00.000Z",
    turns: 1,
    prompt_tokens: 1,
    completion_tokens: 1,
    reason: null,
    error_code: null,
    record_key: null,
    record_sha256: null,
    invalid_reason: null,
    reward: null,
    reward_kind: null,
    reward_components: null,
    reward_pending: false,
    ...more,
  });
  return run_id;
}

function reward(run_id: string, source: string, value: number | null, more: Partial<NewReward> = {}): NewReward {
  counter += 1;
  return {
    tenant,
    run_id,
    source,
    kind: source === "judge" ? "judge" : "external",
    value,
    components: null,
    reason: null,
    error_code: value === null ? "engine_timeout" : null,
    judge_model: null,
    prompt_version: null,
    at: "2026-11-22T11:00:00.000Z",
    delivery_key: `test/${counter}`,
    ...more,
  };
}

const outcomeOf = async (row: NewReward) => (await store.record(row)).outcome;

/** The run as a claim would freeze it. */
async function claimed(runId: string): Promise<Record<string, unknown>> {
  const columns = Object.entries(inForce).map(([name, sql]) => `${sql} AS ${name}`);
  const row = await env.DB.prepare(`SELECT ${columns.join(", ")} FROM runs ${joinRewards} WHERE runs.run_id = ?`)
    .bind(runId)
    .first();
  return present(row, "row");
}

async function group(groupId: string, claimId: string | null): Promise<void> {
  await env.DB.prepare(
    `INSERT INTO groups (group_id, tenant, batch_id, task_id, task_index, split, policy_version, policy_step,
       size_planned, created_at, claim_id) VALUES (?1, ?2, 'bat_1', 't', 0, 'train', 'p', 0, 4, 'now', ?3)`,
  )
    .bind(groupId, tenant, claimId)
    .run();
}

const logged = { reward: 1, reward_kind: "exact", reward_components: { exact: 1 } } as const;

describe("the reward in force", () => {
  test("is the log's own where nothing came later", async () => {
    expect(await claimed(await endedRun(logged))).toEqual({
      reward: 1,
      reward_kind: "exact",
      reward_source: "log",
      reward_components: '{"exact":1}',
      judge_model: null,
      invalid_reason: null,
    });
  });

  test("is the newest late one, whoever gave it", async () => {
    const run = await endedRun(logged);
    await store.record(reward(run, "ann", 0.5));
    await store.record(reward(run, "ben", 0.25, { components: { style: 0.25 } }));
    await store.record(reward(run, "ann", 0));
    expect(await claimed(run)).toMatchObject({ reward: 0, reward_kind: "external", reward_source: "ann" });
    expect(await store.ofRun(tenant, run)).toMatchObject({
      inForce: { value: 0, source: "ann", kind: "external" },
      late: [
        { source: "ann", value: 0 },
        { source: "ben", value: 0.25, components: { style: 0.25 } },
        { source: "ann", value: 0.5 },
      ],
    });
  });

  test("does not change when a judge gives up", async () => {
    const run = await endedRun(logged);
    await store.record(reward(run, "judge", null));
    expect(await claimed(run)).toMatchObject({ reward: 1, reward_source: "log", invalid_reason: null });
  });

  test("is none, with its reason, where a judge gave up or nobody said anything", async () => {
    const run = await endedRun({ reward_pending: true });
    expect(await claimed(run)).toMatchObject({ reward: null, reward_source: null, invalid_reason: "no_reward" });
    await store.record(reward(run, "judge", null));
    expect(await claimed(run)).toMatchObject({ reward: null, invalid_reason: "judge_failed" });
    await store.record(reward(run, "ann", 1));
    expect(await claimed(run)).toMatchObject({ reward: 1, invalid_reason: null });
  });

  test("does not make a rollout count that is invalid for another reason", async () => {
    const run = await endedRun({ invalid_reason: "mixed_policy" });
    await store.record(reward(run, "ann", 1));
    expect(await claimed(run)).toMatchObject({ reward: 1, invalid_reason: "mixed_policy" });
  });
});

describe("a late reward", () => {
  test("settles what the run was owed, and the same delivery is one row", async () => {
    const run = await endedRun({ reward_pending: true });
    expect((await store.ofRun(tenant, run))?.isPending).toBe(true);
    const row = reward(run, "judge", 1, { judge_model: "m", prompt_version: "judge/1" });
    expect([await outcomeOf(row), await outcomeOf(row)]).toEqual(["recorded", "repeated"]);
    expect(await store.ofRun(tenant, run)).toMatchObject({ isPending: false, late: [{ judge_model: "m" }] });
    expect(await store.delivered(row.delivery_key)).toMatchObject({ run_id: run, value: 1 });
  });

  test("is refused from the claim on, and the batch is named either way", async () => {
    await group("grp_open", null);
    await group("grp_claimed", "exp_1");
    const open = await endedRun({ batch_id: "bat_1", group_id: "grp_open" });
    const frozen = await endedRun({ batch_id: "bat_1", group_id: "grp_claimed", reward_pending: true });
    expect(await store.record(reward(open, "ann", 1))).toEqual({ outcome: "recorded", place: { batch_id: "bat_1" } });
    expect(await store.record(reward(frozen, "ann", 1))).toEqual({ outcome: "claimed", place: { batch_id: "bat_1" } });
    expect(await store.ofRun(tenant, frozen)).toMatchObject({ late: [], isPending: true });
  });

  test("is refused before the end, for another tenant's run, and for one that is not there", async () => {
    const run = await endedRun();
    expect(await outcomeOf(reward(run, "ann", 1, { tenant: "other" }))).toBe("unknown");
    expect(await outcomeOf(reward("run_nothing", "ann", 1))).toBe("unknown");
    expect(await store.ofRun("other", run)).toBeNull();
    await ledger.recordCreated({
      run_id: "run_open",
      tenant,
      session_id: "ses_open",
      query: "?",
      created_at: "2026-11-22T10:00:00.000Z",
      max_seconds: 300,
      policy_version: "p",
      ...noRollout,
    });
    expect(await outcomeOf(reward("run_open", "ann", 1))).toBe("not_ended");
  });

  test("goes with its session", async () => {
    const run = await endedRun();
    await store.record(reward(run, "ann", 1));
    await ledger.eraseSession(tenant, `ses_${run.slice(4, 30)}`, "2026-11-22T12:00:00.000Z");
    expect(await env.DB.prepare("SELECT 1 FROM rewards WHERE run_id = ?").bind(run).first()).toBeNull();
    expect(await outcomeOf(reward(run, "ann", 1))).toBe("unknown");
  });
});

test("the datasets that hold a session's rollouts are found by its runs' ids", async () => {
  const run = await endedRun();
  const other = await endedRun();
  const session = `ses_${run.slice(4, 30)}`;
  const claim = (claimId: string, runId: string, index: number) =>
    env.DB.prepare(
      `INSERT INTO claim_rollouts (claim_id, group_id, rollout_index, rollout_attempt, run_id)
       VALUES (?1, 'grp', ?3, 1, ?2)`,
    ).bind(claimId, runId, index);
  const dataset = (datasetId: string, claimId: string, deletedAt: string | null) =>
    env.DB.prepare(
      `INSERT INTO datasets (dataset_id, tenant, export_id, claim_id, advantage_spec, created_at, counts,
         manifest_sha256, deleted_at) VALUES (?1, ?2, 'exp', ?3, 's', 'now', '{}', 'h', ?4)`,
    ).bind(datasetId, tenant, claimId, deletedAt);
  await env.DB.batch([
    claim("exp_a", run, 0),
    claim("exp_b", other, 1),
    dataset("ds_1", "exp_a", null),
    dataset("ds_2", "exp_a", null),
    dataset("ds_gone", "exp_a", "now"),
    dataset("ds_other", "exp_b", null),
  ]);
  expect(await ledger.datasetsOf(tenant, session)).toEqual(["ds_1", "ds_2"]);
  expect(await ledger.datasetsOf("other", session)).toEqual([]);
});
