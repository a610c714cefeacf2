// A run as a rollout: started once for ever, recorded with its place, and reported to its batch after record and
// ledger row stand, however often a batch, a store or the session itself fails in between.

import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { RolloutBatch } from "../../durable-objects/rollout-batch.ts";
import type { RewardReport, RolloutReport } from "../../durable-objects/batch-api.ts";
import type { RolloutRef } from "../../src/agent/run-spec.ts";
import { createRewardStore } from "../../src/store/rewards.ts";
import { migrate } from "../support/migrate.ts";
import { startSessionModel } from "../support/session-model.ts";
import { crash, newSession, present, type SessionUnderTest, tenant, until } from "../support/session-object.ts";
import { losePuts, loseTable } from "../support/session-stores.ts";

beforeAll(() => migrate(env.DB));
beforeEach(() => {
  vi.spyOn(console, "warn").mockImplementation(() => undefined);
});
afterEach(() => vi.restoreAllMocks());

const rollout: RolloutRef = {
  batch_id: "bat_1",
  group_id: "grp_1",
  task_id: "t1",
  rollout_index: 3,
  rollout_attempt: 2,
  split: "train",
};
const exact = { rollout, reference: { answers: ["The answer is 42."] } };
const judged = { rollout, reference: { answers: ["42"], reward: { kind: "judge" as const } } };

interface Batch {
  readonly told: readonly (RolloutReport | RewardReport)[];
  isAway: boolean;
}

/** Every batch of the test's isolate, in the place of the real one. */
function listenAsBatch(): Batch {
  const told: (RolloutReport | RewardReport)[] = [];
  const batch = { told, isAway: false };
  const hear = async (report: RolloutReport | RewardReport): Promise<void> => {
    if (batch.isAway) {
      throw new Error("the batch is being moved");
    }
    told.push(report);
  };
  vi.spyOn(RolloutBatch.prototype, "rolloutEnded").mockImplementation(hear);
  vi.spyOn(RolloutBatch.prototype, "rewardRecorded").mockImplementation(hear);
  return batch;
}

const owesNothing = (session: SessionUnderTest) => until(async () => (await session.alarmAt()) === null);

async function postponed(session: SessionUnderTest, kind: string): Promise<number> {
  const rows = async () => session.sql(`SELECT next_at FROM outbox WHERE kind = '${kind}' AND attempts > 0`);
  await until(async () => (await rows()).length > 0);
  return Number((await rows())[0]?.["next_at"]);
}

test("a rollout's record, row and report say where it belongs", async () => {
  startSessionModel(1);
  const batch = listenAsBatch();
  const session = newSession();
  const run = await session.start(exact);
  await session.ended(run.id);
  await owesNothing(session);
  const place = { batch_id: "bat_1", group_id: "grp_1", task_id: "t1", rollout_index: 3, rollout_attempt: 2 };
  const stored = await env.BUCKET.get(`records/${tenant}/${run.id}.json`);
  expect(await stored?.json()).toMatchObject({
    ...place,
    split: "train",
    reward: 1,
    reward_pending: false,
    valid: true,
  });
  expect(await env.DB.prepare("SELECT * FROM runs WHERE run_id = ?").bind(run.id).first()).toMatchObject({
    ...place,
    status: "completed",
    invalid_reason: null,
    reward: 1,
    reward_kind: "exact",
    reward_components: '{"exact":1}',
    reward_pending: 0,
  });
  expect(batch.told).toEqual([
    {
      runId: run.id,
      groupId: "grp_1",
      taskId: "t1",
      rolloutIndex: 3,
      rolloutAttempt: 2,
      status: "completed",
      errorCode: null,
      invalidReason: null,
      reward: 1,
      isRewardPending: false,
      turns: 1,
      promptTokens: expect.any(Number),
      completionTokens: expect.any(Number),
    },
  ]);
});

test("a run by itself is no rollout and reports to nobody", async () => {
  startSessionModel(1);
  const batch = listenAsBatch();
  const session = newSession();
  const run = await session.start();
  await session.ended(run.id);
  await owesNothing(session);
  expect(batch.told).toEqual([]);
  const row = env.DB.prepare("SELECT batch_id, group_id, rollout_index FROM runs WHERE run_id = ?").bind(run.id);
  expect(await row.first()).toEqual({ batch_id: null, group_id: null, rollout_index: null });
});

test("starting it again, days later and after a crash, gives the run that there is", async () => {
  startSessionModel(1);
  listenAsBatch();
  const session = newSession();
  const run = await session.start(exact);
  expect(await session.tryStart(exact)).toMatchObject({ kind: "replayed", run: { id: run.id } });
  await session.ended(run.id);
  await owesNothing(session);
  await crash();
  vi.spyOn(Date, "now").mockReturnValue(Date.now() + 40 * 24 * 3600 * 1000);
  expect(await session.tryStart(exact)).toMatchObject({ kind: "replayed", run: { id: run.id, status: "completed" } });
  expect(await session.sql("SELECT count(*) AS runs FROM runs")).toEqual([{ runs: 1 }]);
});

test("a batch that cannot be reached is told later, and the record is not written again for it", async () => {
  startSessionModel(1);
  const batch = listenAsBatch();
  batch.isAway = true;
  const session = newSession();
  const run = await session.start(exact);
  await session.ended(run.id);
  const at = await postponed(session, "report");
  const before = await env.BUCKET.head(`records/${tenant}/${run.id}.json`);
  await crash();
  batch.isAway = false;
  vi.spyOn(Date, "now").mockReturnValue(at + 300_000);
  await runDurableObjectAlarm(session.stub());
  await owesNothing(session);
  expect(batch.told).toMatchObject([{ runId: run.id, reward: 1 }]);
  expect((await env.BUCKET.head(`records/${tenant}/${run.id}.json`))?.version).toBe(before?.version);
});

test.each([
  [
    "R2",
    async () => {
      const restore = losePuts();
      return async () => restore();
    },
  ],
  ["D1", () => loseTable("runs")],
] as const)("the batch hears nothing while %s is down, not even across a crash", async (_name, lose) => {
  startSessionModel(1);
  const batch = listenAsBatch();
  const restore = await lose();
  const session = newSession();
  const run = await session.start(exact);
  await session.ended(run.id);
  await postponed(session, "ended");
  await crash();
  expect(batch.told).toEqual([]);
  await restore();
  vi.spyOn(Date, "now").mockReturnValue((await postponed(session, "ended")) + 300_000);
  await runDurableObjectAlarm(session.stub());
  await owesNothing(session);
  expect(batch.told).toMatchObject([{ runId: run.id }]);
});

test("the batch hears of the end first and of the judge's verdict then", async () => {
  startSessionModel(1);
  const batch = listenAsBatch();
  const session = newSession();
  const run = await session.start(judged);
  await session.ended(run.id);
  await owesNothing(session);
  expect(batch.told).toEqual([
    expect.objectContaining({ runId: run.id, reward: null, isRewardPending: true, invalidReason: null }),
    { runId: run.id, reward: 1 },
  ]);
});

test("a verdict waits until the batch has heard of the end", async () => {
  startSessionModel(1);
  const batch = listenAsBatch();
  batch.isAway = true;
  const session = newSession();
  const run = await session.start(judged);
  await session.ended(run.id);
  const at = await postponed(session, "report");
  await until(async () => (await session.sql("SELECT 1 FROM outbox WHERE kind = 'reward'")).length === 1);
  batch.isAway = false;
  vi.spyOn(Date, "now").mockReturnValue(at + 300_000);
  await runDurableObjectAlarm(session.stub());
  await owesNothing(session);
  expect(batch.told).toMatchObject([
    { groupId: "grp_1", isRewardPending: true },
    { runId: run.id, reward: 1 },
  ]);
});

test("a judge that gave up is told as no reward, which is not 0", async () => {
  const model = startSessionModel(1);
  const batch = listenAsBatch();
  model.play((call) => (call.role === "judge" ? { status: 401 } : null));
  const session = newSession();
  const run = await session.start(judged);
  await session.ended(run.id);
  await owesNothing(session);
  expect(batch.told.at(-1)).toEqual({ runId: run.id, reward: null });
});

test("feedback that came before the report is part of it", async () => {
  startSessionModel(1);
  const batch = listenAsBatch();
  batch.isAway = true;
  const session = newSession();
  const run = await session.start({ rollout, reference: { answers: [], reward: { kind: "external" } } });
  await session.ended(run.id);
  const at = await postponed(session, "report");
  const { outcome } = await createRewardStore(env.DB).record({
    tenant,
    run_id: run.id,
    source: "reviewer",
    kind: "external",
    value: 0.5,
    components: null,
    reason: null,
    error_code: null,
    judge_model: null,
    prompt_version: null,
    at: "2026-11-22T10:00:00.000Z",
    delivery_key: `test/${run.id}`,
  });
  expect(outcome).toBe("recorded");
  batch.isAway = false;
  vi.spyOn(Date, "now").mockReturnValue(at + 300_000);
  await runDurableObjectAlarm(session.stub());
  await owesNothing(session);
  expect(batch.told).toMatchObject([{ runId: run.id, reward: 0.5, isRewardPending: false }]);
});

test("a rollout that was cancelled says so, and one that the engine failed", async () => {
  const model = startSessionModel(1);
  const batch = listenAsBatch();
  model.play(() => "hang");
  const cancelled = newSession();
  const run = await cancelled.start(exact);
  await cancelled.api().cancelRun(run.id);
  await owesNothing(cancelled);
  model.play((call) => (call.role === "planner" ? { status: 401 } : null));
  const failed = newSession();
  await failed.ended((await failed.start(exact)).id);
  await owesNothing(failed);
  expect(present(batch.told[0], "report")).toMatchObject({ status: "cancelled", invalidReason: "cancelled" });
  expect(batch.told[1]).toMatchObject({ status: "failed", errorCode: "engine_auth", invalidReason: "engine_failed" });
});
