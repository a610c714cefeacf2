// Feedback and late rewards over HTTP, with a real ledger and sessions in memory.

import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { createLedger } from "../../src/store/ledger.ts";
import { noRollout, type RunEndedRow } from "../../src/store/ledger-row.ts";
import { StoreFault } from "../../src/store/store-fault.ts";
import { createRewardStore } from "../../src/store/rewards.ts";
import { createWorld, type TestWorld } from "../support/http-services.ts";
import { migrate } from "../support/migrate.ts";
import { readProblem } from "../support/problems.ts";

beforeAll(() => migrate(env.DB));

const ledger = createLedger(env.DB);

function newWorld(): TestWorld {
  const world = createWorld({ ledger, rewards: createRewardStore(env.DB), autoAnswer: "42" });
  // The ids of one world are those of the next, and the ledger is the same.
  Object.assign(world.services, {
    ids: { now: () => 0, random: (bytes: Uint8Array) => crypto.getRandomValues(bytes) },
  });
  return world;
}

/** A run of the world that has ended, and its row in the ledger. */
async function endedRun(world: TestWorld, more: Partial<RunEndedRow> = {}): Promise<string> {
  // Ids of different worlds are alike; a key of its own gives each test a session of its own.
  const reply = await world.post("/v1/solve", { query: "?" }, { "idempotency-key": crypto.randomUUID() });
  const run: { id: string; session_id: string } = await reply.json();
  await ledger.recordEnded({
    run_id: run.id,
    tenant: "local",
    session_id: run.session_id,
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
    reward: 1,
    reward_kind: "exact",
    reward_components: { exact: 1 },
    reward_pending: false,
    ...more,
  });
  return run.id;
}

async function group(groupId: string, claimId: string | null): Promise<void> {
  await env.DB.prepare(
    `INSERT INTO groups (group_id, tenant, batch_id, task_id, task_index, split, policy_version, policy_step,
       size_planned, created_at, claim_id) VALUES (?1, 'local', 'bat_1', 't', 0, 'train', 'p', 0, 4, 'now', ?2)`,
  )
    .bind(groupId, claimId)
    .run();
}

describe("feedback", () => {
  test("is the reward in force, and the same source replaces its own", async () => {
    const world = newWorld();
    const run_id = await endedRun(world);
    const first = await world.post("/v1/feedback", { run_id, value: 0.5, source: "ann", reason: "half" });
    expect(await first.json()).toEqual({
      run_id,
      source: "ann",
      value: 0.5,
      reason: "half",
      at: "2026-11-22T10:00:00.000Z",
    });
    await world.post("/v1/feedback", { run_id, value: 0.75, source: "ann" });
    const run = await (await world.get(`/v1/runs/${run_id}`)).json();
    expect(run).toMatchObject({
      reward: { value: 0.75, kind: "external", source: "ann" },
      rewards: [
        { source: "ann", value: 0.75, reason: null },
        { source: "ann", value: 0.5, reason: "half" },
      ],
    });
    const record = await (await world.get(`/v1/runs/${run_id}/record`)).json();
    expect(record).toMatchObject({ rollout_id: run_id, rewards: [{ value: 0.75 }, { value: 0.5 }] });
    expect(world.told).toEqual([]);
  });

  test("is told to the batch of a rollout", async () => {
    const world = newWorld();
    await group("grp_told", null);
    const run_id = await endedRun(world, { batch_id: "bat_1", group_id: "grp_told" });
    expect((await world.post("/v1/feedback", { run_id, value: -1, source: "ann" })).status).toBe(200);
    expect(world.told).toEqual([{ tenant: "local", batchId: "bat_1", runId: run_id, reward: -1 }]);
  });

  test("whose batch cannot be told is asked for again, and then stands once more", async () => {
    const world = newWorld();
    const run_id = await endedRun(world, { batch_id: "bat_1" });
    const reset = vi.spyOn(world.services, "tellReward").mockRejectedValue(new Error("the object was reset"));
    const headers = { "idempotency-key": "feedback-1" };
    const failed = await world.post("/v1/feedback", { run_id, value: 1, source: "ann" }, headers);
    expect(await readProblem(failed)).toMatchObject({ status: 503, code: "batch_unavailable" });
    reset.mockRestore();
    const again = await world.post("/v1/feedback", { run_id, value: 1, source: "ann" }, headers);
    expect([again.status, again.headers.get("idempotency-replayed")]).toEqual([200, "true"]);
    expect(world.told).toMatchObject([{ runId: run_id, reward: 1 }]);
    expect((await createRewardStore(env.DB).ofRun("local", run_id))?.late).toHaveLength(1);
  });

  test("with a key that came before with another body is refused", async () => {
    const world = newWorld();
    const run_id = await endedRun(world);
    const headers = { "idempotency-key": `feedback-${run_id}` };
    await world.post("/v1/feedback", { run_id, value: 1, source: "ann" }, headers);
    const other = await world.post("/v1/feedback", { run_id, value: 0, source: "ann" }, headers);
    expect(await readProblem(other)).toMatchObject({ status: 422, code: "idempotency_key_reused" });
  });

  test("with a key is another one after 24 hours", async () => {
    const world = newWorld();
    const run_id = await endedRun(world);
    const headers = { "idempotency-key": `daily-${run_id}` };
    const give = async (value: number) => {
      const reply = await world.post("/v1/feedback", { run_id, value, source: "ann" }, headers);
      return [reply.status, reply.headers.get("idempotency-replayed")];
    };
    expect(await give(1)).toEqual([200, null]);
    await world.clock.advance(24 * 3600 * 1000 - 1);
    expect(await give(1)).toEqual([200, "true"]);
    await world.clock.advance(1);
    expect(await give(0)).toEqual([200, null]);
    expect(await give(0)).toEqual([200, "true"]);
    expect((await createRewardStore(env.DB).ofRun("local", run_id))?.late).toHaveLength(2);
  });

  test("is refused with 409 once the group is claimed", async () => {
    const world = newWorld();
    await group("grp_frozen", "exp_1");
    const run_id = await endedRun(world, { batch_id: "bat_1", group_id: "grp_frozen" });
    const reply = await world.post("/v1/feedback", { run_id, value: 1, source: "ann" });
    expect(await readProblem(reply)).toMatchObject({ status: 409, code: "group_claimed" });
    expect(world.told).toEqual([]);
  });

  test("is refused with 409 before the end, and while the ledger does not know of it", async () => {
    const world = createWorld({ ledger, rewards: createRewardStore(env.DB) });
    const reply = await world.post("/v1/solve", { query: "?", background: true }, { "idempotency-key": "unended" });
    const { id: run_id }: { id: string } = await reply.json();
    const refused = await world.post("/v1/feedback", { run_id, value: 1, source: "ann" });
    expect(await readProblem(refused)).toMatchObject({ status: 409, code: "run_not_ended" });
  });

  test("on another tenant's run, on no run and on an erased one finds nothing", async () => {
    const world = newWorld();
    const run_id = "run_0000000000000000000000000x_0001";
    const none = await world.post("/v1/feedback", { run_id, value: 1, source: "ann" });
    expect(await readProblem(none)).toMatchObject({ status: 404, code: "not_found" });
    const text = await world.post("/v1/feedback", { run_id: "run 1", value: 1, source: "ann" });
    expect(await readProblem(text)).toMatchObject({ status: 404, code: "not_found" });
    await ledger.eraseSession("local", "ses_0000000000000000000000000x", "2026-11-22T12:00:00.000Z");
    const gone = await world.post("/v1/feedback", { run_id, value: 1, source: "ann" });
    expect(await readProblem(gone)).toMatchObject({ status: 410, code: "erased" });
  });

  test.each([
    [{ value: 1, source: "ann" }, "run_id"],
    [{ run_id: "r", source: "ann" }, "value"],
    [{ run_id: "r", value: "1", source: "ann" }, "value"],
    [{ run_id: "r", value: 1e16, source: "ann" }, "value"],
    [{ run_id: "r", value: 1 }, "source"],
    [{ run_id: "r", value: 1, source: "judge" }, "source"],
    [{ run_id: "r", value: 1, source: " " }, "source"],
    [{ run_id: "r", value: 1, source: "a", reason: "x".repeat(2001) }, "reason"],
    [{ run_id: "r", value: 1, source: "a", extra: 1 }, "extra"],
  ])("%j is refused and the field named", async (body, field) => {
    const reply = await createWorld().post("/v1/feedback", body);
    expect(await readProblem(reply)).toMatchObject({ status: 422, errors: [{ field }] });
  });

  test("needs the scope rollouts", async () => {
    const world = createWorld({ keyed: true });
    const key = await world.addKey("acme", "solve,datasets");
    const reply = await world.post(
      "/v1/feedback",
      { run_id: "r", value: 1, source: "a" },
      { authorization: `Bearer ${key}` },
    );
    expect(await readProblem(reply)).toMatchObject({ status: 403, code: "missing_scope" });
  });
});

describe("a record that is too large for one reply", () => {
  async function largeRecord(stored: string | null) {
    const records = new Map<string, string>();
    const rewards = createRewardStore(env.DB);
    const world = createWorld({ ledger, rewards, records, autoAnswer: "42" });
    const run_id = await endedRun(world);
    await rewards.record({
      tenant: "local",
      run_id,
      source: "ann",
      kind: "external",
      value: 0.5,
      components: null,
      reason: null,
      error_code: null,
      judge_model: null,
      prompt_version: null,
      at: "2026-11-22T10:00:00.000Z",
      delivery_key: `large/${run_id}`,
    });
    for (const session of world.sessions.values()) {
      session.getRecord = () => Promise.resolve({ kind: "found", value: { rollout_id: run_id, turns: null } });
    }
    if (stored !== null) {
      records.set(`local/${run_id}`, stored);
    }
    return world.get(`/v1/runs/${run_id}/record`);
  }

  test("is streamed from where it is stored, with the late rewards in it", async () => {
    const reply = await largeRecord('{"rollout_id":"run_1","turns":[{"turn_index":0}]}');
    expect(reply.headers.get("content-type")).toBe("application/json");
    expect(await reply.json()).toMatchObject({
      rollout_id: "run_1",
      turns: [{ turn_index: 0 }],
      rewards: [{ source: "ann", value: 0.5 }],
    });
  });

  test("is asked for again while it is not stored yet", async () => {
    expect(await readProblem(await largeRecord(null))).toMatchObject({ status: 503, code: "records_unavailable" });
  });
});

describe("a run whose late rewards cannot be read", () => {
  test("is shown without them", async () => {
    const broken = {
      ...createRewardStore(env.DB),
      ofRun: () => Promise.reject(new StoreFault("ledger_unavailable", "x")),
    };
    const world = createWorld({ ledger, rewards: broken, autoAnswer: "42" });
    const run_id = await endedRun(world);
    const reply = await world.get(`/v1/runs/${run_id}`);
    expect(reply.status).toBe(200);
    expect(await reply.json()).not.toHaveProperty("rewards");
    expect(await (await world.get(`/v1/runs/${run_id}/record`)).json()).not.toHaveProperty("rewards");
    expect(world.logs).toMatchObject([{ code: "ledger_unavailable" }, { code: "ledger_unavailable" }]);
  });

  test("that goes on asks the ledger nothing", async () => {
    const broken = { ...createRewardStore(env.DB), ofRun: () => Promise.reject(new Error("was asked")) };
    const world = createWorld({ ledger, rewards: broken });
    const reply = await world.post("/v1/solve", { query: "?", background: true });
    const { id }: { id: string } = await reply.json();
    expect((await world.get(`/v1/runs/${id}`)).status).toBe(200);
  });
});
