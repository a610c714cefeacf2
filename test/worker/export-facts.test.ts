// What a dataset says of groups that are not as they should be: partial, stale, broken, erased, without ids. The
// numbers are the exporter's, read back from the files.

import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { createLedger } from "../../src/store/ledger.ts";
import { recordKey } from "../../src/store/records.ts";
import type { ExportOptions } from "../../src/training/export-request.ts";
import { claimRequest, exported, manifestOf, rowsOf } from "../support/export-object.ts";
import { migrate } from "../support/migrate.ts";
import { seedGroup, type SeedRollout, workedExample } from "../support/training-fixtures.ts";

const ledger = createLedger(env.DB);
const options: ExportOptions = { min_valid: null, allow_partial: false, max_staleness: 4, pass_at: 1 };

beforeAll(() => migrate(env.DB));

async function groupRow(tenant: string, rollouts: readonly SeedRollout[], more: Partial<ExportOptions> = {}) {
  await seedGroup(env, { tenant, task: "task", rollouts });
  const row = await exported(tenant, "export", claimRequest({ options: { ...options, ...more } }));
  expect(row.status).toBe("completed");
  const [group] = await rowsOf(row.dataset_id, "groups");
  return {
    group,
    rollouts: await rowsOf(row.dataset_id, "rollouts"),
    turns: await rowsOf(row.dataset_id, "turns"),
    manifest: await manifestOf(row.dataset_id),
  };
}

const advantages = (rows: readonly { advantage: number | null }[]) =>
  rows.map(({ advantage }) => (advantage === null ? null : Number(advantage.toFixed(3))));

describe("rollouts of a group", () => {
  test("that are invalid have rows, a reason and no advantage; the others share the baseline", async () => {
    const [first, second, third] = workedExample;
    const fourth: SeedRollout = { reward: 0, turns: 3, tokens: 10, invalid: "mixed_policy" };
    const { group, rollouts, manifest } = await groupRow(
      "invalid",
      [first, second, third, fourth].flatMap((one) => one ?? []),
    );
    expect(advantages(rollouts)).toEqual([0.577, 0.577, -1.155, null]);
    expect(rollouts[3]).toMatchObject({ valid: false, invalid_reason: "mixed_policy", reward: 0 });
    expect(group).toMatchObject({ size_valid: 3, advantages: true, reason: null });
    expect(manifest.counts).toMatchObject({ rollouts: 4, invalid: { mixed_policy: 1 } });
  });

  test("whose replies were malformed or empty count like any other", async () => {
    const { rollouts, turns } = await groupRow("malformed", [
      { reward: 1, turns: 1, tokens: 4 },
      { reward: 0, turns: 2, tokens: 4, reply: "no plan at all {{{" },
      { reward: 0, turns: 1, tokens: 0, reply: "" },
    ]);
    expect(rollouts.every(({ valid }) => valid)).toBe(true);
    const empty = turns.at(-1);
    expect(empty).toMatchObject({
      response_text: "",
      response_token_ids: [],
      response_logprobs: [],
      response_mask: [],
    });
    expect([empty?.loss_weight, empty?.advantage === null]).toEqual([0, false]);
    expect(turns[1]?.response_text).toBe("no plan at all {{{");
  });

  test("from a server without token ids have nulls, never zeros, and no loss weight", async () => {
    const { turns, manifest } = await groupRow("no-ids", [
      { reward: 1, turns: 1, tokens: null },
      { reward: 0, turns: 1, tokens: null },
    ]);
    for (const turn of turns) {
      expect(turn).toMatchObject({
        prompt_token_ids: null,
        response_token_ids: null,
        response_logprobs: null,
        response_mask: null,
        loss_weight: null,
        token_source: "none",
      });
      expect(turn.advantage).not.toBeNull();
    }
    expect(manifest).toMatchObject({ token_source: { none: 2 }, logprob_coverage: 0 });
  });

  test("that were redone are both listed, and the one that ended well counts", async () => {
    const { group, rollouts } = await groupRow("redone", [
      { reward: null, turns: 0, index: 0, attempt: 1, invalid: "engine_failed", status: "failed" },
      { reward: 1, turns: 1, index: 0, attempt: 2 },
      { reward: 0, turns: 1, index: 1 },
    ]);
    expect(rollouts.map((row) => [row.rollout_index, row.rollout_attempt, row.valid])).toEqual([
      [0, 1, false],
      [0, 2, true],
      [1, 1, true],
    ]);
    expect(group).toMatchObject({ size_planned: 2, size_valid: 2, advantages: true });
  });
});

describe("a group", () => {
  test("with too few valid rollouts has no advantages, and says so", async () => {
    const few: SeedRollout[] = [
      { reward: 1, turns: 1 },
      ...Array.from({ length: 3 }, (): SeedRollout => ({ reward: null, turns: 1 })),
    ];
    const { group, rollouts } = await groupRow("few", few);
    expect(group).toMatchObject({ advantages: false, reason: "too_few_valid", size_valid: 1 });
    expect(advantages(rollouts)).toEqual([null, null, null, null]);
    expect(rollouts[3]?.invalid_reason).toBe("no_reward");
  });

  test("needs as many valid ones as the export asks for", async () => {
    const { group } = await groupRow("asked", workedExample, { min_valid: 5 });
    expect(group).toMatchObject({ advantages: false, reason: "too_few_valid", size_valid: 4 });
  });

  test("that was broken off is taken only where that is allowed, and then has advantages", async () => {
    await seedGroup(env, {
      tenant: "partial",
      task: "task",
      rollouts: workedExample,
      sizePlanned: 8,
      isComplete: false,
    });
    expect(await exported("partial", "strict")).toMatchObject({ status: "empty" });
    const row = await exported("partial", "lax", claimRequest({ options: { ...options, allow_partial: true } }));
    const [group] = await rowsOf(row.dataset_id, "groups");
    expect(group).toMatchObject({ complete: false, size_planned: 8, size_valid: 4, advantages: true });
  });

  test("whose policy is too many steps behind the active one is stale", async () => {
    await env.DB.batch([
      env.DB.prepare(
        `INSERT INTO policies (tenant, version, policy_step, endpoint, sha256, created_at)
         VALUES ('stale', 'planner-9', 9, '{}', 'ab', '2026-11-22T09:00:00.000Z')`,
      ),
      env.DB.prepare(
        "INSERT INTO active_policies (tenant, version, activated_at) VALUES ('stale', 'planner-9', '2026-11-22T09:00:00.000Z')",
      ),
    ]);
    await seedGroup(env, { tenant: "stale", task: "fresh", rollouts: workedExample, policyStep: 5 });
    await seedGroup(env, { tenant: "stale", task: "old", rollouts: workedExample, policyStep: 4 });
    const row = await exported("stale", "export");
    const groups = await rowsOf(row.dataset_id, "groups");
    expect(Object.fromEntries(groups.map(({ task_id, reason }) => [task_id, reason]))).toEqual({
      fresh: null,
      old: "stale",
    });
    expect(await manifestOf(row.dataset_id)).toMatchObject({ claimed_at_policy_step: 9 });
  });
});

describe("a group that is set aside", () => {
  async function withGood(tenant: string, spoil: (bad: Awaited<ReturnType<typeof seedGroup>>) => Promise<unknown>) {
    const good = await seedGroup(env, { tenant, task: "good", rollouts: workedExample });
    const bad = await seedGroup(env, { tenant, task: "bad", rollouts: workedExample });
    await spoil(bad);
    const row = await exported(tenant, "export");
    const groups = await rowsOf(row.dataset_id, "groups");
    expect(groups.map(({ group_id }) => group_id)).toEqual([good.groupId]);
    const aside = await env.DB.prepare("SELECT quarantine_reason FROM groups WHERE group_id = ?1")
      .bind(bad.groupId)
      .first("quarantine_reason");
    const { counts } = await manifestOf(row.dataset_id);
    return { reason: aside, quarantined: counts.quarantined, erased: counts.erased };
  }

  test("has lost a record to an erasure", async () => {
    const outcome = await withGood("erased", async ({ sessionIds: [session = ""], runIds: [run = ""] }) => {
      await env.BUCKET.delete(recordKey("erased", run));
      await env.DB.prepare("INSERT INTO session_tombstones VALUES ('erased', ?1, '2026-11-22T11:00:00.000Z')")
        .bind(session)
        .run();
    });
    expect(outcome).toEqual({ reason: "erased", quarantined: 0, erased: 1 });
  });

  test("has lost a rollout to an erasure before the claim", async () => {
    const outcome = await withGood("forgotten", ({ sessionIds: [session = ""] }) =>
      ledger.eraseSession("forgotten", session, "2026-11-22T11:00:00.000Z"),
    );
    expect(outcome).toEqual({ reason: "erased", quarantined: 0, erased: 1 });
  });

  test("has a record that is not there for no known reason", async () => {
    const outcome = await withGood("missing", ({ runIds: [run = ""] }) => env.BUCKET.delete(recordKey("missing", run)));
    expect(outcome).toEqual({ reason: "record_missing", quarantined: 1, erased: 0 });
  });

  test("has a record that is not the one that was claimed", async () => {
    const outcome = await withGood("changed", ({ runIds: [run = ""] }) =>
      env.BUCKET.put(recordKey("changed", run), "{}"),
    );
    expect(outcome).toEqual({ reason: "record_changed", quarantined: 1, erased: 0 });
  });

  test("has a record that cannot be read", async () => {
    const outcome = await withGood("unreadable", async ({ runIds: [run = ""] }) => {
      await env.BUCKET.put(recordKey("unreadable", run), "{}");
      // The hash of those two characters.
      await env.DB.prepare("UPDATE runs SET record_sha256 = ?2 WHERE run_id = ?1")
        .bind(run, "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a")
        .run();
    });
    expect(outcome).toEqual({ reason: "record_unreadable", quarantined: 1, erased: 0 });
  });

  test("leaves an export that has no other without a dataset", async () => {
    const { runIds } = await seedGroup(env, { tenant: "alone", task: "bad", rollouts: workedExample });
    await env.BUCKET.delete(recordKey("alone", runIds[0] ?? ""));
    expect(await exported("alone", "export")).toMatchObject({
      status: "empty",
      dataset_id: null,
      counts: { groups: 0, rollouts: 0, turns: 0, invalid: {}, quarantined: 1, erased: 0 },
    });
  });
});
